/** Text that only holders of a key can read, or could have written: AES-256-GCM. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** bytes of a key */
export const sealKeyBytes = 32;

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/** Seals a text under a key of {@link sealKeyBytes}; at most some billions under one key. @see NIST SP 800-38D §8.3 */
export function sealText(key: Uint8Array, text: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what {@link sealText} made; undefined for anything else, and under another key. */
export function openText(key: Uint8Array, sealed: Uint8Array): string | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    const opened = [decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()];
    return Buffer.concat(opened).toString("utf8");
  } catch {
    return undefined;
  }
}
