import { DerReader } from "../encoding/der.ts";
import { EncodingError } from "../errors.ts";

/**
 * An ECDSA signature as metadata has it: r and s, each as long as a coordinate. Services give it so, or as a DER sequence of two integers.
 *
 * @param coordinateBytes of the key's curve
 * @throws EncodingError `DER_MALFORMED`
 * @see RFC 3279 §2.2.3
 */
export function rawEcdsaSignature(value: Uint8Array, coordinateBytes: number): Uint8Array {
  if (value.length === 2 * coordinateBytes) return value;
  const outer = new DerReader(value, "ECDSA signature");
  const pair = outer.enter();
  outer.end();
  const numbers = [pair.unsignedBytes(), pair.unsignedBytes()];
  pair.end();
  return Buffer.concat(numbers.map((number) => padded(number, coordinateBytes)));
}

function padded(number: Uint8Array, length: number): Uint8Array {
  if (number.length > length)
    throw new EncodingError("DER_MALFORMED", "Cannot read an ECDSA signature: a number is too long");
  return Buffer.concat([Buffer.alloc(length - number.length), number]);
}
