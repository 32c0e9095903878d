import { readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MetadataError, UsageError, hasCode } from "../../errors.ts";
import { makeDirectory } from "../../files/make-directory.ts";
import { nameOf } from "../../files/read-private-file.ts";
import { lstatIfThere } from "../../files/stat-if-there.ts";
import { isSystemError, systemReason } from "../../files/system-error.ts";
import { writeAtomically } from "../../files/write-atomically.ts";
import type { RoleName } from "../../tuf/metadata.ts";
import { withFileLock } from "../../files/file-lock.ts";
import { pastRootsName, removeAllButRoot, removeCollection, removePastRoots } from "./collection-removal.ts";
import { ConfirmationRecord } from "./confirmation-record.ts";
import { claimedVersion } from "./claimed-version.ts";
import { corrupt, type FileIdentity, identityOf, isSameFile, orExplain, readRoleFile } from "./role-file.ts";
import type { TrustCache } from "../ports.ts";

/** Where a {@link FileMetadataCache} lives. */
export interface FileMetadataCacheOptions {
  /** docker's `$DOCKER_CONFIG/trust` */
  readonly trustDirectory: string;
  readonly gun: string;
  readonly now?: () => Date;
}

/** A write takes a millisecond: waiting long for a process that died in it is useless. */
const lockTiming = { patienceMs: 5_000, deadAfterMs: 1_500, pollMs: 3 };

/**
 * What this machine trusts of one collection, in docker's directory: `tuf/<gun>/metadata/<role>.json`, raw bytes as received.
 *
 * Files are written to a temporary file, flushed and renamed, 0600 in directories of 0700, so that a reader in another process sees
 * the old file or the new one. A writer that finds a file changed since it was read keeps the higher version: two updates that overlap
 * never roll this machine back. Links are not followed out of the trust directory.
 *
 * Reading is synchronous inside: every verification reads a few files, and each round trip to the thread pool costs more
 * than reading one of them.
 *
 * @see Notary v1: cache
 */
export class FileMetadataCache implements TrustCache {
  readonly #trustDirectory: string;
  readonly #collection: readonly string[];
  readonly #confirmations: ConfirmationRecord;
  readonly #seen = new Map<RoleName, FileIdentity | undefined>();
  #timestamp: Uint8Array | undefined;
  readonly #checkedDirectories = new Set<string>();

  /** @throws UsageError `REFERENCE_INVALID` for a GUN that would leave the directory */
  constructor(options: FileMetadataCacheOptions) {
    this.#trustDirectory = resolve(options.trustDirectory);
    this.#collection = ["tuf", ...safeSegments(options.gun)];
    const record = join(this.#trustDirectory, ...this.#collection, ".tagseal-confirmed");
    this.#confirmations = new ConfirmationRecord(record, options.now ?? (() => new Date()));
  }

  /**
   * Runs `work` while no other process of this machine publishes to the collection.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT` for a link on the way; UsageError `FILE_UNWRITABLE`; TagsealError `CANCELLED`
   */
  async exclusively<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const path = this.#lockPath("publish");
    this.#checkDirectories(path);
    return await withFileLock(path, work, signal === undefined ? {} : { signal });
  }

