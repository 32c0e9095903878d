/** Renders help. It begins in docker's layout; more details follow. */
import type { CommandDescription } from "../command-description.ts";
import type { Option, Options } from "../options/option.ts";
import type { Entry } from "../table-entry.ts";
import { wrap } from "../output/wrap.ts";
import { commandLine, programName } from "./usage-error.ts";

/** Help is never wider than this, however wide the terminal: long lines are hard to read. */
const maxColumns = 100;

/** The whole help text of a command. */
export function renderHelp(description: CommandDescription, columns: number, program: string = programName): string {
  const width = Math.min(columns, maxColumns);
  const sections = [
    `Usage:  ${commandLine(description.path, program)} ${description.usage}`.trimEnd(),
    description.summary,
    ...(description.description ?? []).map((paragraph) => paragraphText(paragraph, width)),
    optionsSection("Options:", description.options, width),
    examplesSection(description),
    pairsSection("Environment:", description.environment ?? [], width),
    pairsSection("Exit status:", exitStatuses(description), width),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function paragraphText(paragraph: string, width: number): string {
  return paragraph.startsWith("  ") ? paragraph : wrap(paragraph, width, "");
}

function optionsSection(heading: string, options: Options, width: number): string {
  const shown = shownOptions(options);
  if (shown.length === 0) return "";
  const rows = shown.map(([name, option]) => [signature(name, option), optionText(option)] as const);
  return `${heading}\n${twoColumns(rows, width)}`;
}

/** The flags that help shows, in its order. */
export function shownOptions(options: Options): readonly (readonly [string, Option])[] {
  return Object.entries(options)
    .filter(([, option]) => option.hidden !== true)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function signature(name: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const value = option.kind === "switch" ? "" : ` ${option.value}`;
  return `${short}--${name}${value}`;
}

/** The help of a flag, with its default. */
export function optionText(option: Option): string {
  return option.kind === "text" && option.default !== undefined
    ? `${option.help} (default "${option.default}")`
    : option.help;
}

function examplesSection(description: CommandDescription): string {
  const examples = description.examples ?? [];
  if (examples.length === 0) return "";
  return `Examples:\n${examples.map(({ text, line }) => `  # ${text}\n  $ ${line}`).join("\n\n")}`;
}

/** The meanings of a command's exit statuses, 0 and 1 included; nothing when it has no others. */
export function exitStatuses(description: CommandDescription): readonly (readonly [string, string])[] {
  const special = description.exitCodes ?? [];
  if (special.length === 0) return [];
  const all = new Map<number, string>([
    [0, "done"],
    [1, "any other failure"],
  ]);
  // A command's own meaning of 1 comes before the general one.
  for (const [code, text] of special) all.set(code, code === 1 ? `${text}; or any other failure` : text);
  return [...all].toSorted(([a], [b]) => a - b).map(([code, text]) => [String(code), text] as const);
}

function pairsSection(heading: string, pairs: readonly (readonly [string, string])[], width: number): string {
  return pairs.length === 0 ? "" : `${heading}\n${twoColumns(pairs, width)}`;
}

/** A left column as wide as needed, three spaces, and a wrapped right column. */
function twoColumns(rows: readonly (readonly [string, string])[], width: number): string {
  const left = Math.max(...rows.map(([name]) => name.length));
  const indent = " ".repeat(left + 5);
  return rows.map(([name, text]) => `  ${name.padEnd(left)}   ${wrap(text, width, indent)}`).join("\n");
}

/** The help of a group of commands, in docker's layout: groups first, then commands. */
export function renderGroupHelp(path: string, entry: Entry, program: string = programName): string {
  const command = commandLine(path, program);
  const children = entry.children ?? [];
  const width = Math.max(11, ...children.map(({ name }) => name.length));
  const list = (heading: string, entries: readonly Entry[]): string =>
    entries.length === 0
      ? ""
      : `${heading}\n${entries.map(({ name, summary }) => `  ${name.padEnd(width)} ${summary}`).join("\n")}\n\n`;
  return (
    `Usage:  ${command} COMMAND\n\n${entry.summary}\n\n` +
    list(
      "Management Commands:",
      children.filter(({ children: below }) => below !== undefined),
    ) +
    list(
      "Commands:",
      children.filter(({ children: below }) => below === undefined),
    ) +
    (path === "" ? `${optionsSection("Global Options:", globalOptions, maxColumns)}\n\n${otherCommands}\n\n` : "") +
    `Run '${command} COMMAND --help' for more information on a command.\n`
  );
}

/** The flags of the program, which come before every command. */
export const globalOptions: Options = {
  config: { kind: "text", value: "string", help: "Location of client config files", default: "~/.docker" },
  debug: { kind: "switch", short: "D", help: "Show where an error came from" },
  engine: { kind: "text", value: "string", help: "Container engine: docker, podman, or a path to one" },
  policy: { kind: "text", value: "file", help: "Policy that decides which images may be used" },
  "trust-pinning": { kind: "text", value: "file", help: "Pins for first contact, such as notary's config.json" },
  version: { kind: "switch", short: "v", help: "Print version information and quit" },
};

/** What happens to words that are not Tagseal's commands. */
export const otherCommands = "Every other command is the container engine's: 'tagseal ps' is 'docker ps'.";
