/** Public keys as PEM blocks, as OpenSSL writes and reads them. */
import { parsePem, serialisePem } from "../encoding/pem.ts";
import { EncodingError } from "../errors.ts";
import { PublicKey } from "./public-key.ts";
import { ed25519Spki } from "./spki.ts";

/** The PEM text of a bare public key. */
export function publicKeyPem({ keyType, bytes }: PublicKey): string {
  const spki = keyType === "ed25519" ? ed25519Spki(bytes) : bytes;
  return serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: spki });
}

/**
 * Reads exactly one public key.
 *
 * @throws EncodingError `PEM_MALFORMED`, `DER_MALFORMED`; MetadataError `KEY_UNSUPPORTED`, `KEY_MALFORMED`
 */
export function parsePublicKeyPem(text: string): PublicKey {
  const [block, ...others] = parsePem(text);
  if (block?.label !== "PUBLIC KEY" || others.length > 0)
    throw new EncodingError("PEM_MALFORMED", "Cannot read a public key: the text is not one PEM block of that kind");
  return PublicKey.fromSpki(block.bytes);
}
