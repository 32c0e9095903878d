/**
 * Completes a line for docker, in the form that cobra's shell scripts read: one candidate on each line, then `:` and what else the shell may
 * offer.
 */
import { leadingFlags } from "../../engine/command-line/leading-flags.ts";
import type { CommandDescription } from "../command-description.ts";
import { resolveEntry } from "../table.ts";
import type { Entry } from "../table-entry.ts";

type Offer = readonly [name: string, help: string];

/** How to complete a line. */
export interface PluginCompletion {
  /** what each candidate is, behind it */
  readonly descriptions: boolean;
  /** the private keys of this machine */
  readonly keys: () => Promise<readonly Offer[]>;
}

/** Bits of cobra's last line. */
const directives = { files: 0, noFiles: 4 } as const;

/**
 * The candidates for the last of `words`, which is being typed.
 *
 * @param words the line after `docker`, global flags included; the last one may be incomplete or empty
 */
export async function completeLine(words: readonly string[], how: PluginCompletion): Promise<string> {
  const typed = words.at(-1) ?? "";
  const { commandAt } = leadingFlags(words);
  const { entry, rest } = resolveEntry(words.slice(commandAt ?? words.length, -1));
  const description = (await entry.load?.())?.description;
  const wanted = wantedAfter(description, words.at(-2) ?? "");
  const keys = wanted.startsWith("key") && !typed.startsWith("-") ? await how.keys() : [];
  const offers = description === undefined ? commands(entry, rest) : [...flags(description, typed), ...keys];
  const lines = offers
    .filter(([name]) => name.startsWith(typed))
    .map(([name, help]) => (how.descriptions && help !== "" ? `${name}\t${help}` : name));
  const directive = /file$|^directory$/u.test(wanted) ? directives.files : directives.noFiles;
  return `${lines.map((line) => `${line}\n`).join("")}:${directive}\n`;
}

function commands(entry: Entry, rest: readonly string[]): readonly Offer[] {
  if (rest.length > 0) return [];
  return (entry.children ?? []).map(({ name, summary }) => [name, summary] as const);
}

function flags({ options }: CommandDescription, typed: string): readonly Offer[] {
  if (!typed.startsWith("-")) return [];
  const shown = Object.entries(options).filter(([, { hidden }]) => hidden !== true);
  return [...shown.map(([name, { help }]) => [`--${name}`, help] as const), ["--help", "Print usage"]];
}

/** What is looked up after this word: after a flag with a value that, else what the arguments are; empty for words that are known. */
function wantedAfter(description: CommandDescription | undefined, before: string): string {
  const option = before.startsWith("--") ? description?.options[before.slice(2)] : undefined;
  const complete = option === undefined || option.kind === "switch" ? description?.complete : option.complete;
  return typeof complete === "string" ? complete : "";
}
