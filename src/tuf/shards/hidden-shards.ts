/** Shards repeat what the role above them says, so those who look at a collection do not see them. */

import type { RoleName, TargetsFile } from "../metadata.ts";
import { isWithin } from "../role-name.ts";
import { type ShardIndex, shardIndexOf } from "./shard-index.ts";

/** Separates delegations from the indexes of shards, and leaves the shards out. */
export function withoutShards(files: ReadonlyMap<RoleName, TargetsFile>): {
  readonly delegations: ReadonlyMap<RoleName, TargetsFile>;
  readonly shardIndexes: ReadonlyMap<RoleName, ShardIndex>;
} {
  const indexes = [...files.values()].map(shardIndexOf).filter((index) => index !== undefined);
  const shardIndexes = new Map(indexes.map((index) => [index.copied, index]));
  if (indexes.length === 0) return { delegations: files, shardIndexes };
  const isHidden = (role: RoleName): boolean => indexes.some(({ file }) => isWithin(role, file.role));
  return { delegations: new Map([...files].filter(([role]) => !isHidden(role))), shardIndexes };
}
