/**
 * Understands a command line of docker or podman far enough to put it under content trust: which command it is, what its flags
 * say, and which word is the image. Whatever is not ours stays as it was typed.
 */
import { dockerFlags, dockerGlobalFlags, buildxFlags } from "./docker-flags.ts";
import { type GivenFlag, type ReadFlags, readFlags, UnknownFlagError } from "./flag-reading.ts";
import { flagTable, type FlagTable, joinTables } from "./flag-table.ts";
import { flagsInHelp } from "./help-flags.ts";
import { ownFlags } from "./own-flags.ts";
import { podmanFlags, podmanGlobalFlags } from "./podman-flags.ts";

/** The engines there are. */
export type EngineKind = "docker" | "podman";

/** The commands that content trust is about. */
export type TrustedWord = "push" | "pull" | "build" | "create" | "run";

/** A word that is no flag: an image, a build context, or part of a container's command. */
export interface Operand {
  readonly text: string;
  /** its place in {@link EngineInvocation.argv} */
  readonly index: number;
}

/** A command line of docker's or podman's, understood. */
export interface EngineInvocation {
  /** the whole line for the real engine: global flags, command and arguments, without what only we understand */
  readonly argv: readonly string[];
  /** what stands before the command, as given: `-H`, `--context`, … */
  readonly globalArgs: readonly string[];
  /** undefined: not a command of ours, to be handed over unchanged */
  readonly word: TrustedWord | undefined;
  /** `["image", "push"]`, `["buildx", "build"]`, `["run"]`; empty when there is no command */
  readonly commandPath: readonly string[];
  /** long name → values in the order given, switches as `true` or `false`. Without `--disable-content-trust` */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** value of the last `--disable-content-trust`; undefined when it was not given */
  readonly disableContentTrust: boolean | undefined;
  /** for create and run the image comes first, then the container's command, untouched */
  readonly operands: readonly Operand[];
  /** everything after the command path, without what only we understand */
  readonly args: readonly string[];
  /** `--help` was among the flags */
  readonly help: boolean;
}

/** Asks the engine for the help text of a command: `docker image push --help`. */
export type Describe = (commandPath: readonly string[]) => Promise<string>;

const groups: Readonly<Record<string, Readonly<Record<string, TrustedWord>>>> = {
  image: { push: "push", pull: "pull", build: "build" },
  container: { create: "create", run: "run" },
  buildx: { build: "build", b: "build" },
  builder: { build: "build", b: "build" },
};
/** `docker manifest push` pushes a list that docker made from a registry's images, and has never been under content trust. */
const podmanGroups: typeof groups = { ...groups, manifest: { push: "push" } };
const words: ReadonlySet<string> = new Set(["push", "pull", "build", "create", "run"]);

const ownTable = flagTable({ switches: ownFlags.join(" ") });

/**
 * Understands a command line.
 *
 * @param argv the words after the program's name
 * @param describe asked only about flags that our tables do not have
 * @returns with `word` undefined for every command that is not ours
 * @throws UsageError `USAGE` for flags that neither we nor the engine's help know, in the engine's words. Whoever cannot read a
 *   line to its end must not hand it over under content trust: the image could be anywhere in it
 */
export async function parseInvocation(
  argv: readonly string[],
  engine: EngineKind,
  describe?: Describe,
): Promise<EngineInvocation> {
  const globals = engine === "docker" ? dockerGlobalFlags : podmanGlobalFlags;
  const before = await reading(argv, globals, { stopsAtOperand: true, path: [], describe });
  const start = before.operands[0] ?? argv.length;
  const command = await findCommand(argv.slice(start), engine, describe);
  const globalArgs = argv.slice(0, start);
  if (command === undefined) return foreign(argv, globalArgs, before.help);
  const tables = engine === "docker" ? dockerFlags : podmanFlags;
  const { word, path, rest } = command;
  const table = joinTables(ownTable, tables[word]);
  const stopsAtOperand = word === "create" || word === "run";
  const read = await reading(rest, table, { stopsAtOperand, path, describe });
  return assembled({ globalArgs, word, path, rest, read, help: before.help || read.help });
}

