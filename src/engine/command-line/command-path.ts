/**
 * Finds the command of a line. docker and podman use cobra, which has special rules for flags between the words of a command
 * (`docker image --help pull`); a line that cobra could read differently is refused.
 */
import { UsageError } from "../../errors.ts";
import type { CommandGroup, Standing } from "./command-table.ts";
import type { ReadFlags } from "./flag-reading.ts";
import type { FlagTable } from "./flag-table.ts";

/** A command and the words around it. */
export interface CommandPath {
  /** only the names: `["compose", "up"]` */
  readonly path: readonly string[];
  /** the names with the flags that have to stay between them, without help flags */
  readonly words: readonly string[];
  /** undefined: the last name of the path is in no table */
  readonly standing: Standing | undefined;
  /** what follows, with the flags from between the names that mean the same here, without help flags */
  readonly rest: readonly string[];
  /** the last `--help` between the names; undefined when there was none */
  readonly help: boolean | undefined;
}

/** Reads the flags before the next name. `path`: the names so far */
export type ReadBetween = (line: readonly string[], table: FlagTable, path: readonly string[]) => Promise<ReadFlags>;

/**
 * Finds the command.
 *
 * @param line begins with the first name of the command
 * @throws UsageError `USAGE` for flags that do not belong there
 */
export async function findCommandPath(
  line: readonly string[],
  engine: CommandGroup,
  read: ReadBetween,
): Promise<CommandPath> {
  let group = engine;
  let rest = line;
  let help: boolean | undefined;
  const path: string[] = [];
  const words: string[] = [];
  const moved: string[] = [];
  const found = (standing: Standing | undefined): CommandPath => ({
    path,
    words,
    standing,
    rest: [...moved, ...rest],
    help,
  });
  for (;;) {
    const [name] = rest;
    if (name === undefined) return found(group.alone);
    path.push(name);
    words.push(name);
    const entry = group.commands.get(name);
    rest = rest.slice(1);
    if (entry?.kind !== "group") return found(entry);
    group = entry;
    const between = await read(rest, group.flags, path);
    if (between.endedAt !== undefined) throw strayEnd();
    help = lastHelp(between) ?? help;
    (group.flagsMove ? moved : words).push(...withoutHelp(rest, between));
    rest = rest.slice(between.operands[0] ?? rest.length);
  }
}

/** cobra skips the word after it. */
export function strayEnd(): UsageError {
  return new UsageError("USAGE", 'bad flag syntax: "--" before the command');
}

/** The value of the last `--help`; undefined when there was none. */
export function lastHelp({ flags }: ReadFlags): boolean | undefined {
  const value = flags.findLast(({ name }) => name === "help")?.value;
  return value === undefined ? undefined : value === "true";
}

/** The words of the flags as given, without `--help`; if it shares its word with other flags, these are spelled out. */
export function withoutHelp(line: readonly string[], { flags }: ReadFlags): string[] {
  const byPlace = Map.groupBy(flags, ({ at }) => at);
  return [...byPlace].flatMap(([at, given]) => {
    const others = given.filter(({ name }) => name !== "help");
    if (others.length === given.length) return line.slice(at, at + Math.max(...given.map(({ words }) => words)));
    return others.map(({ name, value }) => `--${name}=${value}`);
  });
}
