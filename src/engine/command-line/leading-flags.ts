/** The flags before the command, read without knowing the engine yet: just far enough to find the command's name. */
import { dockerGlobalFlags } from "./docker-flags.ts";
import { type GivenFlag, readFlags } from "./flag-reading.ts";
import { flagTable, joinTables } from "./flag-table.ts";
import { podmanGlobalFlags } from "./podman-flags.ts";
import { hasCode } from "../../errors.ts";

const table = joinTables(dockerGlobalFlags, podmanGlobalFlags);
const withEngine = joinTables(flagTable({ values: "engine" }), table);

/** Where the command stands in a line, and what stands before it. */
export interface LeadingFlags {
  readonly flags: readonly GivenFlag[];
  /** index of the command's name; undefined when there is none */
  readonly commandAt: number | undefined;
  /** false when a flag before the command is unknown here: the command could then be any of the words */
  readonly isReadable: boolean;
}

/** Finds the command. Never throws: what cannot be read is for somebody who knows the engine. */
export function leadingFlags(argv: readonly string[]): LeadingFlags {
  try {
    const { flags, operands } = readFlags(argv, { table, stopsAtOperand: true });
    return { flags, commandAt: operands[0], isReadable: true };
  } catch (error) {
    if (hasCode(error, "USAGE")) return { flags: [], commandAt: undefined, isReadable: false };
    throw error;
  }
}

/**
 * `--engine NAME` before the command is ours; the engine must not see it. The last one counts.
 *
 * @returns the line without it; of a line that cannot be read, without the first one in front of everything that is no flag
 */
export function takeEngineFlag(argv: readonly string[]): {
  readonly line: readonly string[];
  readonly engine: string | undefined;
} {
  const given = engineFlags(argv);
  const taken = new Set(given.flatMap(({ at, words }) => Array.from({ length: words }, (_, index) => at + index)));
  return { line: argv.filter((_, index) => !taken.has(index)), engine: given.at(-1)?.value };
}

function engineFlags(argv: readonly string[]): readonly Omit<GivenFlag, "name">[] {
  try {
    return readFlags(argv, { table: withEngine, stopsAtOperand: true }).flags.filter(({ name }) => name === "engine");
  } catch (error) {
    if (!hasCode(error, "USAGE")) throw error;
  }
  const flags = argv.slice(0, argv.findIndex((word) => !word.startsWith("-")) + 1 || undefined);
  const at = flags.findIndex((word) => /^--engine(?:=|$)/u.test(word));
  const word = flags[at];
  if (word === undefined) return [];
  const value = word === "--engine" ? argv[at + 1] : word.slice("--engine=".length);
  return [{ at, words: word === "--engine" ? 2 : 1, value: value ?? "" }];
}
