/** What is current in a collection, found the way a client finds it: the current timestamp names a snapshot, the snapshot names the other files. */

import { encodeHex } from "../../encoding/hex.ts";
import type { FileMeta, RoleName } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { StoredFile } from "../storage/stored-file.ts";

/** What is current in one collection. */
export interface CollectionView {
  readonly timestamp: StoredFile;
  /** undefined only when the store has lost it */
  readonly snapshot: StoredFile | undefined;
  readonly meta: ReadonlyMap<RoleName, FileMeta>;
  /** when the first of the two expires */
  readonly expiresAt: Date;
}

/**
 * Reads a view from the store.
 *
 * @returns undefined for a collection that does not exist
 * @throws MetadataError when a stored file cannot be parsed; TagsealError `STORAGE_FAILED`
 */
export async function loadView(store: MetadataStore, gun: string): Promise<CollectionView | undefined> {
  const timestamp = await store.current(gun, "timestamp");
  if (timestamp === undefined) return undefined;
  const { meta, expiresAt } = parseMetadata("timestamp", timestamp.bytes).body;
  const sha256 = meta.get("snapshot")?.hashes.get("sha256");
  const snapshot = sha256 && (await store.byChecksum(gun, "snapshot", encodeHex(sha256)));
  if (snapshot === undefined) return { timestamp, snapshot, meta: new Map(), expiresAt };
  const { body } = parseMetadata("snapshot", snapshot.bytes);
  return {
    timestamp,
    snapshot,
    meta: body.meta,
    expiresAt: body.expiresAt < expiresAt ? body.expiresAt : expiresAt,
  };
}

/** Whether the view is the whole one with the timestamp of this sha256; true when the current one is unknown. */
export function isWith(timestamp: string | undefined, view: CollectionView | undefined): boolean {
  return timestamp === undefined || (view?.timestamp.sha256 === timestamp && view.snapshot !== undefined);
}
