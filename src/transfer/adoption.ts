/** Stores a verified collection from elsewhere, where an older state of it may already exist. */

import { MetadataError, TagsealError } from "../errors.ts";
import type { RoleName } from "../tuf/metadata.ts";
import type { ValidatedFile } from "../tuf/validated-file.ts";
import type { MetadataStore } from "../server/storage/metadata-store.ts";
import type { FileVersion, StoredFile } from "../server/storage/stored-file.ts";
import type { VerifiedCollection } from "../tuf/collection-verification.ts";

/** How to store it. */
export interface AdoptionOptions {
  readonly now: Date;
  /**
   * Imports the lines of another changefeed, after the collection was accepted and before it is stored. Returns whether the changefeed then includes
   * the collection; if not, or without this function, a line is added.
   */
  readonly bringChanges?: () => Promise<boolean>;
}

/**
 * Publishes a verified collection to a store; readers see all of it or nothing. Does nothing when it is already stored.
 *
 * @returns how many files are new
 * @throws MetadataError `METADATA_VERSION_ROLLBACK` when any file is older than the stored one; `ROOT_ROTATION_REFUSED` when it
 *   does not lead from the stored root to its own, version by version
 * @throws TagsealError `STORAGE_CONFLICT` when the two differ in a file of the same version; `STORAGE_FAILED`; what `bringChanges` throws
 */
export async function adoptCollection(
  store: MetadataStore,
  collection: VerifiedCollection,
  { now, bringChanges }: AdoptionOptions,
): Promise<number> {
  const { gun, files } = collection;
  const here = new StoredVersions(gun, await store.versions(gun));
  here.refuseOther(collection);
  const isInChangefeed = (await bringChanges?.()) ?? false;
  const added = files.filter((file) => here.find(file) === undefined);
  // Roots before the newest: no snapshot names them, so that no reader sees them before the rest is stored.
  const restored = isInChangefeed ? added : added.filter((file) => isOldRoot(file, collection));
  const published = isInChangefeed ? [] : added.filter((file) => !isOldRoot(file, collection));
  await store.restore(gun, restored.map(storedAt(now)));
  const base = here.newest("timestamp")?.sha256;
  if (published.length > 0) await store.publish({ gun, base, files: published, at: now });
  return added.length;
}

/**
 * Refuses a collection that does not continue the stored one of its name. The stored current state itself always passes.
 *
 * @throws as {@link adoptCollection}
 */
export function requireContinuation(stored: readonly FileVersion[], collection: VerifiedCollection): void {
  const here = new StoredVersions(collection.gun, stored);
  if (collection.files.some((file) => here.find(file)?.sha256 !== file.sha256)) here.refuseOther(collection);
}

class StoredVersions {
  readonly #gun: string;
  readonly #files = new Map<string, FileVersion>();
  readonly #newest = new Map<RoleName, FileVersion>();

  constructor(gun: string, files: readonly FileVersion[]) {
    this.#gun = gun;
    for (const file of files) {
      this.#files.set(`${file.version}.${file.role}`, file);
      if (file.version > (this.newest(file.role)?.version ?? 0)) this.#newest.set(file.role, file);
    }
  }

  find({ role, version }: Pick<FileVersion, "role" | "version">): FileVersion | undefined {
    return this.#files.get(`${version}.${role}`);
  }

  newest(role: RoleName): FileVersion | undefined {
    return this.#newest.get(role);
  }

  /** Refuses a rollback, and another collection of the same name. */
  refuseOther({ files, roots }: VerifiedCollection): void {
    for (const file of files) this.#refuseConflict(file);
    const root = this.newest("root");
    if (root !== undefined)
      this.#requireLineage(
        roots.map(({ body }) => body.version),
        root.version,
      );
    const newest = new Map(files.map((file) => [file.role, file])); // roots come oldest first: the last one wins
    for (const file of newest.values()) this.#refuseOlder(file);
  }

  #refuseConflict(file: ValidatedFile): void {
    const here = this.find(file);
    if (here === undefined || here.sha256 === file.sha256) return;
    const message = `${file.role} ${file.version} of ${this.#gun} differs from the one stored here: the two have diverged, or are not the same repository`;
    throw new TagsealError("STORAGE_CONFLICT", message, {
      hint: "Nothing was changed. To take the other state over, delete the repository here first.",
    });
  }

  /** Only roots without a gap were verified against each other: a root after a gap may be a stranger's. */
  #requireLineage(versions: readonly number[], trusted: number): void {
    const newest = versions.at(-1) ?? 0;
    if (newest < trusted) throw this.#older("root", newest, trusted);
    const there = new Set(versions);
    for (let version = trusted; version < newest; version++) {
      if (there.has(version)) continue;
      throw new MetadataError(
        "ROOT_ROTATION_REFUSED",
        `root ${version} of ${this.#gun} is missing between root ${trusted}, trusted here, and root ${newest}: nothing shows that the one led to the other`,
        {
          hint: "Nothing was changed. Import every root since the one stored here; unless the repository's owner explains why one is missing, treat it as an attack.",
        },
      );
    }
  }

  #refuseOlder({ role, version }: ValidatedFile): void {
    const here = this.newest(role);
    if (here !== undefined && version < here.version) throw this.#older(role, version, here.version);
  }

  #older(role: RoleName, version: number, stored: number): MetadataError {
    return new MetadataError(
      "METADATA_VERSION_ROLLBACK",
      `${role} ${version} of ${this.#gun} is older than version ${stored}, which is stored here`,
    );
  }
}

function isOldRoot({ role, version }: ValidatedFile, { roots }: VerifiedCollection): boolean {
  return role === "root" && version !== roots.at(-1)?.body.version;
}

function storedAt(createdAt: Date): (file: ValidatedFile) => StoredFile {
  return ({ role, version, sha256, bytes }) => ({ role, version, sha256, bytes, createdAt });
}
