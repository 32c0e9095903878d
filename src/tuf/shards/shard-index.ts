/**
 * The index of a sharded role: which file the shards copy, and which files they are. It is a delegation below the role that it copies, with one
 * entry under the name of a tag, so that no list of another client has a name more. Decision 50.
 */

import { decodeBase64, encodeBase64 } from "../../encoding/base64.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../encoding/json.ts";
import type { RoleName, Target, TargetsFile } from "../metadata.ts";
import { isBase64 } from "../notary-v1/hashes-json.ts";
import { isDirectChild, parentOf } from "../role-name.ts";
import { copiedHash } from "./shard-entries.ts";

/** One shard as an index names it. */
export interface ListedShard {
  readonly role: RoleName;
  /** it has the names that begin with this and with no longer prefix of another shard */
  readonly prefix: string;
  /** of its file; 32 bytes */
  readonly sha256: Uint8Array;
}

/** What an index says. Nothing about it is trusted before its file was verified by the signers of the copied role. */
export interface ShardIndex {
  readonly file: TargetsFile;
  /** the role whose file the shards copy */
  readonly copied: RoleName;
  /** the version of that file */
  readonly version: number;
  /** of that file; 32 bytes */
  readonly sha256: Uint8Array;
  /** of that file, in bytes */
  readonly length: number;
  /** when the first of the shards expires */
  readonly expiresAt: Date;
  readonly shards: readonly ListedShard[];
}

/** What the one entry of an index says. */
export type ShardIndexContent = Pick<ShardIndex, "copied" | "version" | "sha256" | "length" | "expiresAt"> & {
  /** of the shards' files, in the order of their roles */
  readonly shards: readonly Uint8Array[];
};

/** How a role is to be split. */
export interface ShardPlan {
  /** all different, one of them empty */
  readonly prefixes: readonly string[];
  /** the index as it was read; undefined for a role that has none */
  readonly published: ShardIndex | undefined;
}

/** The most shards that a role may have. */
export const maxShards = 1024;

/** The index of a role, if it has one: `targets/releases/shards`. */
export function indexRoleOf(copied: RoleName): RoleName {
  return `${copied}/shards`;
}

/** Only roles directly below `targets` are copied: readers take tags from these. */
export function mayBeSharded(role: RoleName): boolean {
  return isDirectChild("targets", role);
}

/** The name of a shard: `targets/releases/shards/007`. */
export function shardRole(copied: RoleName, index: number): RoleName {
  return `${indexRoleOf(copied)}/${String(index).padStart(3, "0")}`;
}

/** What a file says as an index; undefined for every other targets file. */
export function shardIndexOf(file: TargetsFile): ShardIndex | undefined {
  const copied = parentOf(file.role);
  if (file.role !== indexRoleOf(copied) || !mayBeSharded(copied) || file.body.targets.size !== 1) return undefined;
  const [entry] = file.body.targets.values();
  const said = isJsonObject(entry?.custom) ? entry.custom["shards"] : undefined;
  const sha256 = entry?.hashes.get(copiedHash);
  if (entry === undefined || !isJsonObject(said) || sha256?.length !== 32 || said["role"] !== copied) return undefined;
  const version = said["version"];
  const expiresAt = instantOf(said["expires"]);
  const shards = shardsOf(file, said["sha256"]);
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1) return undefined;
  if (expiresAt === undefined || shards === undefined) return undefined;
  return { file, copied, version, sha256, length: entry.length, expiresAt, shards };
}

/** The one entry of an index. */
export function indexEntry({ copied, version, sha256, length, expiresAt, shards }: ShardIndexContent): Target {
  const said: JsonObject = {
    expires: expiresAt.toISOString(),
    role: copied,
    sha256: shards.map((hash) => encodeBase64(hash)),
    version,
  };
  return { hashes: new Map([[copiedHash, sha256]]), length, custom: { shards: said } };
}

function instantOf(value: JsonValue | undefined): Date | undefined {
  const at = new Date(typeof value === "string" ? value : Number.NaN);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** The shards that the file declares, with a hash for each; one of them has the empty prefix. */
function shardsOf(file: TargetsFile, hashes: JsonValue | undefined): readonly ListedShard[] | undefined {
  const roles = file.body.delegations.roles ?? [];
  if (!Array.isArray(hashes) || hashes.length !== roles.length || roles.length > maxShards) return undefined;
  const shards: ListedShard[] = [];
  for (const [at, { name, paths }] of roles.entries()) {
    const sha256 = hashOf(hashes[at]);
    const [prefix, ...more] = paths ?? [];
    if (prefix === undefined || more.length > 0 || sha256 === undefined) return undefined;
    shards.push({ role: name, prefix, sha256 });
  }
  const prefixes = new Set(shards.map(({ prefix }) => prefix));
  return prefixes.size === shards.length && prefixes.has("") ? shards : undefined;
}

function hashOf(value: JsonValue | undefined): Uint8Array | undefined {
  if (typeof value !== "string" || value.length !== 44 || !isBase64(value)) return undefined;
  const bytes = decodeBase64(value);
  return bytes.length === 32 ? bytes : undefined;
}
