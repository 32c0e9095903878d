/** Command lines of Tagseal in texts: hints of the source, sentences of the documentation. Each must be one that Tagseal takes. */
import { parseLine } from "../../src/cli/argument-parser.ts";
import type { Entry } from "../../src/cli/table-entry.ts";
import { root } from "../../src/cli/table.ts";
import { TagsealError } from "../../src/errors.ts";

/** A command line that a text names. */
export interface MentionedCommand {
  readonly line: string;
  /** the text ends with it, after a colon: it is there to be pasted as it is */
  readonly isPasted: boolean;
}

const engineWords: ReadonlySet<string> = new Set(["build", "create", "run", "pull", "push"]);

/** What ends a command line within a sentence. */
const end =
  /["`\n]|'(?=[\s.,;)]|$)|[.,;:](?=\s|$)|\)(?=[\s.,;]|$)|…|\s(?:\||&&|\d?[<>])(?=\s|\d|$)| (?:and|or) | \(their /u;

/** The command lines in a text. Places that are filled in when it is shown, `${…}`, are one word. */
export function mentionedCommands(text: string): readonly MentionedCommand[] {
  const flat = text
    // What follows a word without a space brings its space along, if it brings anything.
    .replaceAll(/(?<=[a-z])\$\{(?:[^{}]|\{[^{}]*\})*\}/gu, "")
    .replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/gu, "WORD")
    .replaceAll("\\`", "`")
    .replaceAll(String.raw`\n`, "\n");
  return [...flat.matchAll(/(?<before>: |^|[\s"`'(])tagseal (?!or |and |with )(?=[a-z])/gu)].map((match) => {
    const start = match.index + match[0].length;
    const rest = flat.slice(start);
    // Alternatives in parentheses are shown in usage lines only.
    const usage = /^[^"`\n]*[[(]-/u.exec(rest) === null ? end : /["`\n]/u;
    const length = usage.exec(rest)?.index ?? rest.length;
    const line = `tagseal ${rest.slice(0, length).trim()}`;
    const isPasted = match.groups?.["before"] === ": " && start + length >= flat.length;
    return { line, isPasted };
  });
}

/** What is wrong with a command line: a word that is not a command, an unknown flag, a flag without its value; undefined when Tagseal takes it. */
export async function faultOf({ line, isPasted }: MentionedCommand): Promise<string | undefined> {
  const words = line
    .split(/\s+/u)
    .slice(1)
    .map((word) => word.replaceAll(/["'()[\]]/gu, ""))
    .filter((word) => word !== "" && word !== "|");
  const { entry, rest } = find(words);
  // With content trust off these are the engine's own, with all of its flags.
  if (engineWords.has(entry.name)) return undefined;
  const command = await entry.load?.();
  if (command === undefined) return rest.length === 0 ? undefined : `no command "${line}"`;
  const { options, args } = command.description;
  // A flag alone, in prose, lacks its value there.
  const complete = isPasted || !/--?[\w-]+$/u.test(line) ? rest : [...rest, "VALUE"];
  try {
    const { args: given } = parseLine(complete, options);
    const isShort = isPasted && given.length < args.min;
    const isLong = isPasted && given.length > (args.max ?? Infinity);
    return isShort || isLong ? `${given.length} arguments in "${line}"` : undefined;
  } catch (error) {
    if (error instanceof TagsealError) return `${error.message} in "${line}"`;
    throw error;
  }
}

function find(words: readonly string[]): { readonly entry: Entry; readonly rest: readonly string[] } {
  let entry = root;
  let used = 0;
  for (const word of words) {
    const child = entry.children?.find(({ name }) => name === word);
    if (child === undefined) break;
    entry = child;
    used += 1;
  }
  return { entry, rest: words.slice(used) };
}
