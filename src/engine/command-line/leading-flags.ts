/** The flags before the command, read without knowing the engine yet: just far enough to find the command's name. */
import { dockerGlobalFlags } from "./docker-flags.ts";
import { type GivenFlag, readFlags } from "./flag-reading.ts";
import { flagTable, joinTables } from "./flag-table.ts";
import { podmanGlobalFlags } from "./podman-flags.ts";
import { hasCode } from "../../errors.ts";

const table = joinTables(dockerGlobalFlags, podmanGlobalFlags);
/** Tagseal's own flags before the command, each with a value. */
const ownNames = ["engine", "policy", "trust-pinning"] as const;
const withOwn = joinTables(flagTable({ values: ownNames.join(" ") }), table);

/** The place of the command in a line, and the flags before it. */
export interface LeadingFlags {
  readonly flags: readonly GivenFlag[];
  /** index of the command's name; undefined when there is none */
  readonly commandAt: number | undefined;
  /** false when a flag before the command is unknown here: the command could then be any of the words */
  readonly isReadable: boolean;
}

/** Finds the command. Never throws: what cannot be read here is left to code that knows the engine. */
export function leadingFlags(argv: readonly string[]): LeadingFlags {
  try {
    const { flags, operands } = readFlags(argv, { table, stopsAtOperand: true });
    return { flags, commandAt: operands[0], isReadable: true };
  } catch (error) {
    if (hasCode(error, "USAGE")) return { flags: [], commandAt: undefined, isReadable: false };
    throw error;
  }
}

/** A line without Tagseal's flags, and their values. */
export interface TakenFlags {
  readonly line: readonly string[];
  readonly engine: string | undefined;
  readonly policy: string | undefined;
  readonly trustPinning: string | undefined;
}

/**
 * `--engine NAME`, `--policy FILE` and `--trust-pinning FILE` before the command are Tagseal's; the engine must not get them. The last one of each counts.
 *
 * @returns the line without them; if the line cannot be read, only the first of each before the first word that is not a flag is removed
 */
export function takeOwnFlags(argv: readonly string[]): TakenFlags {
  const given = ownFlagsIn(argv);
  const taken = new Set(given.flatMap(({ at, words }) => Array.from({ length: words }, (_, index) => at + index)));
  const last = (wanted: (typeof ownNames)[number]) => given.findLast(({ name }) => name === wanted)?.value;
  const line = argv.filter((_, index) => !taken.has(index));
  return { line, engine: last("engine"), policy: last("policy"), trustPinning: last("trust-pinning") };
}

function ownFlagsIn(argv: readonly string[]): readonly GivenFlag[] {
  try {
    const isOurs = ({ name }: GivenFlag): boolean => ownNames.some((own) => own === name);
    return readFlags(argv, { table: withOwn, stopsAtOperand: true }).flags.filter(isOurs);
  } catch (error) {
    if (!hasCode(error, "USAGE")) throw error;
  }
  return ownNames.map((name) => firstOf(name, argv)).filter((found) => found !== undefined);
}

function firstOf(name: string, argv: readonly string[]): GivenFlag | undefined {
  // the word after one of Tagseal's flags is not a command
  const isValue = (index: number): boolean => ownNames.some((own) => argv[index - 1] === `--${own}`);
  const end = argv.findIndex((word, index) => !word.startsWith("-") && !isValue(index));
  const at = argv.slice(0, end === -1 ? undefined : end).findIndex((word) => word.split("=", 1)[0] === `--${name}`);
  const word = argv[at];
  if (word === undefined) return undefined;
  const isSeparate = word === `--${name}`;
  return {
    name,
    at,
    words: isSeparate ? 2 : 1,
    value: (isSeparate ? argv[at + 1] : word.slice(name.length + 3)) ?? "",
  };
}
