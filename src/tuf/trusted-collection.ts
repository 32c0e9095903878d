/** The result of an update: every file of a collection that may be trusted. */

import type { MetadataError } from "../errors.ts";
import type { ShardIndex } from "./shards/shard-index.ts";
import type { RoleName, RootFile, SnapshotFile, TargetsFile, TimestampFile } from "./metadata.ts";

/** A delegation's file that must not be trusted; kept so that its owner can recover it by signing it again. */
export interface InvalidDelegation {
  readonly file: TargetsFile;
  /** `METADATA_THRESHOLD_NOT_MET` or `METADATA_EXPIRED` */
  readonly error: MetadataError;
}

/** A consistent, verified set of files. Look targets up with `lookup.ts`, change it with `editor.ts`. */
export interface TrustedCollection {
  readonly gun: string;
  readonly root: RootFile;
  /** absent only for a set that was not read from a server */
  readonly timestamp?: TimestampFile;
  /** the server did not answer, and the timestamp is the cached one */
  readonly isTimestampCached?: boolean;
  readonly snapshot: SnapshotFile;
  readonly targets: TargetsFile;
  /** parents before children, siblings in the order of their parent's list; without the indexes of shards, and shards */
  readonly delegations: ReadonlyMap<RoleName, TargetsFile>;
  /** the indexes of shards, by the role that is copied; current or not */
  readonly shardIndexes: ReadonlyMap<RoleName, ShardIndex>;
  /** set when only this name was asked for: of a role that was read from a shard, other names are missing */
  readonly onlyTarget?: string;
  readonly invalidDelegations: ReadonlyMap<RoleName, InvalidDelegation>;
  /** the root is trusted on first use: show the user whom they trust from now on */
  readonly pinnedOnFirstUse: boolean;
}

/** The targets files of a set that may be incomplete. */
export interface TargetsFiles {
  readonly targets: TargetsFile | undefined;
  readonly delegations: TrustedCollection["delegations"];
}

/** The targets file of `targets` or of a delegation; undefined when it was not read or is not valid. */
export function targetsFileOf(files: TargetsFiles, role: RoleName): TargetsFile | undefined {
  return role === "targets" ? files.targets : files.delegations.get(role);
}

/** The files of `targets` and its valid delegations, as they were received. */
export function targetsBytesOf({ targets, delegations }: TargetsFiles): ReadonlyMap<RoleName, Uint8Array> {
  const files = [...(targets === undefined ? [] : [targets]), ...delegations.values()];
  return new Map(files.map(({ role, bytes }) => [role, bytes]));
}
