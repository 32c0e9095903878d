/** The flags before the command, read without knowing the engine yet: just far enough to find the command's name. */
import { dockerGlobalFlags } from "./docker-flags.ts";
import { type GivenFlag, readFlags } from "./flag-reading.ts";
import { joinTables } from "./flag-table.ts";
import { podmanGlobalFlags } from "./podman-flags.ts";
import { hasCode } from "../../errors.ts";

const table = joinTables(dockerGlobalFlags, podmanGlobalFlags);

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
