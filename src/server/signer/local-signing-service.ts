/** The signer inside the server's own process: sealed rows in `signer.db`, opened keys in memory. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { PrivateKey, type SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { deriveKey, derivationSecretBytes } from "./derived-key.ts";
import { SealedKeyTable } from "./sealed-key-table.ts";
import { openSecret, sealSecret } from "./sealed-secret.ts";
import { existingPassphrase, firstPassphrase } from "./signer-passphrase.ts";
import type { ServerRole, SigningService } from "./signing-service.ts";

/** How to open the signer of a data directory. */
export interface LocalSignerOptions {
  /** existing directory; `signer.db` and, unless a passphrase is given, `signer.passphrase` lie in it */
  readonly dataDir: string;
  readonly passphrase?: string | undefined;
  readonly now: () => Date;
  /** told once, with the path, when a passphrase was generated */
  readonly onPassphraseGenerated?: (path: string) => void;
}

/** File names inside the data directory. */
export const signerFiles = { database: "signer.db", passphrase: "signer.passphrase" } as const;

/** opened keys kept in memory, so that deriving the sealing key is not paid at every publication */
const maxOpenedKeys = 4096;

/**
 * Opens the signer, or sets it up on the first start.
 *
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`
 * @throws TagsealError `SERVER_CONFIGURATION` without a passphrase for existing keys, `STORAGE_FAILED`
 */
export async function openLocalSigningService(options: LocalSignerOptions): Promise<SigningService> {
  const table = new SealedKeyTable(join(options.dataDir, signerFiles.database));
  try {
    const { secret, passphrase } = await openDerivationSecret(table, options);
    return new LocalSigningService({ table, secret, passphrase, now: options.now });
  } catch (error) {
    table.close();
    throw error;
  }
}

interface Opened {
  readonly secret: Uint8Array;
  readonly passphrase: string;
}

/** Opening the secret proves the passphrase before the first request could ask for a key. */
async function openDerivationSecret(table: SealedKeyTable, options: LocalSignerOptions): Promise<Opened> {
  const path = join(options.dataDir, signerFiles.passphrase);
  const kept = table.derivationSecret();
  if (kept !== undefined) {
    const passphrase = existingPassphrase(options.passphrase, path);
    return { passphrase, secret: await openSecret(kept, passphrase) };
  }
  const { passphrase, generatedInto } = firstPassphrase(options.passphrase, path);
  if (generatedInto !== undefined) options.onPassphraseGenerated?.(generatedInto);
  const sealed = table.keepDerivationSecret(await sealSecret(randomBytes(derivationSecretBytes), passphrase));
  return { passphrase, secret: await openSecret(sealed, passphrase) };
}

interface Parts extends Opened {
  readonly table: SealedKeyTable;
  readonly now: () => Date;
}

class LocalSigningService implements SigningService {
  readonly #parts: Parts;
  readonly #opened = new Map<string, PrivateKey>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async pendingKey(gun: string, role: ServerRole): Promise<PublicKey> {
    return this.#derive(gun, role).publicKey;
  }

  async find(gun: string, role: ServerRole, keyId: string): Promise<SigningKey | undefined> {
    const kept = this.#parts.table.findKey(gun, role, keyId);
    if (kept !== undefined) return this.#open(keyId, kept);
    const pending = this.#derive(gun, role);
    return pending.publicKey.keyId === keyId ? this.#keptOnFirstUse(gun, role, pending) : undefined;
  }

  async check(): Promise<void> {
    this.#parts.table.derivationSecret();
  }

  async close(): Promise<void> {
    this.#opened.clear();
    this.#parts.table.close();
  }

  #derive(gun: string, role: ServerRole): PrivateKey {
    const { table, secret } = this.#parts;
    return deriveKey(secret, { gun, role, index: table.countKeys(gun, role) });
  }

  async #open(keyId: string, sealed: string): Promise<PrivateKey> {
    const opened = this.#opened.get(keyId);
    if (opened !== undefined) return opened;
    const key = PrivateKey.fromSec1(await openSecret(sealed, this.#parts.passphrase));
    this.#remember(key);
    return key;
  }

  #keptOnFirstUse(gun: string, role: ServerRole, key: PrivateKey): SigningKey {
    return {
      publicKey: key.publicKey,
      sign: async (payload) => {
        await this.#keep(gun, role, key);
        return key.sign(payload);
      },
    };
  }

  async #keep(gun: string, role: ServerRole, key: PrivateKey): Promise<void> {
    const { table, passphrase, now } = this.#parts;
    const { keyId, bytes: publicKey } = key.publicKey;
    const sealed = await sealSecret(key.toSec1(), passphrase);
    table.insertKey({ keyId, gun, role, publicKey, sealed, at: now() });
    this.#remember(key);
  }

  /** The oldest entry makes room; whether a key is opened changes only how long the next signature takes. */
  #remember(key: PrivateKey): void {
    const oldest = this.#opened.keys().next();
    if (this.#opened.size >= maxOpenedKeys && oldest.done !== true) this.#opened.delete(oldest.value);
    this.#opened.set(key.publicKey.keyId, key);
  }
}
