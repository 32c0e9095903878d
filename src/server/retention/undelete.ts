/** Restores a deleted collection for an operator: which deletion is meant, and what readers may refuse. */

import { TagsealError } from "../../errors.ts";
import type { Deletion } from "../storage/deletion.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";

const batch = 100;

/** The deletions a store can undo, in the order of names and times. @throws TagsealError `STORAGE_FAILED` */
export async function* allDeletions(store: Pick<MetadataStore, "deletions">): AsyncGenerator<Deletion> {
  for (let after: Deletion | undefined; ;) {
    const page = await store.deletions(after, batch);
    yield* page;
    after = page.at(-1);
    if (after === undefined || page.length < batch) return;
  }
}

/** The deletions of one name, oldest first. @throws TagsealError `STORAGE_FAILED` */
export async function deletionsOf(store: Pick<MetadataStore, "deletions">, gun: string): Promise<readonly Deletion[]> {
  const found: Deletion[] = [];
  // Nothing was deleted at time zero: the query starts right before the name's first deletion.
  for (let after = { gun, deletedAt: new Date(-1) }; ;) {
    const page = await store.deletions(after, batch);
    const own = page.filter((deletion) => deletion.gun === gun);
    found.push(...own);
    const last = own.at(-1);
    if (last === undefined || own.length < batch) return found;
    after = last;
  }
}

/** What to restore. */
export interface UndeleteOptions {
  readonly store: MetadataStore;
  readonly gun: string;
  /** which of several deletions; the newest when absent */
  readonly deletedAt: Date | undefined;
  readonly now: Date;
  /** only reports what would be restored */
  readonly dryRun: boolean;
}

/** What was restored. */
export interface Undeleted extends Deletion {
  /** later collections of that name, also deleted: their readers will refuse this one */
  readonly laterDeletions: readonly Date[];
}

/**
 * Restores a collection unchanged: every reader that knows it continues to work.
 *
 * @throws TagsealError `REPOSITORY_NOT_SIGNED` when there is no such deletion, `STORAGE_CONFLICT` when there is a collection of that name,
 *   `STORAGE_FAILED`
 */
export async function undelete({ store, gun, deletedAt, now, dryRun }: UndeleteOptions): Promise<Undeleted> {
  const deletions = await deletionsOf(store, gun);
  const chosen =
    deletedAt === undefined
      ? deletions.at(-1)
      : deletions.find((deletion) => deletion.deletedAt.getTime() === deletedAt.getTime());
  if (chosen === undefined) throw notDeleted(gun, deletedAt, deletions);
  if (!dryRun && !(await store.undelete(chosen, now))) throw notDeleted(gun, chosen.deletedAt, []);
  const later = deletions.filter((deletion) => deletion.deletedAt > chosen.deletedAt);
  return { ...chosen, laterDeletions: later.map((deletion) => deletion.deletedAt) };
}

function notDeleted(gun: string, deletedAt: Date | undefined, known: readonly Deletion[]): TagsealError {
  const when = deletedAt === undefined ? "" : ` at ${deletedAt.toISOString()}`;
  const times = known.map((deletion) => deletion.deletedAt.toISOString()).join(", ");
  return new TagsealError("REPOSITORY_NOT_SIGNED", `no deletion of ${gun}${when} is kept`, {
    hint:
      known.length === 0
        ? "Show what can be brought back: tagseal server list --deleted"
        : `It was deleted at ${times}.`,
  });
}
