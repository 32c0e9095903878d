/**
 * Imports from a running server whose databases are out of reach: what its clients can read is read, verified and stored. Its private
 * keys stay where they are; `hand-over.ts` explains how the new server becomes able to sign.
 */

import { hasCode } from "../errors.ts";
import { adoptCollection } from "./adoption.ts";
import { type CollectionWarning, type VerifiedCollection, verifyCollection } from "../tuf/collection-verification.ts";
import { type CollectionReport, problemOf } from "./move-report.ts";
import type { KeyTable } from "../server/signer/key-table.ts";
import type { MetadataStore } from "../server/storage/metadata-store.ts";
import type { RunningTrustServer } from "./running-server.ts";

/** Both sides of a move. The caller opens and closes them. */
export interface NotaryServerImport {
  readonly server: RunningTrustServer;
  /** when absent, all that the server lists */
  readonly guns?: readonly string[] | undefined;
  readonly store: MetadataStore;
  /** the keys the new server holds */
  readonly keys: KeyTable;
  readonly now: Date;
  /** called after each collection */
  readonly onCollection?: (report: CollectionReport) => void;
  /** ends the move between two collections */
  readonly signal?: AbortSignal | undefined;
}

/** One collection that was moved. */
export interface MovedCollectionReport extends CollectionReport {
  /** until when readers can use what was moved without a hand-over; absent when nothing was moved */
  readonly timestampExpiresAt?: string;
  /** true while the new server holds no key that may sign its timestamps */
  readonly needsHandOver: boolean;
}

/**
 * Moves collections one after the other. One that does not verify is skipped and reported.
 *
 * @throws NetworkError when the server cannot be reached, or does not list its repositories and none were named
 * @throws TagsealError `STORAGE_FAILED`, `CANCELLED`
 */
export async function importNotaryServer(move: NotaryServerImport): Promise<readonly MovedCollectionReport[]> {
  const guns = move.guns ?? (await move.server.guns());
  const reports: MovedCollectionReport[] = [];
  for (const gun of guns) {
    move.signal?.throwIfAborted();
    const report = await moveCollection(gun, move);
    reports.push(report);
    move.onCollection?.(report);
  }
  return reports;
}

async function moveCollection(gun: string, move: NotaryServerImport): Promise<MovedCollectionReport> {
  const { server, store, keys, now } = move;
  try {
    const collection = await verifyCollection({ gun, source: server.collection(gun), now });
    const feedWarnings: CollectionWarning[] = [];
    const bringChanges = async (): Promise<boolean> => {
      feedWarnings.push(...(await restoreFeed(gun, move)));
      return feedWarnings.length === 0;
    };
    const added = await adoptCollection(store, collection, { now, bringChanges });
    return {
      gun,
      files: collection.files.length,
      added,
      warnings: [...collection.warnings, ...feedWarnings],
      problems: [],
      timestampExpiresAt: collection.timestampExpiresAt.toISOString(),
      needsHandOver: !(await isHandedOver(collection, keys)),
    };
  } catch (error) {
    if (hasCode(error, "STORAGE_FAILED", "CANCELLED")) throw error;
    return { gun, files: 0, added: 0, warnings: [], problems: [problemOf(error)], needsHandOver: false };
  }
}

/** Consumers of the changefeed keep their positions if nothing else took them; a collection moves without them, too. */
async function restoreFeed(gun: string, { server, store }: NotaryServerImport): Promise<readonly CollectionWarning[]> {
  try {
    await store.restoreChanges(await server.changes(gun));
    return [];
  } catch (error) {
    if (hasCode(error, "STORAGE_FAILED", "CANCELLED")) throw error;
    const { code, message } = problemOf(error, "its changes did not move");
    return [{ code, message }];
  }
}

async function isHandedOver({ gun, roots }: VerifiedCollection, keys: KeyTable): Promise<boolean> {
  for (const keyId of roots.at(-1)?.body.roles.get("timestamp")?.keyIds ?? []) {
    if ((await keys.findKey(gun, "timestamp", keyId)) !== undefined) return true;
  }
  return false;
}
