import { sha256, sha512 } from "../crypto/sha256.ts";
import type { FileMeta } from "./metadata.ts";

/** Describes exactly these bytes, as a snapshot or timestamp entry does: both hashes and the length. */
export function fileMetaOf(bytes: Uint8Array): FileMeta {
  return {
    hashes: new Map([
      ["sha256", sha256(bytes)],
      ["sha512", sha512(bytes)],
    ]),
    length: bytes.length,
  };
}
