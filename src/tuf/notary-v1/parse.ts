/** Parses Notary v1 files: bytes to bodies. Everything is bounded and its shape checked; nothing is trusted yet. */

import type { Signature } from "../../crypto/signature.ts";
import { canonicalJson, fileFormToCanonical, parseJsonDocument } from "../../encoding/json.ts";
import type { JsonDocument } from "../../encoding/json.ts";
import { MetadataError, hasCode } from "../../errors.ts";
import type {
  AnyBody,
  MetadataFile,
  RoleName,
  RootFile,
  SnapshotFile,
  TargetsFile,
  TimestampFile,
} from "../metadata.ts";
import { isBaseRole, isDelegation } from "../role-name.ts";
import { parseBody } from "./signed-body.ts";
import { maxFileBytes, maxSignatures } from "./bounds.ts";
import { commonTarget } from "./received-targets.ts";
import { Shape } from "./shape.ts";

/**
 * Parses the bytes of one role's file.
 *
 * @param bytes as received; kept, not copied
 * @returns the file, with its signatures not yet verified
 * @throws MetadataError `TOO_LARGE`; `METADATA_ROLE_UNKNOWN`; `METADATA_TYPE_UNEXPECTED` for another role's file;
 *   `METADATA_MALFORMED` for anything that is not JSON or not of this role's shape
 * @see Notary v1: file bytes, shapes
 */
export function parseMetadata(role: "root", bytes: Uint8Array): RootFile;
export function parseMetadata(role: "snapshot", bytes: Uint8Array): SnapshotFile;
export function parseMetadata(role: "timestamp", bytes: Uint8Array): TimestampFile;
export function parseMetadata(role: "targets" | `targets/${string}`, bytes: Uint8Array): TargetsFile;
export function parseMetadata(role: RoleName, bytes: Uint8Array): MetadataFile;
export function parseMetadata(role: RoleName, bytes: Uint8Array): MetadataFile {
  if (!isBaseRole(role) && !isDelegation(role))
    throw new MetadataError("METADATA_ROLE_UNKNOWN", `${role} is an invalid role`);
  if (bytes.length > maxFileBytes(role)) {
    throw new MetadataError(
      "TOO_LARGE",
      `${role} has ${bytes.length} bytes, more than the ${maxFileBytes(role)} allowed`,
    );
  }
  const document = parseDocument(role, bytes);
  const file = Shape.of(role, document.value, "the file");
  const body: AnyBody = parseBody(role, file.child("signed"), document);
  return { role, bytes, signedBytes: signedBytesOf(role, document), body, signatures: parseSignatures(file) };
}

function parseDocument(role: RoleName, bytes: Uint8Array): JsonDocument {
  try {
    return parseJsonDocument(bytes, { outline: ["signed", "targets"], outlineMember: commonTarget });
  } catch (cause) {
    if (!hasCode(cause, "JSON_MALFORMED")) throw cause;
    throw new MetadataError("METADATA_MALFORMED", `${role} is not valid JSON: ${cause.message}`, { cause });
  }
}

/** Files in reference form need no second serialisation: unescaping the HTML escapes of the received text gives the signed bytes. */
function signedBytesOf(role: RoleName, document: JsonDocument): Uint8Array {
  const member = document.members.get("signed");
  if (member?.isFileForm === true) return fileFormToCanonical(member.bytes);
  try {
    return canonicalJson(document.value["signed"] ?? null);
  } catch (cause) {
    if (!hasCode(cause, "JSON_MALFORMED")) throw cause;
    throw new MetadataError("METADATA_MALFORMED", `${role} cannot have been signed: ${cause.message}`, { cause });
  }
}

function parseSignatures(file: Shape): Signature[] {
  const list = file.list("signatures", maxSignatures) ?? [];
  return list.map((item, index) => {
    const signature = Shape.of(file.role, item, `signature ${index}`);
    return {
      keyId: signature.name("keyid"),
      method: signature.name("method").toLowerCase(),
      value: signature.base64("sig"),
    };
  });
}
