/** The file NAME.pub, in which a new key's public half is handed out. */
import { stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { publicKeyPem } from "../../crypto/public-key-pem.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { UsageError } from "../../errors.ts";
import { systemReason } from "../../files/system-error.ts";

/**
 * Where the file will be. Checked before anything is asked or made, so that you do not type a passphrase in vain.
 *
 * @throws UsageError `FILE_UNWRITABLE` when the directory is not there, or the file is
 */
export async function newPublicKeyPath(name: string, directory: string | undefined): Promise<string> {
  const path = directory === undefined ? resolve(`${name}.pub`) : join(directory, `${name}.pub`);
  if (directory !== undefined && !(await exists(directory))) {
    throw new UsageError("FILE_UNWRITABLE", `public key path does not exist: "${directory}"`);
  }
  if (await exists(path)) throw new UsageError("FILE_UNWRITABLE", `public key file already exists: "${path}"`);
  return path;
}

/**
 * Writes the file. Off-spec: docker writes a `role` header, which OpenSSL refuses to read; docker reads the file without it as well.
 *
 * @throws UsageError `FILE_UNWRITABLE`
 */
export async function writePublicKey(path: string, key: PublicKey): Promise<void> {
  try {
    await writeFile(path, publicKeyPem(key), { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw new UsageError("FILE_UNWRITABLE", `cannot write public key file "${path}": ${systemReason(error)}`, {
      cause: error,
      hint: `The private key was stored; for its public key run: tagseal trust key show --public ${key.keyId.slice(0, 12)}`,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false, // a path that cannot be inspected fails, with its reason, when written
  );
}
