/**
 * Parses a command line of docker or podman far enough to put it under content trust: the command, the values of its flags,
 * and the word that is the image. Everything that is not Tagseal's stays as it was typed.
 */
import { parseBoolean } from "./boolean.ts";
import { composeFlags, findComposeWord } from "./compose-flags.ts";
import { type CommandPath, findCommandPath, lastHelp, strayEnd, withoutHelp } from "./command-path.ts";
import type { CommandGroup, Standing, TrustedWord } from "./command-table.ts";
import { dockerCommands } from "./docker-commands.ts";
import { dockerFlags } from "./docker-flags.ts";
import { type GivenFlag, type ReadFlags, readFlags, UnknownFlagError } from "./flag-reading.ts";
import { flagTable, type FlagTable, joinTables } from "./flag-table.ts";
import { flagsInHelp } from "./help-flags.ts";
import { ownFlags } from "./own-flags.ts";
import { buildahCommands, podmanCommands } from "./podman-commands.ts";
import { podmanFlags } from "./podman-flags.ts";

/** The engines there are. */
export type EngineKind = "docker" | "podman";

/** The programs whose command lines are understood. buildah is not an engine: none of its commands runs under content trust. */
export type ProgramKind = EngineKind | "buildah";

/** A word that is not a flag: an image, a build context, or part of a container's command. */
export interface Operand {
  readonly text: string;
  /** its place in {@link EngineInvocation.argv} */
  readonly index: number;
}

/** A flag with its place. */
export interface PlacedFlag {
  /** long name */
  readonly name: string;
  readonly value: string;
  /** place of the word that contains the value, in {@link EngineInvocation.argv} */
  readonly index: number;
  /** the part of that word before the value: `--mount=`, or nothing */
  readonly before: string;
}

/** A parsed command line of docker or podman. */
export interface EngineInvocation {
  /**
   * the whole line for the real engine: global flags, command and arguments, without Tagseal's flags and without `--help` before the command's
   * name
   */
  readonly argv: readonly string[];
  /** the flags before the command, as given: `-H`, `--context`, …; without `--help` and `--` */
  readonly globalArgs: readonly string[];
  /** undefined: not a command under content trust */
  readonly word: TrustedWord | undefined;
  /** how content trust treats the command; undefined: an unknown command */
  readonly standing: Standing | undefined;
  /** `["image", "push"]`, `["buildx", "build"]`, `["run"]`; empty when there is no command */
  readonly commandPath: readonly string[];
  /** long name → values in the order given, switches as `true` or `false`. Without `--disable-content-trust` */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** the flags after the command that have a value, in the order given */
  readonly placedFlags: readonly PlacedFlag[];
  /** value of the last `--disable-content-trust`; undefined when it was not given. Of commands without a `word` only `false` is read */
  readonly disableContentTrust: boolean | undefined;
  /** for create and run the image comes first, then the container's command, untouched */
  readonly operands: readonly Operand[];
  /** everything after the command path, without Tagseal's flags */
  readonly args: readonly string[];
  /** the engine would only print the help of the command */
  readonly help: boolean;
}

/** Asks the engine for the help text of a command: `docker image push --help`. */
export type Describe = (commandPath: readonly string[]) => Promise<string>;

/** Every command of each program. */
export const commandTables: Readonly<Record<ProgramKind, CommandGroup>> = {
  docker: dockerCommands,
  podman: podmanCommands,
  buildah: buildahCommands,
};

const ownTable = flagTable({ switches: ownFlags.join(" ") });

/**
 * Parses a command line.
 *
 * @param argv the words after the program's name
 * @param describe called only for flags that Tagseal's tables do not have
 * @returns with `word` undefined for every command that does not run under content trust
 * @throws UsageError `USAGE` for flags that neither Tagseal's tables nor the engine's help have, in the engine's words. Under content trust
 *   a line that cannot be read to its end is refused: the image could be anywhere in it
 */
export async function parseInvocation(
  argv: readonly string[],
  program: ProgramKind,
  describe?: Describe,
): Promise<EngineInvocation> {
  const commands = commandTables[program];
  const read = async (line: readonly string[], table: FlagTable, path: readonly string[]): Promise<ReadFlags> =>
    await reading(line, table, { stopsAtOperand: true, path, describe });
  const before = await read(argv, commands.flags, []);
  if (before.endedAt !== undefined && program !== "docker") throw strayEnd();
  const globalArgs = withoutHelp(argv, before);
  const line = argv.slice(before.operands[0] ?? argv.length);
  // podman and buildah print their version, whatever follows; docker reads on
  const isVersion = program !== "docker" && before.flags.some(({ name }) => name === "version");
  const command = await findCommandPath(isVersion ? [] : line, commands, read);
  const help = command.help ?? lastHelp(before);
  const { standing } = command;
  if (standing?.kind !== "covered" || program === "buildah") return foreign(command, globalArgs, help);
  const { word } = standing;
  const declaresHelp = word === "create" || word === "run";
  const stopsAtOperand = declaresHelp || (word === "compose" && command.path.at(-1) === "run");
  const own = await reading(command.rest, joinTables(ownTable, flagsOf(word, command.path, program)), {
    stopsAtOperand,
    path: command.path,
    describe: word === "compose" ? undefined : describe,
  });
  // create and run declare --help themselves, because -h is the host's name there
  const isHelp = (declaresHelp ? lastHelp(own) : (lastHelp(own) ?? help)) === true;
  return assembled({ globalArgs, word, command, read: own, help: isHelp });
}

