/** Keys of signers on their machines, with few rounds of passphrase stretching: a test unlocks them often. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { publicKeyPem } from "../../src/crypto/public-key-pem.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import type { KeyUse } from "../../src/keys/key-store.ts";
import { scriptedPassphrases } from "./scripted-passphrases.ts";

/** A new key in docker's configuration directory of a machine. */
export interface MadeKey {
  readonly dockerConfig: string;
  readonly passphrase: string;
  readonly use: KeyUse;
}

/** Makes it, and writes its public half beside the configuration. @returns the key, its ID, and the file of its public half */
export async function makeSignerKey({
  dockerConfig,
  passphrase,
  use,
}: MadeKey): Promise<{ readonly keyId: string; readonly publicKey: string; readonly key: PrivateKey }> {
  const store = new FileKeyStore({
    directory: join(dockerConfig, "trust/private"),
    passphrases: scriptedPassphrases(passphrase),
    iterations: 10,
  });
  const key = PrivateKey.generate("ecdsa");
  const { keyId } = await store.add(key, use);
  const publicKey = join(dockerConfig, `${use.role}.pub`);
  writeFileSync(publicKey, publicKeyPem(key.publicKey));
  return { keyId, publicKey, key };
}
