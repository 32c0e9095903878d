/**
 * The private keys of a signer: sealed rows in a {@link KeyTable}, opened ones in memory, and pending ones that are
 * computed. The callers are a server in this process, or the gRPC service.
 */

import { randomBytes } from "node:crypto";
import type { ServerRole } from "../../tuf/metadata.ts";
import { PrivateKey, type SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { hasCode, KeyStoreError, MetadataError, reworded, type TagsealError } from "../../errors.ts";
import { deriveKey, derivationSecretBytes, type DerivedAlgorithm } from "./derived-key.ts";
import type { KeyService } from "./key-service.ts";
import { isElsewhere, type KeyTable, type Sealed, type SealedKey } from "./key-table.ts";
import { openSecret, sealSecret } from "./sealed-secret.ts";
import { ServedKeys } from "./served-keys.ts";
import {
  existingPassphrases,
  firstPassphrases,
  type PassphraseSource,
  type SignerPassphrases,
} from "./signer-passphrases.ts";
import { type GivenPassphrases, passphraseOf, passphraseVariable, requirePassphrases } from "./given-passphrases.ts";

/** How to open the keys of a table. */
export interface SignerKeysOptions {
  readonly table: KeyTable;
  readonly passphrases: PassphraseSource;
  readonly now: () => Date;
  /** uses the keys that are kept elsewhere, and makes new ones there when it is to */
  readonly service?: KeyService | undefined;
  /** keys kept elsewhere that may be promised and unused at a time */
  readonly maxPendingKeys?: number | undefined;
}

/** The purpose of a key. */
export interface KeyPurpose {
  readonly gun: string;
  readonly role: ServerRole;
  readonly algorithm: DerivedAlgorithm;
}

/** Rotations of one role of one collection since a backup. Each costs about a millisecond of search, also for a key that was never here. */
const maxLostKeys = 16;

/** opened keys kept in memory, so that the sealing key is not derived for every publication */
const maxOpenedKeys = 4096;

/**
 * Opens a table's keys, or sets the table up on the first start. The passphrase of each alias in use is tried on one key before the first request is
 * served. Where new keys are made elsewhere, no passphrase is needed for them, and none is made.
 *
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_TOO_SHORT`, `PASSPHRASE_UNAVAILABLE`
 * @throws TagsealError `SERVER_CONFIGURATION` for a passphrase file that cannot be used, `STORAGE_FAILED`
 */
export async function openSignerKeys(options: SignerKeysOptions): Promise<SignerKeyring> {
  const { table, passphrases: source, now, service, maxPendingKeys } = options;
  const kept = await table.derivationSecret();
  const inUse = await aliasesInUse(table);
  const sealsNew = service?.makesKeys !== true;
  const passphrases = (kept === undefined && sealsNew ? firstPassphrases : existingPassphrases)(source, inUse);
  requirePassphrases(passphrases, sealsNew ? [...inUse, passphrases.defaultAlias] : inUse, inUse);
  await tryPassphrases(table, passphrases, kept);
  const first = kept ?? (sealsNew ? await firstSecret(table, passphrases) : undefined);
  const secret = first && (await unseal(first, passphrases));
  const served = new ServedKeys({ table, service, maxPendingKeys, now });
  return new SignerKeyring({ table, secret, passphrases, served, now });
}

/** What a table's secret and keys are sealed under: the secret's alias first, then the others, the one that came into use last before older ones. */
export async function aliasesInUse(table: KeyTable): Promise<readonly string[]> {
  const [secret, keys] = [await table.derivationSecret(), await table.oneKeyPerAlias()];
  const sealedKeys = keys.filter((key) => !isElsewhere(key));
  const newestFirst = sealedKeys.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  return [...new Set([...(secret === undefined ? [] : [secret.alias]), ...newestFirst.map(({ alias }) => alias)])];
}

/** Several wrong passphrases are reported together, so that the operator fixes all of them with one restart. */
async function tryPassphrases(
  table: KeyTable,
  passphrases: SignerPassphrases,
  secret: Sealed | undefined,
): Promise<void> {
  const wrong = new Map<string, TagsealError>();
  const attempt = async (alias: string, open: () => Promise<unknown>): Promise<void> => {
    try {
      await open();
    } catch (error) {
      if (!hasCode(error, "PASSPHRASE_WRONG")) throw error;
      wrong.set(passphraseVariable(alias), error);
    }
  };
  if (secret !== undefined) await attempt(secret.alias, () => unseal(secret, passphrases));
  for (const key of await table.oneKeyPerAlias())
    if (!isElsewhere(key)) await attempt(key.alias, () => openKey(key, passphrases));
  const [first, ...others] = wrong.values();
  if (first !== undefined && others.length === 0) throw first;
  if (first === undefined) return;
  const reason = `${wrong.size} passphrases are wrong, or what they seal is damaged: ${[...wrong.keys()].join(", ")}`;
  throw reworded(first, { message: `Cannot open the signer's keys: ${reason}` });
}

interface Parts {
  readonly table: KeyTable;
  /** pending keys are derived from it; undefined when all keys were made elsewhere */
  readonly secret: Uint8Array | undefined;
  readonly passphrases: SignerPassphrases;
  readonly served: ServedKeys;
  readonly now: () => Date;
}

/** The keys of one table, opened when needed. A failure never leads to a different key. */
export class SignerKeyring {
  readonly #parts: Parts;
  readonly #opened = new Map<string, PrivateKey>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** False while the place of keys that are kept elsewhere cannot be used. */
  get isAvailable(): boolean {
    return this.#parts.served.isAvailable;
  }

  /** The key to use next for this purpose, whether or not it was requested before. It has no purpose in the table yet. */
  async pending({ gun, role, algorithm }: KeyPurpose): Promise<PublicKey> {
    const { table, secret, served } = this.#parts;
    if (secret === undefined || served.makesKeys) return await served.pending({ gun, role, algorithm });
    return deriveKey(secret, { gun, role, algorithm, index: await table.countKeys(gun, role) }).publicKey;
  }

  /**
   * A pending key, or one of the next after it: the table may have been restored from a backup that is older than the key's first signature. The key
   * is computed again and stored on first use, together with those before it.
   *
   * @returns undefined when it is not one of these keys
   */
  async findPending(purpose: KeyPurpose, keyId: string): Promise<SigningKey | undefined> {
    const { table, secret, served } = this.#parts;
    const promised = await served.findPromised(purpose, keyId);
    if (promised !== undefined || secret === undefined) return promised;
    const first = await table.countKeys(purpose.gun, purpose.role);
    const before: PrivateKey[] = [];
    for (let index = first; index < first + maxLostKeys; index += 1) {
      const key = deriveKey(secret, { ...purpose, index });
      if (key.publicKey.keyId === keyId) return this.keptOnFirstUse(key, purpose, before);
      before.push(key);
    }
    return undefined;
  }

  /**
   * A kept key, ready to sign.
   *
   * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`; as `KeyService.open` for a key that is kept elsewhere
   * @throws MetadataError `KEY_MALFORMED`, `KEY_UNSUPPORTED` for a row that is not what it says
   */
  async open(sealed: SealedKey): Promise<SigningKey> {
    if (isElsewhere(sealed)) return await this.#parts.served.open(sealed);
    const opened = this.#opened.get(sealed.keyId);
    if (opened !== undefined) return opened;
    const key = await openKey(sealed, this.#parts.passphrases);
    this.#remember(key);
    return key;
  }

  /** Checks whether a key opens, without keeping it in memory. @throws as {@link open} */
  async proveOpens(sealed: SealedKey): Promise<void> {
    if (isElsewhere(sealed)) await this.#parts.served.prove(sealed);
    else if (!this.#opened.has(sealed.keyId)) await openKey(sealed, this.#parts.passphrases);
  }

  /**
   * A pending key, which is durably stored before its first signature is returned.
   *
   * @param before keys that were pending earlier: stored with it, because the number of stored keys determines the next pending one
   */
  keptOnFirstUse(
    key: PrivateKey,
    purpose: Pick<KeyPurpose, "gun" | "role">,
    before: readonly PrivateKey[] = [],
  ): SigningKey {
    return {
      publicKey: key.publicKey,
      sign: async (payload) => {
        for (const used of [...before, key]) await this.#keep(used, purpose);
        return key.sign(payload);
      },
    };
  }

  /** Proves that keys can be read and new ones stored now. */
  async check(): Promise<void> {
    await this.#parts.table.check();
    await this.#parts.served.check();
  }

  /** Closes the table and forgets the opened keys. */
  async close(): Promise<void> {
    this.#opened.clear();
    this.#parts.served.close();
    await this.#parts.table.close();
  }

  async #keep(key: PrivateKey, { gun, role }: Pick<KeyPurpose, "gun" | "role">): Promise<void> {
    const { table, passphrases, now } = this.#parts;
    const { keyId, keyType: algorithm, bytes: publicKey } = key.publicKey;
    const seal = await sealUnderDefault(plainFormOf(key), passphrases);
    const isKept = await table.insertKey({ keyId, gun, role, algorithm, publicKey, createdAt: now(), ...seal });
    if (!isKept) throw new KeyStoreError("KEY_NOT_FOUND", `The signer's key ${keyId} was deleted`);
    this.#remember(key);
  }

  /** The oldest entry is dropped when full; a dropped key only makes its next signature slower. */
  #remember(key: PrivateKey): void {
    const oldest = this.#opened.keys().next();
    if (this.#opened.size >= maxOpenedKeys && oldest.done !== true) this.#opened.delete(oldest.value);
    this.#opened.set(key.publicKey.keyId, key);
  }
}

/** Seals a secret under the default alias. @throws KeyStoreError `PASSPHRASE_UNAVAILABLE` */
export async function sealUnderDefault(secret: Uint8Array, passphrases: SignerPassphrases): Promise<Sealed> {
  const alias = passphrases.defaultAlias;
  return { alias, sealed: await sealSecret(secret, passphraseOf(passphrases, alias)) };
}

/** Opens what a row holds. @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE` */
export async function unseal({ sealed, alias }: Sealed, passphrases: GivenPassphrases): Promise<Uint8Array> {
  const passphrase = passphraseOf(passphrases, alias);
  try {
    return await openSecret(sealed, passphrase);
  } catch (cause) {
    throw hasCode(cause, "PASSPHRASE_WRONG") ? wrongPassphrase(alias, cause) : cause;
  }
}

function wrongPassphrase(alias: string, cause: TagsealError): TagsealError {
  const message = `Cannot open a sealed signer key: the passphrase ${JSON.stringify(alias)} is wrong, or the key is damaged`;
  return reworded(cause, { message });
}

/**
 * Opens a key and makes sure that it is the one its row names.
 *
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 * @throws MetadataError `KEY_MALFORMED`, `KEY_UNSUPPORTED`
 */
export async function openKey(sealed: SealedKey, passphrases: GivenPassphrases): Promise<PrivateKey> {
  const key = fromPlainForm(await unseal(sealed, passphrases), sealed.algorithm);
  if (key.publicKey.keyId === sealed.keyId) return key;
  const found = key.publicKey.keyId;
  throw new MetadataError("KEY_MALFORMED", `The signer's row of key ${sealed.keyId} holds another key, ${found}`);
}

/** Notary v1: what a sealed row holds; RSA in the form Notary would use, although its signer accepts none. */
function fromPlainForm(bytes: Uint8Array, algorithm: string): PrivateKey {
  if (algorithm === "ecdsa") return PrivateKey.fromSec1(bytes);
  if (algorithm === "ed25519") return PrivateKey.fromNotaryEd25519(bytes);
  if (algorithm === "rsa") return PrivateKey.fromPkcs1(bytes);
  throw new MetadataError(
    "KEY_UNSUPPORTED",
    `The signer has a key of an unknown algorithm, ${JSON.stringify(algorithm)}`,
  );
}

function plainFormOf(key: PrivateKey): Uint8Array {
  return key.publicKey.keyType === "ed25519" ? key.toNotaryEd25519() : key.toSec1();
}

function firstSecret(table: KeyTable, passphrases: SignerPassphrases): Promise<Sealed> {
  return sealUnderDefault(randomBytes(derivationSecretBytes), passphrases).then((seal) =>
    table.keepDerivationSecret(seal),
  );
}
