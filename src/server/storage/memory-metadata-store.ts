/** A store that lasts as long as the process: for the sandbox and for tests. */

import type { RoleName } from "../../tuf/metadata.ts";
import {
  bytesOf,
  deletionTime,
  publishConflict,
  restoreConflict,
  undeleteConflict,
  type Change,
  type ChangeQuery,
  type Deletion,
  type FileVersion,
  type MetadataStore,
  type NamedDeletion,
  type NamedVersion,
  type NewFile,
  type NewPublication,
  type StoredFile,
} from "./metadata-store.ts";
import { covers, requireRoom, type Usage } from "./usage-limit.ts";

type Collection = Map<RoleName, StoredFile[]>;

interface DeletedCollection extends NamedDeletion {
  readonly collection: Collection;
}

/** Keeps everything in memory. Each method works without yielding, which makes it atomic. */
export class MemoryMetadataStore implements MetadataStore {
  readonly #collections = new Map<string, Collection>();
  #deletions: DeletedCollection[] = [];
  #changes: Change[] = [];
  #lastChangeId = 0;

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
      if (role === "timestamp") this.#record({ createdAt: at, gun, version, sha256, category: "update" });
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
    const earlier = this.#deletions.filter((deletion) => deletion.gun === gun).map(({ deletedAt }) => deletedAt);
    this.#deletions.push({ gun, deletedAt: deletionTime(at, earlier), collection });
    this.#deletions.sort(compareDeletions);
    this.#record({ createdAt: at, gun, version: 0, sha256: "", category: "deletion" });
  }

  async deletions(after: NamedDeletion | undefined, limit: number): Promise<readonly Deletion[]> {
    const later = this.#deletions.filter((deletion) => after === undefined || compareDeletions(deletion, after) > 0);
    return later.slice(0, limit).map(({ gun, deletedAt, collection }) => {
      const files = [...collection.values()].flat();
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
      this.#record({ createdAt: at, gun, version: timestamp.version, sha256: timestamp.sha256, category: "update" });
    return true;
  }

  async forgetDeletion(deletion: NamedDeletion): Promise<number> {
    const doomed = this.#deletions.filter((kept) => compareDeletions(kept, deletion) === 0);
    this.#deletions = this.#deletions.filter((kept) => !doomed.includes(kept));
    return doomed.flatMap(({ collection }) => [...collection.values()].flat()).length;
  }

  async changes({ gun, from, limit, backwards }: ChangeQuery): Promise<readonly Change[]> {
    const wanted = this.#changes.filter((change) => gun === undefined || change.gun === gun);
    if (!backwards) return wanted.filter((change) => change.id > from).slice(0, limit);
    return wanted.filter((change) => from === 0 || change.id < from).slice(-limit);
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
    let forgotten = 0;
    for (const { role, version, sha256 } of files) {
      const kept = collection?.get(role) ?? [];
      const left = kept.filter((file) => file.version !== version || file.sha256 !== sha256);
      forgotten += kept.length - left.length;
      if (left.length > 0) collection?.set(role, left);
      else collection?.delete(role);
    }
    if (collection?.size === 0) this.#collections.delete(gun);
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
    const known = new Map(this.#changes.map((change) => [change.id, change]));
    const missing = changes.filter((change) => {
      const here = known.get(change.id);
      if (here !== undefined && !isSameChange(here, change)) throw restoreConflict(`change ${change.id}`);
      return here === undefined;
    });
    this.#changes = [...this.#changes, ...missing].sort((a, b) => a.id - b.id);
    this.#lastChangeId = Math.max(this.#lastChangeId, ...missing.map(({ id }) => id));
  }

  revision(): string {
    return "";
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}

  #usage(prefix: string): Usage {
    const covered = [...this.#collections].filter(([gun]) => covers(prefix, gun));
    const files = covered.flatMap(([, collection]) => [...collection.values()].flat());
    return { repositories: covered.length, bytes: bytesOf(files) };
  }

  #record(change: Omit<Change, "id">): void {
    this.#lastChangeId += 1;
    this.#changes.push({ id: this.#lastChangeId, ...change });
  }
}

function newest(collection: Collection | undefined, role: RoleName): StoredFile | undefined {
  return collection?.get(role)?.at(-1);
}

function compareDeletions(a: NamedDeletion, b: NamedDeletion): number {
  return compareBytes(a.gun, b.gun) || a.deletedAt.getTime() - b.deletedAt.getTime();
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isRestored(gun: string, collection: Collection, file: StoredFile): boolean {
  const here = collection.get(file.role)?.find(({ version }) => version === file.version);
  if (here !== undefined && here.sha256 !== file.sha256)
    throw restoreConflict(`${file.role} ${file.version} of ${gun}`);
  return here !== undefined;
}

function isSameChange(one: Change, other: Change): boolean {
  return one.gun === other.gun && one.sha256 === other.sha256 && one.category === other.category;
}

function refuseOldVersion(gun: string, collection: Collection, file: NewFile): void {
  const stored = newest(collection, file.role)?.version ?? 0;
  if (file.version <= stored)
    throw publishConflict(gun, `${file.role} ${file.version} is not newer than the stored ${stored}`);
}

function keep(collection: Collection, file: StoredFile): void {
  const versions = collection.get(file.role);
  // A copy: the caller's buffer may be a view into something larger or be written to again.
  const kept = { ...file, bytes: Buffer.from(file.bytes) };
  if (versions === undefined) collection.set(file.role, [kept]);
  else versions.push(kept);
}
