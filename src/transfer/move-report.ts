/** The report of a move. `--json` prints its members: they are stable. */

import { TagsealError, type ErrorCode } from "../errors.ts";
import type { CollectionWarning } from "../tuf/collection-verification.ts";

/** Something that could not be moved, or did not verify. Everything else was moved. */
export interface MoveProblem {
  readonly code: ErrorCode;
  /** names the file, change or key */
  readonly message: string;
}

/** One collection. */
export interface CollectionReport {
  readonly gun: string;
  /** files now here, of the source's */
  readonly files: number;
  /** of these, the new ones */
  readonly added: number;
  readonly warnings: readonly CollectionWarning[];
  readonly problems: readonly MoveProblem[];
}

/** The problem to report for an error; a programmer's mistake is rethrown. */
export function problemOf(error: unknown, about?: string): MoveProblem {
  if (!(error instanceof TagsealError)) throw error;
  return { code: error.code, message: about === undefined ? error.message : `${about}: ${error.message}` };
}
