/**
 * What this machine trusted before. Cached files save downloads, but above all they are the memory that makes a rollback impossible,
 * so a damaged file is an error and is never treated as an empty cache.
 *
 * Off-spec: the reference silently replaces a damaged file, other than the root, from the server, and so forgets the version it had
 * seen: one damaged byte would make an old version acceptable again. Files that are missing, expired, or signed by keys that
 * have since been rotated away are replaced here as well.
 */

import { setTimeout as pause } from "node:timers/promises";
import { MetadataError, TagsealError, hasCode } from "../errors.ts";
import type { MetadataFile, RoleName, RootFile, SnapshotFile, TargetsFile } from "./metadata.ts";
import { isDelegation, parentOf } from "./role-name.ts";
import { delegatedRole, type RoleSigners } from "./role-signers.ts";
import { indexRoleOf, mayBeSharded, type ShardIndex, shardIndexOf } from "./shards/shard-index.ts";
import type { MetadataCache, UpdateWarning } from "./update-options.ts";
import { cacheCorrupt, isDescribedBy, parsedOrRefused, judgeSignatures } from "./cached-file-damage.ts";

/** Other clients write in place, so a file read at that moment is cut short. It is read again before it counts as damaged. */
const rereadAfterMs = 50;

/** The cached files of one collection during one update. */
export class CachedFiles {
  readonly #cache: MetadataCache;
  readonly #onWarning: (warning: UpdateWarning) => void;
  /** files read ahead, not judged yet */
  readonly #readAhead = new Map<RoleName, Uint8Array | undefined>();
  /** as read when the update began */
  readonly #original = new Map<RoleName, Promise<MetadataFile | undefined>>();
  /** verified cached parents of delegations: judged once for all their children */
  readonly #soundParents = new Map<RoleName, Promise<TargetsFile | undefined>>();
  /** accepted since */
  readonly #accepted = new Map<RoleName, MetadataFile>();
  /** the root trusted when the update began: old files are judged by the keys of their time */
  oldRoot: RootFile | undefined;

  constructor(cache: MetadataCache, onWarning: (warning: UpdateWarning) => void) {
    this.#cache = cache;
    this.#onWarning = onWarning;
  }

  /** Whether there is a file for a role, damaged or not. */
  async has(role: RoleName): Promise<boolean> {
    const bytes = await this.#cache.load(role);
    this.#readAhead.set(role, bytes);
    return bytes !== undefined;
  }

  /**
   * The newest file known for a role; `undefined` when there is none. It is not verified against the current keys yet.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT`
   */
  async latest(role: RoleName): Promise<MetadataFile | undefined> {
    return this.#accepted.get(role) ?? (await this.#read(role));
  }

