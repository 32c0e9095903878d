/** The result of an update: every file of a collection that may be trusted. */

import type { MetadataError } from "../errors.ts";
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
  /** parents before children, siblings in the order of their parent's list */
  readonly delegations: ReadonlyMap<RoleName, TargetsFile>;
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
