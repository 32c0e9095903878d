/** How many bytes the check of an upload has to read, sent and stored: that decides where it runs. */

import { MetadataError } from "../../errors.ts";
import type { RoleName, SnapshotBody } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { isDelegation, parentOf } from "../../tuf/role-name.ts";
import type { UploadCheck } from "./checked-upload.ts";

/** What decides about the weight. */
export type Weighed = Pick<UploadCheck, "uploads" | "lost" | "stored">;

/** Bytes; stored files are looked up only while it can still make a difference to `enough`. @throws what `stored` throws */
export async function weightOf({ uploads, lost = [], stored }: Weighed, enough: number): Promise<number> {
  const sent = [...uploads.values(), ...lost.map(({ bytes }) => bytes)].reduce((sum, { length }) => sum + length, 0);
  if (sent >= enough) return sent;
  const snapshot = await stored.current("snapshot");
  if (snapshot === undefined) return sent;
  const meta = listedIn(snapshot.bytes);
  const read = [...meta].filter(([role]) => isRead(role, uploads));
  return read.reduce((sum, [, { length }]) => sum + length, sent + snapshot.bytes.length);
}

/** A damaged one is the check's to judge. */
function listedIn(bytes: Uint8Array): SnapshotBody["meta"] {
  try {
    return parseMetadata("snapshot", bytes).body.meta;
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    return new Map();
  }
}

/** A snapshot is compared with everything it lists, a root with targets, a delegation with those above it. */
function isRead(role: RoleName, uploads: Weighed["uploads"]): boolean {
  if (uploads.has("snapshot") || (role === "targets" && uploads.has("root"))) return true;
  return [...uploads.keys()].some((name) => role === name || isAbove(role, name));
}

function isAbove(role: RoleName, name: RoleName): boolean {
  if (!isDelegation(name)) return false;
  const parent = parentOf(name);
  return parent === role || isAbove(role, parent);
}
