/** Reads one name of a role from a shard instead of the whole role. Everything that is not exactly as signed makes the reader fetch the whole role. */

import { MetadataError, TagsealError, hasCode } from "../../errors.ts";
import { isDescribedBy } from "../cached-file-damage.ts";
import { requireFresh } from "../expiry.ts";
import { requireVersion } from "../file-checks.ts";
import { consistentHash, verifyFileMeta } from "../file-hashes.ts";
import type { FileMeta, RoleName, SnapshotFile, TargetsFile } from "../metadata.ts";
import { maxFileBytes } from "../notary-v1/bounds.ts";
import { parseMetadata } from "../notary-v1/parse.ts";
import { delegatedRole, type RoleSigners } from "../role-signers.ts";
import { verifyThreshold } from "../threshold.ts";
import type { RunningUpdate } from "../timestamp-update.ts";
import { LongestPrefix, originalOf } from "./shard-entries.ts";
import { indexRoleOf, type ListedShard, mayBeSharded, type ShardIndex, shardIndexOf } from "./shard-index.ts";

/** What may be wrong with shards without a reason to distrust the whole role: it is then fetched, and judged as ever. */
function isOfShardsOnly(error: unknown): boolean {
  if (hasCode(error, "METADATA_CACHE_CORRUPT")) return false;
  return error instanceof MetadataError || hasCode(error, "RESPONSE_TOO_LARGE");
}

/**
 * What a role says about one name, taken from a shard of it.
 *
 * The role's signers, as `targets` declares them, must have signed the index and the shard; the index must be of exactly the file that the
 * snapshot lists for the role, and not of an older version than was seen here; the shard must be the file that the index and the snapshot name.
 * Index and shard are cached once all of that holds.
 *
 * @returns a file of the role with at most that one entry; undefined when the whole role must be read: it is cached, has no shards, or its
 *   shards are not exactly of what it says now
 * @throws MetadataError `METADATA_CACHE_CORRUPT`; TagsealError what the source throws when it cannot be asked
 */
export async function readFromShard(
  update: RunningUpdate,
  role: RoleName,
  name: string,
): Promise<TargetsFile | undefined> {
  const { targets, snapshot } = update.trusted;
  if (targets === undefined || snapshot === undefined || !mayBeSharded(role)) return undefined;
  if (delegatedRole(targets, role)?.paths?.includes("") !== true) return undefined;
  if ((await update.files.latest(role)) !== undefined) return undefined;
  try {
    return await new ShardReading(update, role, snapshot).entry(name);
  } catch (error) {
    if (!(error instanceof TagsealError) || !isOfShardsOnly(error)) throw error;
    return undefined;
  }
}

class ShardReading {
  readonly #update: RunningUpdate;
  readonly #role: RoleName;
  readonly #snapshot: SnapshotFile;
  readonly #signers: RoleSigners;

  constructor(update: RunningUpdate, role: RoleName, snapshot: SnapshotFile) {
    this.#update = update;
    this.#role = role;
    this.#snapshot = snapshot;
    this.#signers = update.trusted.signersOf(role);
  }

  async entry(name: string): Promise<TargetsFile | undefined> {
    const index = await this.#index();
    if (index === undefined) return undefined;
    const prefix = new LongestPrefix(index.shards.map((shard) => shard.prefix)).of(name);
    const listed = index.shards.find((shard) => shard.prefix === prefix);
    const shard = listed === undefined ? undefined : await this.#shard(listed);
    if (shard === undefined) return undefined;
    await this.#update.files.store(index.file);
    await this.#update.files.store(shard);
    return this.#partOf(index, shard, name);
  }

  /** The index of the very file that the snapshot lists for the role. */
  async #index(): Promise<ShardIndex | undefined> {
    const role = indexRoleOf(this.#role);
    const copied = this.#snapshot.body.meta.get(this.#role);
    const meta = this.#snapshot.body.meta.get(role);
    if (copied === undefined || meta === undefined) return undefined;
    const index = shardIndexOf(await this.#verified(role, meta));
    if (index === undefined || !isOf(index, copied)) return undefined;
    const seen = await this.#update.files.trustedVersion(this.#role, this.#signers);
    return index.version < (seen ?? 1) ? undefined : index;
  }

  async #shard({ role, sha256 }: ListedShard): Promise<TargetsFile | undefined> {
    const meta = this.#snapshot.body.meta.get(role);
    const listed = meta?.hashes.get("sha256");
    if (meta === undefined || listed === undefined || !Buffer.from(sha256).equals(listed)) return undefined;
    return await this.#verified(role, meta);
  }

  /** The cached file if it is the one that the snapshot lists, else the server's; each is judged in the same way. */
  async #verified(role: RoleName, meta: FileMeta): Promise<TargetsFile> {
    const { files, trusted } = this.#update;
    const cached = await files.latest(role);
    const isCached = cached !== undefined && isDescribedBy(cached, meta);
    const file = isCached ? (cached as TargetsFile) : await this.#fetched(role, meta, cached?.bytes);
    verifyThreshold(file, this.#signers.roleKeys, this.#signers.keys);
    if (!isCached) requireVersion(file, (await files.trustedVersion(role, this.#signers)) ?? 1);
    requireFresh(file, trusted.now);
    return file;
  }

  async #fetched(role: RoleName, meta: FileMeta, earlier: Uint8Array | undefined): Promise<TargetsFile> {
    const hash = consistentHash(meta);
    if (hash === undefined) throw new MetadataError("METADATA_HASH_MISMATCH", `the snapshot has no sha256 of ${role}`);
    const maxBytes = Math.min(meta.length, maxFileBytes(role));
    const bytes = await this.#update.options.source.fetch(`${role}.${hash}`, maxBytes, earlier);
    verifyFileMeta(role, bytes, meta);
    return parseMetadata(role as `targets/${string}`, bytes);
  }

  /** A shard has nothing to say about names of other shards, and the role has no delegations besides the index. */
  #partOf({ version }: ShardIndex, shard: TargetsFile, name: string): TargetsFile {
    const entry = shard.body.targets.get(name);
    const targets = new Map(entry === undefined ? [] : [[name, originalOf(entry)] as const]);
    const delegations = { keys: new Map(), roles: null };
    return { ...shard, role: this.#role, body: { ...shard.body, version, targets, delegations } };
  }
}

function isOf({ sha256, length }: ShardIndex, copied: FileMeta): boolean {
  const listed = copied.hashes.get("sha256");
  return listed !== undefined && length === copied.length && Buffer.from(sha256).equals(listed);
}