  /**
   * The highest version of a role this machine trusted: of a file accepted during this update, or of the cached file if the old root's
   * keys or the `current` signers verify it, or of the file that a cached index of its shards copies. Expiry does not matter. `undefined` when
   * nothing was trusted.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT` for a file that claims the signature of such a key and does not have it
   */
  async trustedVersion(role: RoleName, current: RoleSigners): Promise<number | undefined> {
    const accepted = this.#accepted.get(role)?.body.version;
    const cached = await this.#read(role);
    const isTrusted = cached !== undefined && (await this.#isTrusted(cached, current, await this.#oldSigners(role)));
    const copied = await this.copiedVersion(role, current);
    const versions = [accepted, isTrusted ? cached.body.version : undefined, copied].filter(
      (each) => each !== undefined,
    );
    return versions.length === 0 ? undefined : Math.max(...versions);
  }

  /**
   * True when a file of this role, or an index of its shards, was trusted before and `signers` still verify it.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT` as {@link CachedFiles.trustedVersion}
   */
  async wasTrustedBy(role: RoleName, signers: RoleSigners): Promise<boolean> {
    const file = await this.latest(role);
    if (file !== undefined && (await this.#isTrusted(file, signers, undefined))) return true;
    return (await this.#indexTrustedBy(role, signers, undefined)) !== undefined;
  }

  /**
   * The version of a role that was read from shards: the whole role must not be older later.
   *
   * @throws MetadataError `METADATA_CACHE_CORRUPT` as {@link CachedFiles.trustedVersion}
   */
  async copiedVersion(role: RoleName, current: RoleSigners): Promise<number | undefined> {
    return (await this.#indexTrustedBy(role, current, await this.#oldSigners(role)))?.version;
  }

  /** The cached index of a role's shards, if signers of that role have signed it. */
  async #indexTrustedBy(
    role: RoleName,
    current: RoleSigners,
    old: RoleSigners | undefined,
  ): Promise<ShardIndex | undefined> {
    const file = mayBeSharded(role) ? ((await this.latest(indexRoleOf(role))) as TargetsFile | undefined) : undefined;
    const index = file === undefined ? undefined : shardIndexOf(file);
    return index !== undefined && (await this.#isTrusted(index.file, current, old)) ? index : undefined;
  }

  async #isTrusted(file: MetadataFile, current: RoleSigners, old: RoleSigners | undefined): Promise<boolean> {
    const isSame = old === undefined || (old.roleKeys === current.roleKeys && old.keys === current.keys);
    const verdicts = (isSame ? [current] : [current, old]).map((signers) => judgeSignatures(file, signers));
    if (verdicts.includes("verified")) return true;
    if (verdicts.includes("broken")) await this.#requireUndamaged(file.role, file);
    return false;
  }

  /** Caches a file that was just verified. A failure to write it is no reason to distrust it. */
  async store(file: MetadataFile): Promise<void> {
    this.#accepted.set(file.role, file);
    try {
      await this.#cache.store(file.role, file.bytes);
    } catch (error) {
      if (hasCode(error, "METADATA_CACHE_CORRUPT") || !isWriteFailure(error)) throw error;
      const message = `could not remember the ${file.role} metadata: going back to an older version may go unnoticed`;
      this.#onWarning({ kind: "cache-not-written", message, role: file.role, error });
    }
  }

  async #read(role: RoleName): Promise<MetadataFile | undefined> {
    const known = this.#original.get(role);
    if (known !== undefined) return await known;
    const reading = this.#load(role);
    this.#original.set(role, reading);
    return await reading;
  }

  async #load(role: RoleName): Promise<MetadataFile | undefined> {
    const first = parsedOrRefused(role, this.#readAhead.get(role) ?? (await this.#cache.load(role)));
    if (!(first instanceof MetadataError)) return first;
    await pause(rereadAfterMs);
    const second = parsedOrRefused(role, await this.#cache.load(role));
    if (!(second instanceof MetadataError)) return second;
    throw cacheCorrupt(this.#cache, role, "it cannot be read", second);
  }

  /**
   * A signature that does not verify was either damaged here or false from the start: a signer whose own signature was enough may add
   * one in another signer's name, and must not stop every reader with it once that signer is removed. The cached snapshot decides which.
   */
  async #requireUndamaged(role: RoleName, file: MetadataFile): Promise<void> {
    const snapshot = (await this.#read("snapshot")) as SnapshotFile | undefined;
    const meta = snapshot?.body.meta.get(role);
    if (meta === undefined || !isDescribedBy(file, meta))
      throw cacheCorrupt(this.#cache, role, "its signature does not match its content");
  }

  /** The signers of a role when the cache was written: from the old root, or from the cached parent if that verifies. */
  async #oldSigners(role: RoleName): Promise<RoleSigners | undefined> {
    if (!isDelegation(role)) {
      const roleKeys = this.oldRoot?.body.roles.get(role);
      return this.oldRoot === undefined || roleKeys === undefined
        ? undefined
        : { roleKeys, keys: this.oldRoot.body.keys };
    }
    const parentName = parentOf(role);
    const checking = this.#soundParents.get(parentName) ?? this.#soundParent(parentName);
    this.#soundParents.set(parentName, checking);
    const parent = await checking;
    const declared = parent === undefined ? undefined : delegatedRole(parent, role);
    return parent === undefined || declared === undefined
      ? undefined
      : { roleKeys: declared, keys: parent.body.delegations.keys };
  }

  async #soundParent(role: RoleName): Promise<TargetsFile | undefined> {
    const signers = await this.#oldSigners(role);
    const parent = (await this.#read(role)) as TargetsFile | undefined;
    return signers !== undefined && parent !== undefined && judgeSignatures(parent, signers) === "verified"
      ? parent
      : undefined;
  }
}

function isWriteFailure(error: unknown): boolean {
  return error instanceof TagsealError || (error instanceof Error && "code" in error);
}
