/** A store that lasts as long as the process: for the sandbox and for tests. */

import type { RoleName } from "../../tuf/metadata.ts";
import {
  publishConflict,
  type Change,
  type ChangeQuery,
  type MetadataStore,
  type NewFile,
  type Publication,
  type StoredFile,
} from "./metadata-store.ts";

type Collection = Map<RoleName, StoredFile[]>;

/** Keeps everything in memory. Each method does its work without yielding, which is what makes it atomic. */
export class MemoryMetadataStore implements MetadataStore {
  readonly #collections = new Map<string, Collection>();
  #changes: Change[] = [];
  #lastChangeId = 0;

  async publish({ gun, base, files, at }: Publication): Promise<void> {
    const collection = this.#collections.get(gun) ?? new Map<RoleName, StoredFile[]>();
    if (newest(collection, "timestamp")?.sha256 !== base)
      throw publishConflict(gun, "its timestamp has changed meanwhile");
    for (const file of files) refuseOldVersion(gun, collection, file);
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
    if (!this.#collections.delete(gun)) return;
    this.#record({ createdAt: at, gun, version: 0, sha256: "", category: "deletion" });
  }

  async changes({ gun, from, limit, backwards }: ChangeQuery): Promise<readonly Change[]> {
    const wanted = this.#changes.filter((change) => gun === undefined || change.gun === gun);
    if (!backwards) return wanted.filter((change) => change.id > from).slice(0, limit);
    return wanted.filter((change) => from === 0 || change.id < from).slice(-limit);
  }

  revision(): number {
    return 0;
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}

  #record(change: Omit<Change, "id">): void {
    this.#lastChangeId += 1;
    this.#changes.push({ id: this.#lastChangeId, ...change });
  }
}

function newest(collection: Collection | undefined, role: RoleName): StoredFile | undefined {
  return collection?.get(role)?.at(-1);
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
