import { sha256Hex } from "../crypto/sha256.ts";
import type { MetadataFile, RoleVersion } from "./metadata.ts";

/** One file to be stored. */
export interface ValidatedFile extends RoleVersion {
  readonly bytes: Uint8Array;
  /** lower-case hex of `bytes` */
  readonly sha256: string;
}

/** Describes exactly these bytes. */
export function validatedFile(file: MetadataFile): ValidatedFile {
  return { role: file.role, version: file.body.version, bytes: file.bytes, sha256: sha256Hex(file.bytes) };
}
