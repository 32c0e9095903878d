/** The keys of a table that are kept elsewhere: made when they are promised, named in the table, and used by their URIs. */

import { randomBytes } from "node:crypto";
import type { SigningKey } from "../../crypto/private-key.ts";
import type { PublicKey } from "../../crypto/public-key.ts";
import { KeyStoreError } from "../../errors.ts";
import type { PendingKeyOf } from "./key-assignments.ts";
import type { KeyService } from "./key-service.ts";
import { aliasElsewhere, isElsewhere, isPromise, type KeyTable, type SealedKey } from "./key-table.ts";
import { givenAway, PromisedKeys, publicKeyOf } from "./promised-keys.ts";

/** What the keys are used through. */
export interface ServedKeysParts {
  readonly table: KeyTable;
  /** without it, keys that are kept elsewhere cannot be used */
  readonly service: KeyService | undefined;
  /** keys that may be promised and unused at a time; 1,000 when absent */
  readonly maxPendingKeys?: number | undefined;
  readonly now: () => Date;
}

/** Tokens hold few keys, and any client may ask for the key of any name. */
const defaultMaxPendingKeys = 1000;
/** opened keys that are remembered */
const maxOpenedKeys = 4096;

/** Promises, finds and opens the keys that are kept elsewhere. */
export class ServedKeys {
  readonly #parts: ServedKeysParts;
  readonly #promised: PromisedKeys;
  readonly #opened = new Map<string, SigningKey>();

  constructor(parts: ServedKeysParts) {
    this.#parts = parts;
    const { table, now, maxPendingKeys = defaultMaxPendingKeys } = parts;
    this.#promised = new PromisedKeys({
      assignments: table.assignments,
      maxPendingKeys,
      now,
      make: (of) => this.#make(of),
      held: async (keyId) => {
        const row = await table.keyById(keyId);
        return row && isElsewhere(row) ? publicKeyOf(row) : undefined;
      },
    });
  }

  /** True when new keys are made elsewhere. */
  get makesKeys(): boolean {
    return this.#parts.service?.makesKeys === true;
  }

  /** False while the place of the keys cannot be used. */
  get isAvailable(): boolean {
    return this.#parts.service?.isAvailable !== false;
  }

  /** The key to use next for this purpose: the same one until it signs. */
  async pending(of: PendingKeyOf): Promise<PublicKey> {
    return await this.#promised.next(of);
  }

  /** The key that was promised to this role of this collection; undefined when this is not such a key. */
  async findPromised({ gun, role }: Omit<PendingKeyOf, "algorithm">, keyId: string): Promise<SigningKey | undefined> {
    const { table } = this.#parts;
    const row = await table.keyById(keyId);
    if (row === undefined || !isPromise(row)) return undefined;
    const owner = await table.assignments.find(keyId);
    if (owner?.gun !== gun || owner.role !== role) return undefined;
    return {
      publicKey: publicKeyOf(row),
      sign: async (payload) => {
        const key = await this.open(row);
        // Before the signature is out: a key that a published file may name must never be given to another collection.
        const isOurs = await table.assignments.use({ keyId, gun, role });
        if (!isOurs || !(await table.keepFor(keyId, gun, role))) throw givenAway(keyId);
        return await key.sign(payload);
      },
    };
  }

  /** The key of a row, ready to sign. @throws as {@link KeyService.open} */
  async open(row: SealedKey): Promise<SigningKey> {
    const known = this.#opened.get(row.keyId);
    if (known !== undefined) return known;
    const key = await this.#find(row);
    const oldest = this.#opened.keys().next();
    if (this.#opened.size >= maxOpenedKeys && oldest.done !== true) this.#opened.delete(oldest.value);
    this.#opened.set(row.keyId, key);
    return key;
  }

  /** Makes sure that the key of a row is where the row says, now. @throws as {@link KeyService.open} */
  async prove(row: SealedKey): Promise<void> {
    await this.#find(row);
  }

  /** Proves that the place of new keys can be used. */
  async check(): Promise<void> {
    await this.#parts.service?.check();
  }

  /** Forgets what is open. */
  close(): void {
    this.#opened.clear();
  }

  async #find(row: SealedKey): Promise<SigningKey> {
    return await this.#service().open({ uri: row.sealed, publicKey: publicKeyOf(row) });
  }

  /** The row comes before the promise: a key that is in no row could never be found again. */
  async #make({ role, algorithm }: PendingKeyOf): Promise<PublicKey> {
    const { table, now } = this.#parts;
    const name = `tagseal-${role}-${randomBytes(8).toString("hex")}`;
    const { uri, publicKey } = await this.#service().make(name, algorithm === "ed25519" ? "ed25519" : "ecdsa");
    const { keyId, keyType, bytes } = publicKey;
    const purpose = { gun: "", role: "" } as const;
    const row = { keyId, ...purpose, algorithm: keyType, publicKey: bytes, createdAt: now() };
    await table.insertKey({ ...row, sealed: uri, alias: aliasElsewhere });
    return publicKey;
  }

  #service(): KeyService {
    const { service } = this.#parts;
    if (service !== undefined) return service;
    throw new KeyStoreError("KEY_SERVICE_UNAVAILABLE", "A key is kept in a token or by a service, and none was opened");
  }
}
