/**
 * Completes a line for docker, in the form that cobra's shell scripts read: one candidate on each line, then `:` and what else the shell may
 * offer.
 */
import { leadingFlags } from "../../engine/command-line/leading-flags.ts";
import type { CommandDescription } from "../command-description.ts";
import { resolveEntry } from "../table.ts";
import type { Entry } from "../table-entry.ts";

/** Bits of cobra's last line. */
const directives = { files: 0, noFiles: 4 } as const;

/**
 * The candidates for the last of `words`, which is being typed.
 *
 * @param words the line after `docker`, global flags included; the last one may be incomplete or empty
 */
export async function completeLine(words: readonly string[], how: { readonly descriptions: boolean }): Promise<string> {
  const typed = words.at(-1) ?? "";
  const { commandAt } = leadingFlags(words);
  const { entry, rest } = resolveEntry(words.slice(commandAt ?? words.length, -1));
  const description = (await entry.load?.())?.description;
  const offers = description === undefined ? commands(entry, rest) : flags(description, typed);
  const lines = offers
    .filter(([name]) => name.startsWith(typed))
    .map(([name, help]) => (how.descriptions && help !== "" ? `${name}\t${help}` : name));
  const directive = wantsFile(description, words.at(-2) ?? "") ? directives.files : directives.noFiles;
  return `${lines.map((line) => `${line}\n`).join("")}:${directive}\n`;
}

type Offer = readonly [name: string, help: string];

function commands(entry: Entry, rest: readonly string[]): readonly Offer[] {
  if (rest.length > 0) return [];
  return (entry.children ?? []).map(({ name, summary }) => [name, summary] as const);
}

function flags({ options }: CommandDescription, typed: string): readonly Offer[] {
  if (!typed.startsWith("-")) return [];
  const shown = Object.entries(options).filter(([, { hidden }]) => hidden !== true);
  return [...shown.map(([name, { help }]) => [`--${name}`, help] as const), ["--help", "Print usage"]];
}

/** After a flag whose value is a file, and for arguments that are files, the shell knows better. */
function wantsFile(description: CommandDescription | undefined, before: string): boolean {
  if (description === undefined) return false;
  const option = before.startsWith("--") ? description.options[before.slice(2)] : undefined;
  const complete = option === undefined || option.kind === "switch" ? description.complete : option.complete;
  return complete === "file" || complete === "directory";
}
