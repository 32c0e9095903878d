/**
 * The data model of a trusted collection: roles, keys, targets and the four kinds of signed file, free of any wire format.
 * `notary-v1/` turns bytes into these and back.
 *
 * `tuf/` is pure except for `updater.ts`: bytes, keys and a clock in, decisions out. It never reads a disk, a socket or the time.
 */

import type { Signature } from "../crypto/signature.ts";
import type { PublicKey } from "../crypto/public-key.ts";
import type { JsonValue } from "../encoding/json.ts";

/** The four roles every collection has. TUF 1.0.34 §2.1. */
export type BaseRole = "root" | "targets" | "snapshot" | "timestamp";

/** The roles that a trust server may hold the keys of. */
export type ServerRole = Extract<BaseRole, "snapshot" | "timestamp">;

/** A base role, or a delegation such as `targets/releases`; see `role-name.ts` for the grammar. */
export type RoleName = string;

/** One version of a role. */
export interface RoleVersion {
  readonly role: RoleName;
  readonly version: number;
}

/** Who may sign for a role, and how many of them must. */
export interface RoleKeys {
  /** TUF key IDs; `null` once the last key was removed, which differs from an empty list on the wire */
  readonly keyIds: readonly string[] | null;
  /** at least 1, else the file that names it is malformed */
  readonly threshold: number;
}

/** A role to which a targets file delegates some of its names. */
export interface DelegatedRole extends RoleKeys {
  readonly name: RoleName;
  /** literal prefixes of target names, `""` for every name; `undefined` (never empty) when there are none, and so no name at all */
  readonly paths: readonly string[] | undefined;
}

/** One signed entry: for an image the name is the tag and this is the manifest. */
export interface Target {
  /** algorithm name to raw digest; unknown algorithms are kept */
  readonly hashes: ReadonlyMap<string, Uint8Array>;
  /** bytes */
  readonly length: number;
  /** absent, or any JSON that is not null */
  readonly custom?: JsonValue;
}

/** What a snapshot or timestamp says about another file. */
export interface FileMeta {
  /** algorithm name to raw digest */
  readonly hashes: ReadonlyMap<string, Uint8Array>;
  /** bytes */
  readonly length: number;
}

/** Common to all four kinds. */
export interface Body {
  /** 1 or more */
  readonly version: number;
  /** RFC 3339, exactly as received: it is signed text */
  readonly expires: string;
  /** the instant `expires` names, cut to the millisecond */
  readonly expiresAt: Date;
}

/** The keys of the four base roles. */
export interface RootBody extends Body {
  readonly type: "root";
  /** kept as received; files are always requested by hash, whatever it says */
  readonly consistentSnapshot: boolean;
  readonly keys: ReadonlyMap<string, PublicKey>;
  /** at least the four base roles; others are kept and have no meaning */
  readonly roles: ReadonlyMap<string, RoleKeys>;
}

/** The roles a targets file delegates to, and their keys. */
export interface Delegations {
  readonly keys: ReadonlyMap<string, PublicKey>;
  /** in order of priority; `null` once the last delegation was removed, which differs from an empty list on the wire */
  readonly roles: readonly DelegatedRole[] | null;
}

/** Signed entries and delegations, of `targets` or of a delegation. */
export interface TargetsBody extends Body {
  readonly type: "targets";
  readonly targets: ReadonlyMap<string, Target>;
  /** set when the file had `"targets":null`; written back that way while there are no entries */
  readonly targetsWereNull?: true;
  readonly delegations: Delegations;
}

/** Which file of every role is current. */
export interface SnapshotBody extends Body {
  readonly type: "snapshot";
  /** by role name, without `.json` */
  readonly meta: ReadonlyMap<RoleName, FileMeta>;
}

/** Which snapshot is current. */
export interface TimestampBody extends Body {
  readonly type: "timestamp";
  /** by role name; readers use `snapshot` alone */
  readonly meta: ReadonlyMap<RoleName, FileMeta>;
}

/** Any of the four bodies; tell them apart by `type`. */
export type AnyBody = RootBody | TargetsBody | SnapshotBody | TimestampBody;

/** One signed file, parsed. Nothing about it is trusted until its signatures were counted by `verifyThreshold`. */
export interface MetadataFile<B = AnyBody> {
  readonly role: RoleName;
  /** as received: what a snapshot's hash covers */
  readonly bytes: Uint8Array;
  /** canonical form of what arrived under `signed`: what signatures cover */
  readonly signedBytes: Uint8Array;
  readonly body: B;
  /** in the order of the file, methods in lower case */
  readonly signatures: readonly Signature[];
}

/** The file of `root`. */
export type RootFile = MetadataFile<RootBody>;

/** The file of `targets` or of a delegation. */
export type TargetsFile = MetadataFile<TargetsBody>;

/** The file of `snapshot`. */
export type SnapshotFile = MetadataFile<SnapshotBody>;

/** The file of `timestamp`. */
export type TimestampFile = MetadataFile<TimestampBody>;
