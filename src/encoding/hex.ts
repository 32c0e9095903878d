import { EncodingError } from "../errors.ts";

/** Writes bytes as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/**
 * Reads lower-case hexadecimal, the only spelling key IDs and digests have, so that equal bytes have equal text.
 *
 * @throws EncodingError `HEX_MALFORMED` for an odd length, upper case or any other character
 */
export function decodeHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || /[^0-9a-f]/.test(text))
    throw new EncodingError("HEX_MALFORMED", "Cannot parse hexadecimal: expected pairs of 0-9 and a-f");
  return Buffer.from(text, "hex");
}
