/**
 * Imports everything in the databases of a Notary server and its signer. May be interrupted and run again, may run while the old server still serves,
 * and again after it has stopped: what is already stored is skipped.
 */

import { hasCode } from "../errors.ts";
import type { KeyTable } from "../server/signer/key-table.ts";
import type { GivenPassphrases } from "../server/signer/given-passphrases.ts";
import type { Change } from "../server/storage/change.ts";
import type { MetadataStore } from "../server/storage/metadata-store.ts";
import { type CollectionReport, type MoveProblem, problemOf } from "./move-report.ts";
import { importCollection } from "./notary-collection-import.ts";
import type { NotaryServerDatabase } from "./notary-server-database.ts";
import type { NotarySignerDatabase } from "./notary-signer-database.ts";
import { importKeys, type KeysReport } from "./notary-key-import.ts";
import { KeyUses } from "./server-key-uses.ts";

/** Both sides of a move. The caller closes them. */
export interface NotaryDatabaseImport {
  readonly server: NotaryServerDatabase;
  readonly store: MetadataStore;
  /** without it no keys are moved */
  readonly signer?: { readonly source: NotarySignerDatabase; readonly table: KeyTable } | undefined;
  readonly passphrases: GivenPassphrases;
  readonly now: Date;
  /** called after each collection */
  readonly onCollection?: (report: CollectionReport) => void;
  /** ends the move between two collections, with `CANCELLED` */
  readonly signal?: AbortSignal | undefined;
}

/** What was moved, and what was not. */
export interface NotaryDatabaseReport {
  readonly collections: readonly CollectionReport[];
  readonly changes: { readonly changes: number; readonly problems: readonly MoveProblem[] };
  /** absent when keys were not to be moved */
  readonly keys?: KeysReport;
}

const gunsAtOnce = 1000;
const changesAtOnce = 1000;

/**
 * Moves collections, then keys, then the changefeed.
 *
 * @throws TagsealError `STORAGE_FAILED` when either side cannot be read or written; `CANCELLED`
 */
export async function importNotaryDatabase(move: NotaryDatabaseImport): Promise<NotaryDatabaseReport> {
  await move.server.check();
  await move.signer?.source.check();
  const uses = new KeyUses();
  const collections = await importCollections(move, uses);
  const { signer, passphrases } = move;
  const keys = signer && (await importKeys(signer.source, signer.table, uses, passphrases));
  const changes = await importChanges(move);
  return { collections, changes, ...(keys === undefined ? {} : { keys }) };
}

async function importCollections(move: NotaryDatabaseImport, uses: KeyUses): Promise<readonly CollectionReport[]> {
  const reports: CollectionReport[] = [];
  for (let after = ""; ;) {
    const guns = await move.server.guns(after, gunsAtOnce);
    for (const gun of guns) {
      move.signal?.throwIfAborted();
      const { report, roots } = await importCollection(gun, { ...move, source: move.server });
      uses.add(gun, roots);
      reports.push(report);
      move.onCollection?.(report);
    }
    const last = guns.at(-1);
    if (last === undefined || guns.length < gunsAtOnce) return reports;
    after = last;
  }
}

/** Consumers of the changefeed hold positions: each line keeps its position, or no line is imported. */
async function importChanges({
  server,
  store,
  signal,
}: NotaryDatabaseImport): Promise<NotaryDatabaseReport["changes"]> {
  const problems: MoveProblem[] = [];
  let moved = 0;
  for (let after = 0; ;) {
    signal?.throwIfAborted();
    const page = await server.changes(after, changesAtOnce);
    const sound = page.filter((change): change is Change => !("fault" in change));
    for (const change of page) {
      if ("fault" in change)
        problems.push({ code: "METADATA_MALFORMED", message: `change ${change.id} was not imported: ${change.fault}` });
    }
    try {
      await store.restoreChanges(sound);
    } catch (error) {
      if (!hasCode(error, "STORAGE_CONFLICT")) throw error;
      return { changes: moved, problems: [...problems, problemOf(error)] };
    }
    moved += sound.length;
    const last = page.at(-1);
    if (last === undefined || page.length < changesAtOnce) return { changes: moved, problems };
    after = last.id;
  }
}