function flagsOf(word: TrustedWord, path: readonly string[], program: EngineKind): FlagTable {
  if (word !== "compose") return (program === "docker" ? dockerFlags : podmanFlags)[word];
  const command = findComposeWord(path.at(-1));
  if (command === undefined) throw new TypeError(`no flags are known for ${path.join(" ")}`);
  return composeFlags[command];
}

interface ReadingPlace {
  readonly stopsAtOperand: boolean;
  readonly path: readonly string[];
  readonly describe: Describe | undefined;
}

/** Reads flags by the table, and also by the engine's help when the table lacks one. */
async function reading(line: readonly string[], table: FlagTable, place: ReadingPlace): Promise<ReadFlags> {
  const { stopsAtOperand, path, describe } = place;
  try {
    return readFlags(line, { table, stopsAtOperand });
  } catch (error) {
    if (!(error instanceof UnknownFlagError) || describe === undefined) throw error;
    const learnt = flagsInHelp(await describe(path));
    return readFlags(line, { table: joinTables(joinTables(ownTable, learnt), table), stopsAtOperand });
  }
}

function foreign(
  { path, words, standing, rest }: CommandPath,
  globalArgs: readonly string[],
  before: boolean | undefined,
): EngineInvocation {
  const help = before === true || (rest.length === 1 && rest[0] === "--help");
  const args = help ? ["--help"] : rest;
  return {
    argv: [...globalArgs, ...words, ...args],
    globalArgs,
    word: undefined,
    standing,
    commandPath: path,
    flags: new Map(),
    placedFlags: [],
    disableContentTrust: standing?.kind !== "harmless" && asksForTrust(rest) ? false : undefined,
    operands: [],
    args,
    help,
  };
}

/** Engines from docker 29 on take the flag and ignore it, so that a command which cannot be checked must not reach them. */
function asksForTrust(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  const before = "--disable-content-trust=";
  const given = words.slice(0, end === -1 ? undefined : end).findLast((word) => word.startsWith(before));
  return given !== undefined && parseBoolean(given.slice(before.length)) === false;
}

interface Parts {
  readonly globalArgs: readonly string[];
  readonly word: TrustedWord;
  readonly command: CommandPath;
  readonly read: ReadFlags;
  readonly help: boolean;
}

function assembled({ globalArgs, word, command, read, help }: Parts): EngineInvocation {
  const { path, words, standing, rest } = command;
  const dropped = new Set(read.flags.filter(({ name }) => ownFlags.includes(name)).map(({ at }) => at));
  const kept = rest.map((text, index) => ({ text, index })).filter(({ index }) => !dropped.has(index));
  const before = globalArgs.length + words.length;
  const places = new Map(kept.map(({ index }, place) => [index, before + place]));
  const args = kept.map(({ text }) => text);
  const trust = read.flags.findLast(({ name }) => name === "disable-content-trust")?.value;
  return {
    argv: [...globalArgs, ...words, ...(help ? ["--help"] : args)],
    globalArgs,
    word,
    standing,
    commandPath: path,
    flags: valuesByName(read.flags),
    placedFlags: help ? [] : placed(read.flags, rest, places),
    disableContentTrust: trust === undefined ? undefined : trust === "true",
    operands: read.operands.map((index) => ({ text: rest[index] ?? "", index: places.get(index) ?? -1 })),
    args,
    help,
  };
}

function valuesByName(flags: readonly GivenFlag[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const { name, value } of flags) {
    if (name !== "disable-content-trust") values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

function placed(
  flags: readonly GivenFlag[],
  words: readonly string[],
  places: ReadonlyMap<number, number>,
): readonly PlacedFlag[] {
  return flags.flatMap(({ name, value, at, words: count }) => {
    const word = at + count - 1;
    const text = words[word] ?? "";
    const index = places.get(word);
    if (index === undefined || !text.endsWith(value)) return []; // a switch, spelled otherwise
    return [{ name, value, index, before: text.slice(0, text.length - value.length) }];
  });
}

/** `argv` of the invocation with another value for a flag, and everything else as it is. */
export function replaceFlagValue(argv: readonly string[], flag: PlacedFlag, value: string): string[] {
  return replaceWord(argv, { index: flag.index, text: flag.before + flag.value }, flag.before + value);
}

/** The command line for the real engine with one operand replaced, and everything else as it was. */
export function replaceOperand(invocation: EngineInvocation, operand: Operand, text: string): string[] {
  return replaceWord(invocation.argv, operand, text);
}

function replaceWord(argv: readonly string[], { index, text }: Operand, replacement: string): string[] {
  if (argv[index] !== text) throw new TypeError("the word is not of this command line");
  return argv.with(index, replacement);
}

/** The last value of a flag that takes one; undefined when it was not given. */
export function flagValue(invocation: EngineInvocation, name: string): string | undefined {
  return invocation.flags.get(name)?.at(-1);
}

/** Whether a switch is on: the last one given decides. */
export function isFlagOn(invocation: EngineInvocation, name: string): boolean {
  return flagValue(invocation, name) === "true";
}
