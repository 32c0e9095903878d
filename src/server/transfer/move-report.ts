/** What a move says when it is over. Its members are what `--json` prints: stable. */

import { TagsealError, type ErrorCode } from "../../errors.ts";
import type { CollectionWarning } from "../../tuf/collection-verification.ts";

/** Something that could not be moved, or did not verify. Everything else was moved all the same. */
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
  /** of these, those that were not here before */
  readonly added: number;
  readonly warnings: readonly CollectionWarning[];
  readonly problems: readonly MoveProblem[];
}

/** What an error means for whoever reads the report; a programmer's mistake is nobody's problem but ours, and goes on. */
export function problemOf(error: unknown, about?: string): MoveProblem {
  if (!(error instanceof TagsealError)) throw error;
  return { code: error.code, message: about === undefined ? error.message : `${about}: ${error.message}` };
}
