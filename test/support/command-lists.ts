/** What the tables of engine commands say, as lists: to compare with what programs have, and with what the documents say. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandGroup, Standing } from "../../src/engine/command-line/command-table.ts";
import { commandTables, type ProgramKind } from "../../src/engine/command-line/invocation.ts";

/** A command and how content trust treats it. */
export interface ListedCommand {
  readonly path: readonly string[];
  readonly standing: Standing;
  /** commands follow its name; `standing` is what it is without one */
  readonly isGroup: boolean;
}

/** Every command of a program's table. Groups are there without their commands, too. */
export function listedCommands(program: ProgramKind): readonly ListedCommand[] {
  return [...below(commandTables[program], [])];
}

function* below(group: CommandGroup, path: readonly string[]): Generator<ListedCommand> {
  for (const [name, entry] of group.commands) {
    if (name.startsWith("__")) continue; // asked by shells alone
    if (entry.kind !== "group") yield { path: [...path, name], standing: entry, isGroup: false };
  }
  const groups = [...group.commands].flatMap(([name, entry]) => (entry.kind === "group" ? [{ name, entry }] : []));
  // a group with two names is one group
  for (const [entry, given] of Map.groupBy(groups, (found) => found.entry)) {
    const name = given.map((found) => found.name).join("|");
    yield { path: [...path, name], standing: entry.alone, isGroup: true };
    yield* below(entry, [...path, name]);
  }
}

/** What the table says of a command; undefined when it does not have it. What stands below a command that is no group is that command's own. */
export function standingOf(program: ProgramKind, path: readonly string[]): Standing | undefined {
  let entry: Standing | CommandGroup | undefined = commandTables[program];
  for (const name of path) {
    if (entry?.kind !== "group") return entry;
    entry = entry.commands.get(name);
  }
  return entry?.kind === "group" ? entry.alone : entry;
}

/** The lists of commands taken from the programs' sources, by file name. */
export function sourceLists(): ReadonlyMap<string, readonly string[]> {
  const directory = join(import.meta.dirname, "..", "vectors", "engine-commands");
  const names = globSync("*.txt", { cwd: directory }).toSorted();
  return new Map(
    names.map((name) => {
      const lines = readFileSync(join(directory, name), "utf8").split("\n");
      return [name, lines.filter((line) => line !== "" && !line.startsWith("#"))];
    }),
  );
}

/** The place of a source list's commands in Tagseal's tables: the program, and the words before them. */
export const sourcePlaces: Readonly<Record<string, { readonly program: ProgramKind; readonly below?: string }>> = {
  "docker-20.10.txt": { program: "docker" },
  "docker-29.txt": { program: "docker" },
  "buildx-0.36.txt": { program: "docker", below: "buildx" },
  "compose-2.txt": { program: "docker", below: "compose" },
  "compose-5.txt": { program: "docker", below: "compose" },
  "podman-5.txt": { program: "podman" },
  "buildah-1.44.txt": { program: "buildah" },
};

/** The list that the documents show for a program. */
export function commandList(program: ProgramKind): string {
  const commands = listedCommands(program);
  const rows = Map.groupBy(commands, ({ standing }) => rowOf(standing));
  const order = [...rows.keys()].toSorted((one, other) => rank(one) - rank(other));
  return order.map((row) => `- ${row}: ${names(rows.get(row) ?? [])}`).join("\n");
}

function rank(row: string): number {
  return ["Checked", "Passes", "Passes, unless", "Refused"].findLastIndex((start) => row.startsWith(start));
}

function rowOf(standing: Standing): string {
  if (standing.kind === "covered") return "Checked";
  if (standing.kind === "refused") return `Refused, because ${standing.refusal.because}`;
  return standing.unless === undefined ? "Passes" : `Passes, unless ${standing.unless.because}`;
}

/** `load` `tag`; **image** `load` `tag`: the commands of a group behind its name. */
function names(commands: readonly ListedCommand[]): string {
  const byGroup = Map.groupBy(commands, ({ path }) => path.slice(0, -1).join(" "));
  const alone = byGroup.get("") ?? [];
  const list = (found: readonly ListedCommand[]): string =>
    found.map(({ path }) => `\`${path.at(-1) ?? ""}\``).join(" ");
  const groups = [...byGroup].filter(([group]) => group !== "");
  return [list(alone), ...groups.map(([group, found]) => `**${group}** ${list(found)}`)]
    .filter((text) => text !== "")
    .join("; ");
}
