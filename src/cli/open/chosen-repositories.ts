import { UsageError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { trustDirectoryOf } from "./directories.ts";

/** The repositories that a command line names. */
export interface NamedRepositories {
  readonly named: readonly string[];
  /** `--all` */
  readonly all: boolean;
  /** the words after `tagseal` for all repositories, for the hint */
  readonly command: string;
}

/**
 * The repositories to work on: those that are named or, with `--all`, every one that this machine remembers.
 *
 * @throws UsageError `USAGE` for both or neither
 */
export async function chosenRepositories(
  { named, all, command }: NamedRepositories,
  io: Io,
): Promise<readonly string[]> {
  if (all !== (named.length === 0))
    throw new UsageError("USAGE", "give either IMAGE or --all", {
      hint: `For all repositories of this machine: tagseal ${command}`,
    });
  if (!all) return named;
  const { rememberedGuns } = await import("../../trust/trust-directory/remembered-files.ts");
  return await rememberedGuns(trustDirectoryOf(io));
}
