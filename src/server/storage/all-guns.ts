import { setImmediate as nextTurn } from "node:timers/promises";
import type { MetadataStore } from "./metadata-store.ts";

const batch = 100;

/**
 * The names of all collections of a store, in the order of their bytes, a batch at a time. An SQLite store works without yielding, so other work of
 * this process runs between two names.
 *
 * @throws TagsealError `STORAGE_FAILED`
 */
export async function* allGuns(store: Pick<MetadataStore, "guns">): AsyncGenerator<string> {
  for (let after = ""; ;) {
    const guns = await store.guns(after, batch);
    for (const gun of guns) {
      yield gun;
      await nextTurn();
    }
    const last = guns.at(-1);
    if (last === undefined || guns.length < batch) return;
    after = last;
  }
}

/** {@link allGuns} at once: some hundred bytes each. @throws TagsealError `STORAGE_FAILED` */
export async function listGuns(store: Pick<MetadataStore, "guns">): Promise<readonly string[]> {
  const guns: string[] = [];
  for await (const gun of allGuns(store)) guns.push(gun);
  return guns;
}
