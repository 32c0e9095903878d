/** The result of an update: every file of a collection that may be trusted. */

import type { MetadataError } from "../errors.ts";
import type { MetadataFile, RoleName, RootBody, SnapshotBody, TargetsBody, TimestampBody } from "./metadata.ts";

/** A delegation's file that must not be trusted; kept so that its owner can recover it by signing it again. */
export interface InvalidDelegation {
  readonly file: MetadataFile<TargetsBody>;
  /** `METADATA_THRESHOLD_NOT_MET` or `METADATA_EXPIRED` */
  readonly error: MetadataError;
}

/** A consistent, verified set of files. Look targets up with `lookup.ts`, change it with `editor.ts`. */
export interface TrustedCollection {
  readonly gun: string;
  readonly root: MetadataFile<RootBody>;
  /** absent only for a set that was not read from a server */
  readonly timestamp?: MetadataFile<TimestampBody>;
  /** the server did not answer, and the timestamp is the cached one */
  readonly isTimestampCached?: boolean;
  readonly snapshot: MetadataFile<SnapshotBody>;
  readonly targets: MetadataFile<TargetsBody>;
  /** parents before children, siblings in the order of their parent's list */
  readonly delegations: ReadonlyMap<RoleName, MetadataFile<TargetsBody>>;
  readonly invalidDelegations: ReadonlyMap<RoleName, InvalidDelegation>;
  /** the root is trusted on first use: show the user whom they trust from now on */
  readonly pinnedOnFirstUse: boolean;
}

/** The targets files of a set that may be incomplete. */
export interface TargetsFiles {
  readonly targets: MetadataFile<TargetsBody> | undefined;
  readonly delegations: TrustedCollection["delegations"];
}

/** The targets file of `targets` or of a delegation; undefined when it was not read or is not valid. */
export function targetsFileOf(files: TargetsFiles, role: RoleName): MetadataFile<TargetsBody> | undefined {
  return role === "targets" ? files.targets : files.delegations.get(role);
}
