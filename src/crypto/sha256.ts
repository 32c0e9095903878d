import { hash } from "node:crypto";

/** SHA-256 of some bytes: 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}

/** SHA-512 of some bytes: 64 bytes. */
export function sha512(bytes: Uint8Array): Buffer {
  return hash("sha512", bytes, "buffer");
}

/** SHA-256 of some bytes as 64 lower-case hexadecimal characters. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}
