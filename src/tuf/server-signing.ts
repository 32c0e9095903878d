/** The two files that a trust server signs itself: the timestamp, and the snapshot if it holds that key too. */

import type { SigningKey } from "../crypto/private-key.ts";
import { hasCode } from "../errors.ts";
import { nextVersion } from "./collection-draft.ts";
import { expiryAfter, lifetimeMs } from "./expiry.ts";
import { fileMetaOf } from "./file-meta.ts";
import type {
  FileMeta,
  MetadataFile,
  RoleName,
  ServerRole,
  SnapshotBody,
  SnapshotFile,
  TimestampBody,
  TimestampFile,
} from "./metadata.ts";
import { signRole } from "./role-signing.ts";
import type { RoleSigners } from "./role-signers.ts";
import type { StoredRoles } from "./stored-roles.ts";
import { UpdateRefused } from "./update-refused.ts";

/** Finds the server's private key with this ID, bound to the collection and role it was made for; `undefined` when there is none. */
export interface ServerKeys {
  find(keyId: string, role: ServerRole): Promise<SigningKey | undefined>;
}

/** Whether the server has one of a role's keys, which owners may keep themselves. @throws what `keys` throws */
export async function holdsKeyOf(role: ServerRole, { roleKeys }: RoleSigners, keys: ServerKeys): Promise<boolean> {
  for (const keyId of roleKeys.keyIds ?? []) if ((await keys.find(keyId, role)) !== undefined) return true;
  return false;
}

/** A collection whose files the server signs, and what it signs them with. */
export interface ServerSignedCollection {
  readonly gun: string;
  readonly stored: StoredRoles;
  readonly keys: ServerKeys;
  readonly now: Date;
  /** milliseconds; default: 14 days */
  readonly timestampLifetimeMs?: number | undefined;
  /** milliseconds; default: three years */
  readonly snapshotLifetimeMs?: number | undefined;
}

/** What is needed to sign one of them. */
export interface ServerSigning {
  readonly signers: RoleSigners;
  readonly keys: ServerKeys;
  readonly now: Date;
  /** default as `lifetimeMs` */
  readonly validForMs?: number | undefined;
  /** a published version that may be newer than `previous`: the next one is higher than both */
  readonly publishedVersion?: number | undefined;
}

/**
 * Makes the snapshot that follows `previous`: its entries, with those of `changed` in their place.
 *
 * @throws UpdateRefused `ErrBadHierarchy`, missing `snapshot`, when the server's keys do not reach the threshold
 */
export async function makeSnapshot(
  previous: SnapshotFile | undefined,
  changed: ReadonlyMap<RoleName, Uint8Array>,
  signing: ServerSigning,
): Promise<SnapshotFile> {
  const meta = new Map<RoleName, FileMeta>(previous?.body.meta);
  for (const [role, bytes] of changed) meta.set(role, fileMetaOf(bytes));
  try {
    return await sign({ type: "snapshot", meta, ...stamp("snapshot", previous, signing) }, signing);
  } catch (cause) {
    if (!hasCode(cause, "SIGNING_KEY_MISSING")) throw cause;
    const reason = "no snapshot was included in update and server does not hold current snapshot key for repository";
    throw new UpdateRefused("ErrBadHierarchy", reason, { cause, missing: "snapshot" });
  }
}

/**
 * Makes the timestamp that follows `previous` and names this snapshot.
 *
 * @throws UpdateRefused `ErrBadRoot` when the server's keys do not reach the threshold
 */
export async function makeTimestamp(
  previous: TimestampFile | undefined,
  snapshot: Uint8Array,
  signing: ServerSigning,
): Promise<TimestampFile> {
  const meta = new Map([["snapshot", fileMetaOf(snapshot)]]);
  try {
    return await sign({ type: "timestamp", meta, ...stamp("timestamp", previous, signing) }, signing);
  } catch (cause) {
    if (!hasCode(cause, "SIGNING_KEY_MISSING")) throw cause;
    // two spaces: clients that match the reference's words match these
    throw new UpdateRefused("ErrBadRoot", "no  timestamp keys exist on the server", { cause });
  }
}

async function sign<B extends SnapshotBody | TimestampBody>(
  body: B,
  { signers, keys }: ServerSigning,
): Promise<MetadataFile<B>> {
  return await signRole(body.type, body, [signers], (key) => keys.find(key.keyId, body.type));
}

function stamp(
  role: ServerRole,
  previous: MetadataFile<SnapshotBody | TimestampBody> | undefined,
  { now, validForMs, publishedVersion = 0 }: ServerSigning,
) {
  return {
    version: nextVersion(role, Math.max(previous?.body.version ?? 0, publishedVersion)),
    ...expiryAfter(now, validForMs ?? lifetimeMs(role)),
  };
}
