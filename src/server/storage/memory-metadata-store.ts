/** A store that lasts as long as the process: for the sandbox and for tests. */

import type { RoleName } from "../../tuf/metadata.ts";
import { deletionTime, undeleteConflict, type Deletion, type NamedDeletion } from "./deletion.ts";
import { publishConflict, type MetadataStore, type NewPublication } from "./metadata-store.ts";
import type { Change, ChangeQuery } from "./change.ts";
import { bytesOf, type FileVersion, type NamedVersion, type StoredFile } from "./stored-file.ts";
import { covers, requireRoom, type Usage } from "./usage-limit.ts";
import {
  type Collection,
  newest,
  isRestored,
  refuseOldVersion,
  keep,
  allFiles,
  forgetFile,
} from "./memory-collection.ts";
import { MemoryProposalStore } from "./memory-proposal-store.ts";
import { MemoryChangefeed } from "./memory-changefeed.ts";

interface DeletedCollection extends NamedDeletion {
  readonly collection: Collection;
}

/** Keeps everything in memory. Each method works without yielding, which makes it atomic. */
export class MemoryMetadataStore implements MetadataStore {
  readonly proposals = new MemoryProposalStore();
  readonly #collections = new Map<string, Collection>();
  #deletions: DeletedCollection[] = [];
  readonly #changefeed = new MemoryChangefeed();

  async publish({ gun, base, files, at, limits = [] }: NewPublication): Promise<void> {
    const collection = this.#collections.get(gun) ?? new Map<RoleName, StoredFile[]>();
    if (newest(collection, "timestamp")?.sha256 !== base)
      throw publishConflict(gun, "its timestamp has changed meanwhile");
    for (const file of files) refuseOldVersion(gun, collection, file);
    const growth = { isNew: !this.#collections.has(gun), bytes: bytesOf(files) };
    for (const limit of limits) requireRoom(gun, limit, this.#usage(limit.prefix), growth);
    for (const file of files) keep(collection, { ...file, createdAt: at });
    this.#collections.set(gun, collection);
    for (const { role, version, sha256 } of files) {
      if (role === "timestamp") this.#changefeed.record({ createdAt: at, gun, version, sha256, category: "update" });
    }
  }

  async current(gun: string, role: RoleName): Promise<StoredFile | undefined> {
    return newest(this.#collections.get(gun), role);
  }

  async byChecksum(gun: string, role: RoleName, sha256: string): Promise<StoredFile | undefined> {
    return this.#collections
      .get(gun)
      ?.get(role)
      ?.findLast((file) => file.sha256 === sha256);
  }

  async byVersion(gun: string, role: RoleName, version: number): Promise<StoredFile | undefined> {
    return this.#collections
      .get(gun)
      ?.get(role)
      ?.find((file) => file.version === version);
  }

  async remove(gun: string, at: Date): Promise<void> {
    const collection = this.#collections.get(gun);
    if (collection === undefined) return;
    this.#collections.delete(gun);
    this.proposals.forgetAll(gun);
    const earlier = this.#deletions.filter((deletion) => deletion.gun === gun).map(({ deletedAt }) => deletedAt);
    this.#deletions.push({ gun, deletedAt: deletionTime(at, earlier), collection });
    this.#deletions.sort(compareDeletions);
    this.#changefeed.record({ createdAt: at, gun, version: 0, sha256: "", category: "deletion" });
  }

  async deletions(after: NamedDeletion | undefined, limit: number): Promise<readonly Deletion[]> {
    const later = this.#deletions.filter((deletion) => after === undefined || compareDeletions(deletion, after) > 0);
    return later.slice(0, limit).map(({ gun, deletedAt, collection }) => {
      const files = allFiles(collection);
      return { gun, deletedAt, files: files.length, bytes: bytesOf(files) };
    });
  }

  async undelete(deletion: NamedDeletion, at: Date): Promise<boolean> {
    const deleted = this.#deletions.find((kept) => compareDeletions(kept, deletion) === 0);
    if (deleted === undefined) return false;
    const { gun, collection } = deleted;
    if (this.#collections.has(gun)) throw undeleteConflict(gun);
    this.#collections.set(gun, collection);
    this.#deletions = this.#deletions.filter((kept) => kept !== deleted);
    const timestamp = newest(collection, "timestamp");
    if (timestamp !== undefined)
      this.#changefeed.record({
        createdAt: at,
        gun,
        version: timestamp.version,
        sha256: timestamp.sha256,
        category: "update",
      });
    return true;
  }

  async forgetDeletion(deletion: NamedDeletion): Promise<number> {
    const doomed = this.#deletions.filter((kept) => compareDeletions(kept, deletion) === 0);
    this.#deletions = this.#deletions.filter((kept) => !doomed.includes(kept));
    return doomed.flatMap(({ collection }) => allFiles(collection)).length;
  }

  async changes(query: ChangeQuery): Promise<readonly Change[]> {
    return this.#changefeed.read(query);
  }

  async guns(after: string, limit: number): Promise<readonly string[]> {
    const later = [...this.#collections.keys()].filter((gun) => compareBytes(gun, after) > 0);
    return later.sort(compareBytes).slice(0, limit);
  }

  async usage(prefix: string): Promise<Usage> {
    return this.#usage(prefix);
  }

  async versions(gun: string): Promise<readonly FileVersion[]> {
    const roles = [...(this.#collections.get(gun) ?? [])].sort(([a], [b]) => compareBytes(a, b));
    return roles.flatMap(([, files]) => files.map(({ bytes, ...file }) => ({ ...file, length: bytes.length })));
  }

  async forget(gun: string, files: readonly NamedVersion[]): Promise<number> {
    const collection = this.#collections.get(gun);
    if (collection === undefined) return 0;
    let forgotten = 0;
    for (const file of files) forgotten += forgetFile(collection, file);
    if (collection.size === 0) this.#collections.delete(gun);
    return forgotten;
  }

  async restore(gun: string, files: readonly StoredFile[]): Promise<void> {
    const collection = this.#collections.get(gun) ?? new Map<RoleName, StoredFile[]>();
    const missing = files.filter((file) => !isRestored(gun, collection, file));
    for (const file of missing) keep(collection, file);
    for (const versions of collection.values()) versions.sort((a, b) => a.version - b.version);
    if (missing.length > 0) this.#collections.set(gun, collection);
  }

  async restoreChanges(changes: readonly Change[]): Promise<void> {
    this.#changefeed.restore(changes);
  }

  revision(): string {
    return "";
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}

  #usage(prefix: string): Usage {
    const covered = [...this.#collections].filter(([gun]) => covers(prefix, gun));
    const files = covered.flatMap(([, collection]) => allFiles(collection));
    return { repositories: covered.length, bytes: bytesOf(files) };
  }
}

function compareDeletions(a: NamedDeletion, b: NamedDeletion): number {
  return compareBytes(a.gun, b.gun) || a.deletedAt.getTime() - b.deletedAt.getTime();
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
