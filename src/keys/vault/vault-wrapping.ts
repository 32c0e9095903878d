/** How Vault's transit engine takes a key in: wrapped for its wrapping key, so that not even an intermediary that sees the request can read it. */
import { constants, createCipheriv, publicEncrypt, randomBytes } from "node:crypto";
import type { PrivateKey } from "../../crypto/private-key.ts";
import { KeyStoreError } from "../../errors.ts";

/** The cipher of RFC 5649, as OpenSSL calls it, and the value that it begins with. */
const keyWrap = { name: "id-aes256-wrap-pad", start: Buffer.from("a65959a6", "hex") } as const;

/**
 * Wraps a key: a new AES key for Vault's RSA key, followed by the private key for that AES key.
 *
 * @param wrappingKey PEM, as `transit/wrapping_key` has it
 * @throws KeyStoreError `KEY_UNSUPPORTED` where the runtime lacks the cipher
 * @see Vault: transit secrets engine, bring your own key
 */
export function wrapForVault(key: PrivateKey, wrappingKey: string): Buffer {
  const ephemeral = randomBytes(32);
  const forVault = { key: wrappingKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  try {
    const cipher = createCipheriv(keyWrap.name, ephemeral, keyWrap.start);
    const wrapped = Buffer.concat([cipher.update(key.toStandardPkcs8()), cipher.final()]);
    return Buffer.concat([publicEncrypt(forVault, ephemeral), wrapped]);
  } catch (cause) {
    throw new KeyStoreError("KEY_UNSUPPORTED", "The key cannot be wrapped for Vault here", {
      cause,
      hint: "The self-contained executable lacks the cipher: use Tagseal as npm installs it.",
    });
  }
}
