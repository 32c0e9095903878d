import { EncodingError } from "../errors.ts";

/** Writes bytes as padded base64 in the standard alphabet. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/**
 * Reads padded base64 in the standard alphabet. Strict: one value has one spelling, so no white space, no missing
 * padding, no stray bits, no URL alphabet.
 *
 * @throws EncodingError `BASE64_MALFORMED`
 * @see RFC 4648 §3.5, §4
 */
export function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  // The platform decodes leniently; writing the result out again shows every leniency it used.
  if (bytes.toString("base64") !== text)
    throw new EncodingError("BASE64_MALFORMED", "Cannot parse base64: expected padded text in the standard alphabet");
  return bytes;
}
