/**
 * Where a trust server keeps signed files: one contract, every implementation of which runs `test/contract/metadata-store.ts`.
 *
 * A store knows nothing about signatures. It keeps every version of every role of a collection until one is deleted, and guarantees
 * invariant I7: the files given to `publish` become current all at once or not at all.
 */

import { TagsealError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import type { Change, ChangeQuery } from "./change.ts";
import type { Deletion, NamedDeletion } from "./deletion.ts";
import type { ProposalStore } from "./proposal-store.ts";
import type { Usage, UsageLimit } from "./usage-limit.ts";
import type { NewFile, StoredFile, FileVersion, NamedVersion } from "./stored-file.ts";

/** The state a publisher built on, and the files to add. */
export interface NewPublication {
  readonly gun: string;
  /** sha256 of the timestamp that was current when the files were validated; undefined when there was none */
  readonly base: string | undefined;
  /** at most one file for each role, of root also those before it, oldest first; the file of role `timestamp` makes the changefeed entry */
  readonly files: readonly NewFile[];
  readonly at: Date;
  /** limits for the stored total afterwards; the caller passes those that cover the name */
  readonly limits?: readonly UsageLimit[] | undefined;
}

/**
 * Keeps the files of all collections.
 *
 * Reads see only committed publications, and a read that starts after `publish` returned sees what it published. When that cannot be guaranteed,
 * because the primary does not answer, a read fails; only `byChecksum` may find a file on a replica that lags behind.
 * Every method may throw TagsealError `STORAGE_FAILED`, within a bound for a remote store; the store is then as before the call, except that a change
 * with an unknown outcome may have been committed.
 */
export interface MetadataStore {
  /** beside the files, and forgotten when their collection is removed */
  readonly proposals: ProposalStore;
  /**
   * Commits all files and one changefeed entry in one durable transaction: after it returned, no crash of the process or
   * the machine loses them.
   *
   * @throws TagsealError `STORAGE_CONFLICT` when the current timestamp is no longer `base`, or a role already has this or
   * a higher version: of several racing publishers exactly one wins. `LIMIT_REACHED` when one of the limits would be passed, counted so that
   * publications at the same time, wherever they come from, never pass it together. Nothing is written then.
   */
  publish(publication: NewPublication): Promise<void>;
  /** The highest version of a role; undefined when there is none. */
  current(gun: string, role: RoleName): Promise<StoredFile | undefined>;
  /** The newest file of a role with these raw bytes; undefined when this collection holds none, whatever others hold. */
  byChecksum(gun: string, role: RoleName, sha256: string): Promise<StoredFile | undefined>;
  byVersion(gun: string, role: RoleName, version: number): Promise<StoredFile | undefined>;
  /**
   * Hides exactly one collection from all readers and adds a `deletion` to the changefeed; does nothing when there is nothing to delete. Its files
   * are kept as a {@link Deletion} until that is forgotten.
   */
  remove(gun: string, at: Date): Promise<void>;
  /** Deletions that come after `after`, by name in the order of its bytes and then by time, at most `limit`, in that order. */
  deletions(after: NamedDeletion | undefined, limit: number): Promise<readonly Deletion[]>;
  /**
   * Brings a deleted collection back, byte for byte with all versions and times, in one durable transaction, and adds its current timestamp
   * as an `update` to the changefeed. The deletion then no longer exists.
   *
   * @returns false when there is no such deletion
   * @throws TagsealError `STORAGE_CONFLICT` when there is a collection of that name; nothing is changed then
   */
  undelete(deletion: NamedDeletion, at: Date): Promise<boolean>;
  /** Forgets a deletion permanently. @returns how many files it had */
  forgetDeletion(deletion: NamedDeletion): Promise<number>;
  /** Oldest first, in both reading directions. */
  changes(query: ChangeQuery): Promise<readonly Change[]>;
  /** Names of collections that come after `after` in the order of their UTF-8 bytes, at most `limit`, in that order. */
  guns(after: string, limit: number): Promise<readonly string[]>;
  /** How much is kept below a prefix, as limits count it: without reading files, so that frequent calls are cheap. */
  usage(prefix: string): Promise<Usage>;
  /** Every kept file of a collection without its bytes, by role in the order of its bytes, then by version. */
  versions(gun: string): Promise<readonly FileVersion[]>;
  /**
   * Forgets single files in one transaction, without a line in the changefeed. The caller has made sure that no reader needs them. Missing files are skipped.
   *
   * @returns how many were forgotten
   */
  forget(gun: string, files: readonly NamedVersion[]): Promise<number>;
  /**
   * Stores files from another store, with their times, in one durable transaction and without a line in the changefeed. Files that are already
   * stored, byte for byte, are skipped, so that an interrupted move can be repeated.
   *
   * @throws TagsealError `STORAGE_CONFLICT` when a role has another file of the same version; nothing is written then
   */
  restore(gun: string, files: readonly StoredFile[]): Promise<void>;
  /**
   * Stores lines of another store's changefeed under their original positions; later changes get higher ones. Lines that are already stored are skipped.
   *
   * @throws TagsealError `STORAGE_CONFLICT` when a position is taken by another line; nothing is written then
   */
  restoreChanges(changes: readonly Change[]): Promise<void>;
  /**
   * Shows caches in front of this store whether they are still valid. Two forms: a store on one machine answers at once, with a text that changes
   * when another process may have written anything; a shared store answers with a text for each of these collections that exists. That text changes
   * with every change of the collection by any server, and every call after the change returned sees it. After its last space it has the sha256 of
   * the current timestamp (or `null` without one), by which a later read can check that it belongs to the answer.
   *
   * @throws TagsealError `STORAGE_FAILED`, quickly, when the current state cannot be known
   */
  revision(guns: readonly string[]): string | Promise<ReadonlyMap<string, string>>;
  /** The time of the store's clock, within a bound; absent when that is this machine's clock. @throws TagsealError `STORAGE_FAILED` */
  time?(): Promise<Date>;
  /** Proves that a publication could be committed now, by writing a probe. @throws TagsealError `STORAGE_FAILED` */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The refusal of {@link MetadataStore.restore} when something else is already stored. */
export function restoreConflict(what: string): TagsealError {
  return new TagsealError("STORAGE_CONFLICT", `Cannot restore ${what}: something else is stored in its place`, {
    hint: "Restore into an empty store, or remove the stored content first.",
  });
}

/** The refusal of {@link MetadataStore.publish} when another publication came first. */
export function publishConflict(gun: string, what: string): TagsealError {
  return new TagsealError("STORAGE_CONFLICT", `Cannot publish ${gun}: ${what}`, {
    hint: "Read the collection again, apply the change to it, and publish once more.",
  });
}
