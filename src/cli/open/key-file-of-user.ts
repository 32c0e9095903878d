import { readFile, stat } from "node:fs/promises";
import { isPrivateKeyBlock } from "../../crypto/private-key-pem.ts";
import { parsePem, type PemBlock } from "../../encoding/pem.ts";
import { KeyStoreError, UsageError } from "../../errors.ts";
import { isSystemError, systemReason } from "../../files/system-error.ts";
import { maxImportLength } from "../../keys/key-transfer.ts";

/** A private key in a file that the user named. */
export interface PrivateKeyText {
  readonly text: string;
  readonly block: PemBlock;
}

/**
 * The private key in a file that has one private key or none; undefined for a public key or a certificate.
 *
 * @throws KeyStoreError `KEY_FILE_UNSAFE`; UsageError `FILE_UNREADABLE`, `KEY_MALFORMED`, `TOO_LARGE`; EncodingError `PEM_MALFORMED`
 */
export async function privateKeyIn(path: string): Promise<PrivateKeyText | undefined> {
  const text = await readKeyText(path);
  const blocks = text.includes("-----BEGIN ") ? parsePem(text) : [];
  const [block, ...more] = blocks.filter(isPrivateKeyBlock);
  if (block === undefined) return undefined;
  if (more.length > 0)
    throw new UsageError("KEY_MALFORMED", `${path} has ${more.length + 1} private keys, expected one`);
  await requirePrivate(path);
  return { text, block };
}

async function readKeyText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxImportLength) throw new UsageError("TOO_LARGE", `${path} has ${size} bytes, too many for a key file`);
    return await readFile(path, "utf8");
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError("FILE_UNREADABLE", `unable to read the key file ${path}: ${systemReason(error)}`, {
      cause: error,
      hint: "Give a key file, or the ID of a key of this machine: 64 hexadecimal characters.",
    });
  }
}

/** docker's rule for private keys. */
async function requirePrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o066) === 0) return;
  throw new KeyStoreError("KEY_FILE_UNSAFE", `private key file ${path} must not be readable or writable by others`, {
    hint: `Keep others out: chmod 600 ${path}`,
  });
}
