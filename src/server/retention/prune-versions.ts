/** Removes old versions of all collections, one collection after the other, and old deletions, so that a store does not grow forever. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { MetadataError } from "../../errors.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { allGuns } from "../storage/all-guns.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { FileVersion } from "../storage/stored-file.ts";
import { allDeletions } from "./undelete.ts";
import { forgettable, keptByAge, type RetentionPolicy, type SnapshotEntries } from "./retention.ts";

/** What to prune, and how. */
export interface PruneOptions extends RetentionPolicy {
  readonly store: MetadataStore;
  /** only reports what would be removed */
  readonly dryRun?: boolean;
  /** called for each collection from which something is removed */
  readonly onCollection?: (pruned: PrunedCollection) => void;
  /** called for each collection that was skipped because something in it could not be read */
  readonly onFailure?: (gun: string, error: unknown) => void;
  /** ends the work after the collection under way */
  readonly signal?: AbortSignal | undefined;
}

/** What was removed from one collection. */
export interface PrunedCollection {
  readonly gun: string;
  readonly versions: number;
  readonly bytes: number;
}

/** What was removed, or with `dryRun` would be, and the totals. */
export interface PruneReport {
  readonly collections: number;
  readonly versions: number;
  readonly bytes: number;
  readonly forgottenVersions: number;
  readonly forgottenBytes: number;
  readonly failedCollections: number;
  /** deleted collections that can still be brought back */
  readonly keptDeletions: number;
  readonly forgottenDeletions: number;
}

/** A transaction is short, so that publishers do not wait. */
const forgetBatch = 200;

/**
 * Applies the policy to every collection. Harmless beside a running server, other replicas, publishers and itself: a new publication names the newest
 * version of each role or its own files, and neither is ever removed.
 *
 * @throws TagsealError `STORAGE_FAILED`; files removed before the failure stay removed
 */
export async function pruneVersions(options: PruneOptions): Promise<PruneReport> {
  const report = {
    collections: 0,
    versions: 0,
    bytes: 0,
    forgottenVersions: 0,
    forgottenBytes: 0,
    failedCollections: 0,
    keptDeletions: 0,
    forgottenDeletions: 0,
  };
  for await (const gun of allGuns(options.store)) {
    if (options.signal?.aborted === true) break;
    const versions = await options.store.versions(gun);
    report.collections += 1;
    report.versions += versions.length;
    report.bytes += bytesOf(versions);
    try {
      const forgotten = await pruneCollection(gun, versions, options);
      report.forgottenVersions += forgotten.length;
      report.forgottenBytes += bytesOf(forgotten);
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      report.failedCollections += 1;
      options.onFailure?.(gun, error);
    }
  }
  await pruneDeletions(options, report);
  return report;
}

/** A deletion is removed as a whole, at the maximum age of a superseded version. */
async function pruneDeletions(
  { store, now, keepMs, dryRun, signal }: PruneOptions,
  report: { -readonly [Count in keyof PruneReport]: PruneReport[Count] },
): Promise<void> {
  for await (const deletion of allDeletions(store)) {
    if (signal?.aborted === true) return;
    if (deletion.deletedAt.getTime() >= now.getTime() - keepMs) {
      report.keptDeletions += 1;
      continue;
    }
    if (dryRun !== true && (await store.forgetDeletion(deletion)) === 0) continue;
    report.forgottenDeletions += 1;
    report.forgottenBytes += deletion.bytes;
    await nextTurn();
  }
}

async function pruneCollection(
  gun: string,
  versions: readonly FileVersion[],
  options: PruneOptions,
): Promise<readonly FileVersion[]> {
  const kept = keptByAge(versions, options);
  if (kept.length === versions.length) return [];
  const snapshots = await entriesOf(gun, kept, options.store);
  const doomed = forgettable(versions, snapshots, options);
  if (doomed.length === 0) return doomed;
  if (options.dryRun !== true) await forgetAll(gun, doomed, options.store);
  options.onCollection?.({ gun, versions: doomed.length, bytes: bytesOf(doomed) });
  return doomed;
}

/** One at a time: of thousands of snapshots only the names they list are held. */
async function entriesOf(
  gun: string,
  kept: readonly FileVersion[],
  store: MetadataStore,
): Promise<readonly SnapshotEntries[]> {
  const entries: SnapshotEntries[] = [];
  for (const { role, version } of kept) {
    if (role !== "snapshot") continue;
    const file = await store.byVersion(gun, role, version);
    // Removed since the list was made: its files are removed too, or another prune has handled it.
    if (file !== undefined) entries.push(parseMetadata("snapshot", file.bytes).body.meta);
  }
  return entries;
}

async function forgetAll(gun: string, doomed: readonly FileVersion[], store: MetadataStore): Promise<void> {
  for (let at = 0; at < doomed.length; at += forgetBatch) {
    await store.forget(gun, doomed.slice(at, at + forgetBatch));
    await nextTurn();
  }
}

function bytesOf(files: readonly FileVersion[]): number {
  return files.reduce((sum, { length }) => sum + length, 0);
}
