/** The changefeed of a store in memory. */

import type { Change, ChangeQuery } from "./change.ts";
import { restoreConflict } from "./metadata-store.ts";

/** Keeps the changes of all collections, oldest first. */
export class MemoryChangefeed {
  #changes: Change[] = [];
  #lastChangeId = 0;

  /** Adds a change at the next position. */
  record(change: Omit<Change, "id">): void {
    this.#lastChangeId += 1;
    this.#changes.push({ id: this.#lastChangeId, ...change });
  }

  /** The changes that a query wants, oldest first. */
  read({ gun, from, limit, backwards }: ChangeQuery): readonly Change[] {
    const wanted = this.#changes.filter((change) => gun === undefined || change.gun === gun);
    if (!backwards) return wanted.filter((change) => change.id > from).slice(0, limit);
    return wanted.filter((change) => from === 0 || change.id < from).slice(-limit);
  }

  /** Adds changes under their own positions. @throws TagsealError `STORAGE_CONFLICT` when one is taken by another change; nothing is added then */
  restore(changes: readonly Change[]): void {
    const known = new Map(this.#changes.map((change) => [change.id, change]));
    const missing = changes.filter((change) => {
      const here = known.get(change.id);
      if (here !== undefined && !isSameChange(here, change)) throw restoreConflict(`change ${change.id}`);
      return here === undefined;
    });
    this.#changes = [...this.#changes, ...missing].sort((a, b) => a.id - b.id);
    this.#lastChangeId = Math.max(this.#lastChangeId, ...missing.map(({ id }) => id));
  }
}

function isSameChange(one: Change, other: Change): boolean {
  return one.gun === other.gun && one.sha256 === other.sha256 && one.category === other.category;
}