  /**
   * Reads a role file; undefined when there is none.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT` for a link, anything other than a file, or a size above every limit
   * @throws UsageError `FILE_UNREADABLE`
   */
  async load(role: RoleName): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(role);
    this.#checkDirectories(path);
    const found = readRoleFile(path);
    this.#seen.set(role, found?.identity);
    if (found !== undefined && role === "timestamp") this.#timestamp = found.bytes;
    return found?.bytes;
  }

  /**
   * Stores a verified role file.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT` for a link on the way
   * @throws UsageError `FILE_UNWRITABLE`: it need not stop a verification, but the user should know
   */
  async store(role: RoleName, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(role);
    this.#checkDirectories(path);
    try {
      makeDirectory(dirname(path));
      await withFileLock(this.#lockPath("cache"), async () => await this.#replace(role, path, bytes), lockTiming);
      if (role === "timestamp") await this.#confirmations.confirm((this.#timestamp = bytes));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw unwritable(path, error);
    }
  }

  /** Keeps a root beside the role files, where docker and notary do not look. A failure is harmless: this machine has a newer root. */
  async keepPastRoot(version: number, bytes: Uint8Array): Promise<void> {
    const path = this.#pastRootPath(version);
    this.#checkDirectories(path);
    try {
      if (readRoleFile(path) !== undefined) return;
      makeDirectory(dirname(path));
      await writeAtomically(path, bytes);
    } catch (error) {
      if (!isSystemError(error) && !hasCode(error, "FILE_UNREADABLE")) throw error;
    }
  }

  /** @throws as {@link FileMetadataCache.load} */
  async pastRoot(version: number): Promise<Uint8Array | undefined> {
    const path = this.#pastRootPath(version);
    this.#checkDirectories(path);
    return readRoleFile(path)?.bytes;
  }

  /** When the server last had exactly the stored timestamp. */
  async confirmedAt(role: RoleName): Promise<Date | undefined> {
    const bytes = role === "timestamp" ? await this.load(role) : undefined;
    return bytes === undefined ? undefined : this.#confirmations.confirmedAt(bytes);
  }

  /** When the stored timestamp was seen here for the first time. */
  async firstSeenAt(role: RoleName): Promise<Date | undefined> {
    const bytes = role === "timestamp" ? await this.load(role) : undefined;
    return bytes === undefined ? undefined : this.#confirmations.firstSeenAt(bytes);
  }

  /** Records that the server still has exactly the timestamp loaded last; other roles are not recorded. */
  async confirm(role: RoleName): Promise<void> {
    if (role === "timestamp" && this.#timestamp !== undefined) await this.#confirmations.confirm(this.#timestamp);
  }

  /** The path of a role's file. */
  locationOf(role: RoleName): string {
    return this.#pathOf(role);
  }

  /** How many changes another tool staged for its next publish. They are only counted, never read. */
  async stagedChanges(): Promise<number> {
    const directory = join(this.#trustDirectory, ...this.#collection, "changelist");
    try {
      return (await readdir(directory)).filter((name) => name.endsWith(".change")).length;
    } catch (error) {
      // None, or not readable.
      if (error instanceof Error && "code" in error) return 0;
      throw error;
    }
  }

  /** Removes everything about the collection, except staged changes of other tools. */
  async forget(): Promise<void> {
    for (const directory of [dirname(this.#pastRootPath(1)), dirname(this.#pathOf("root"))]) {
      this.#checkDirectories(directory);
      await rm(directory, { recursive: true, force: true });
    }
    this.#seen.clear();
  }

  /**
   * Removes everything about the collection, staged changes of other tools included. Collections below it stay.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT` for a link on the way; UsageError `FILE_UNWRITABLE`
   */
  async remove(): Promise<void> {
    const directory = join(this.#trustDirectory, ...this.#collection);
    this.#checkDirectories(join(directory, "metadata", "root.json"));
    try {
      await removeCollection(directory, join(this.#trustDirectory, "tuf"));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw unwritable(directory, error);
    }
    this.#seen.clear();
  }

  /**
   * Remembers one root, and removes everything else about the collection as {@link remove} does. Past roots go first: they are of the old chain,
   * and would stay among those of the new one. A kill after them leaves files that the keys of this root have not signed: to readers they are those
   * of before a rotation.
   *
   * @throws as {@link remove}
   */
  async rememberOnly(root: Uint8Array): Promise<void> {
    const path = this.#pathOf("root");
    this.#checkDirectories(path);
    try {
      makeDirectory(dirname(path));
      await withFileLock(this.#lockPath("cache"), async () => await this.#beginWith(path, root), lockTiming);
      await removeAllButRoot(join(this.#trustDirectory, ...this.#collection));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw unwritable(path, error);
    }
    this.#seen.clear();
    this.#timestamp = undefined;
  }

  async #beginWith(path: string, root: Uint8Array): Promise<void> {
    await removePastRoots(join(this.#trustDirectory, ...this.#collection));
    await writeAtomically(path, root);
  }

  async #replace(role: RoleName, path: string, bytes: Uint8Array): Promise<void> {
    const current = await identityOf(path);
    if (current !== undefined && !isSameFile(current, this.#seen.get(role)) && this.#isNewer(role, path, bytes)) return;
    if (current !== undefined && role === "root") await this.#keepSuperseded(path, bytes);
    await writeAtomically(path, bytes);
    this.#seen.set(role, await identityOf(path));
  }

  /** Another process wrote in the meantime: its file stays if its version is higher. */
  #isNewer(role: RoleName, path: string, ours: Uint8Array): boolean {
    const bytes = readRoleFile(path)?.bytes;
    if (bytes === undefined) return false;
    if (role === "root" && this.#wasAbsent(role) && Buffer.compare(bytes, ours) !== 0) throw otherFirstRoot(path);
    const theirVersion = claimedVersion(bytes);
    if (theirVersion === undefined) return false;
    this.#seen.delete(role);
    return theirVersion > (claimedVersion(ours) ?? 0);
  }

  async #keepSuperseded(path: string, next: Uint8Array): Promise<void> {
    const bytes = readRoleFile(path)?.bytes;
    const version = bytes === undefined ? undefined : claimedVersion(bytes);
    if (bytes === undefined || version === undefined || version === claimedVersion(next)) return;
    await this.keepPastRoot(version, bytes);
  }

  #wasAbsent(role: RoleName): boolean {
    return this.#seen.has(role) && this.#seen.get(role) === undefined;
  }

  /** Not below `metadata`: that directory is shared by all clients. */
  #pastRootPath(version: number): string {
    return join(this.#trustDirectory, ...this.#collection, pastRootsName, `${version}.json`);
  }

  /** The leading dot separates it from every collection below this one. */
  #lockPath(purpose: string): string {
    return join(this.#trustDirectory, ...this.#collection, `.tagseal-${purpose}.lock`);
  }

  #pathOf(role: RoleName): string {
    return join(this.#trustDirectory, ...this.#collection, "metadata", `${safeSegments(role).join("/")}.json`);
  }

  /** Refuses a link anywhere between the trust directory (which may itself be a link: its owner decides) and the file. */
  #checkDirectories(path: string): void {
    const below = dirname(path).slice(this.#trustDirectory.length).split("/").filter(Boolean);
    let directory = this.#trustDirectory;
    for (const segment of below) {
      directory = join(directory, segment);
      if (this.#checkedDirectories.has(directory)) continue;
      const found = orExplain(directory, () => lstatIfThere(directory));
      if (found === undefined) return;
      if (!found.isDirectory()) throw corrupt(directory, "a directory", nameOf(found));
      this.#checkedDirectories.add(directory);
    }
  }
}

function safeSegments(name: string): string[] {
  const segments = name.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".." || /[\\\0]/.test(segment))) {
    throw new UsageError("REFERENCE_INVALID", `"${name}" cannot be a path below the trust directory`);
  }
  return segments;
}

function unwritable(path: string, cause: Error): UsageError {
  return new UsageError("FILE_UNWRITABLE", `cannot write ${path}: ${systemReason(cause)}`, {
    cause,
    hint: "Make the trust directory writable, or set DOCKER_CONFIG to a directory that is.",
  });
}

/** The second root is trusted on first use only, and first use is over: the next update verifies it with the first root. */
function otherFirstRoot(path: string): MetadataError {
  return new MetadataError("METADATA_CACHE_CORRUPT", `${path}: another root was trusted here a moment ago`, {
    hint: "Try again: Tagseal then verifies the trust server's answer with that root.",
  });
}