interface FoundCommand {
  readonly word: TrustedWord;
  readonly path: readonly string[];
  /** flags between `buildx` and `build` moved behind it, where buildx takes them as well */
  readonly rest: readonly string[];
}

async function findCommand(
  line: readonly string[],
  engine: EngineKind,
  describe: Describe | undefined,
): Promise<FoundCommand | undefined> {
  const [first = "", ...following] = line;
  if (isTrustedWord(first)) return { word: first, path: [first], rest: following };
  const known = engine === "podman" ? podmanGroups : groups;
  const group = Object.hasOwn(known, first) ? known[first] : undefined;
  if (group === undefined) return undefined;
  const isBuilder = first === "buildx" || first === "builder";
  const table = isBuilder ? buildxFlags : flagTable({ switches: "help" });
  const between = await reading(following, table, { stopsAtOperand: true, path: [first], describe });
  const [at] = between.operands;
  const name = at === undefined ? "" : (following[at] ?? "");
  const word = Object.hasOwn(group, name) ? group[name] : undefined;
  if (at === undefined || word === undefined) return undefined;
  // A lone "--" before the subcommand would end the flags behind it, too.
  const moved = following.slice(0, at).filter((text) => text !== "--");
  return { word, path: [first, name], rest: [...moved, ...following.slice(at + 1)] };
}

function isTrustedWord(word: string): word is TrustedWord {
  return words.has(word);
}

interface ReadingPlace {
  readonly stopsAtOperand: boolean;
  readonly path: readonly string[];
  readonly describe: Describe | undefined;
}

/** Reads flags by our table; by the engine's own help, too, when ours lacks one. */
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

function foreign(argv: readonly string[], globalArgs: readonly string[], help: boolean): EngineInvocation {
  return {
    argv,
    globalArgs,
    word: undefined,
    commandPath: [],
    flags: new Map(),
    disableContentTrust: undefined,
    operands: [],
    args: argv.slice(globalArgs.length),
    help,
  };
}

interface Parts {
  readonly globalArgs: readonly string[];
  readonly word: TrustedWord;
  readonly path: readonly string[];
  readonly rest: readonly string[];
  readonly read: ReadFlags;
  readonly help: boolean;
}

function assembled({ globalArgs, word, path, rest, read, help }: Parts): EngineInvocation {
  const dropped = new Set(read.flags.filter(({ name }) => ownFlags.includes(name)).map(({ at }) => at));
  const kept = rest.map((text, index) => ({ text, index })).filter(({ index }) => !dropped.has(index));
  const before = globalArgs.length + path.length;
  const places = new Map(kept.map(({ index }, place) => [index, before + place]));
  const args = kept.map(({ text }) => text);
  const trust = read.flags.findLast(({ name }) => name === "disable-content-trust")?.value;
  return {
    argv: [...globalArgs, ...path, ...args],
    globalArgs,
    word,
    commandPath: path,
    flags: valuesByName(read.flags),
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

/** The command line for the real engine with one operand replaced, and everything else as it was. */
export function replaceOperand(invocation: EngineInvocation, operand: Operand, text: string): string[] {
  if (invocation.argv[operand.index] !== operand.text) throw new TypeError("the operand is not of this invocation");
  return invocation.argv.with(operand.index, text);
}

/** The last value of a flag that takes one; undefined when it was not given. */
export function flagValue(invocation: EngineInvocation, name: string): string | undefined {
  return invocation.flags.get(name)?.at(-1);
}

/** Whether a switch is on: the last one given decides. */
export function isFlagOn(invocation: EngineInvocation, name: string): boolean {
  return flagValue(invocation, name) === "true";
}
