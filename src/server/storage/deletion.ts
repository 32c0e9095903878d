/** Collections that were deleted, and are kept until the deletion is forgotten. */

import { TagsealError } from "../../errors.ts";

/** A collection that was deleted and can be brought back. A name may have several. */
export interface Deletion {
  readonly gun: string;
  /** distinguishes the deletions of a name */
  readonly deletedAt: Date;
  /** how many, and their total bytes */
  readonly files: number;
  readonly bytes: number;
}

/** Exactly one deletion. */
export type NamedDeletion = Pick<Deletion, "gun" | "deletedAt">;

/** The refusal of `undelete` when the name is in use. */
export function undeleteConflict(gun: string): TagsealError {
  return new TagsealError("STORAGE_CONFLICT", `Cannot bring ${gun} back: there is a repository of that name`, {
    hint: "Keep that one, or delete it first: then bring back the older one with --deleted-at.",
  });
}

/** The recorded time of a deletion: later than every earlier one of the same name, even after the clock was set back. */
export function deletionTime(at: Date, earlier: readonly Date[]): Date {
  return new Date(Math.max(at.getTime(), ...earlier.map((before) => before.getTime() + 1)));
}
