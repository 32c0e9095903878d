import { type KeyAlgorithm, PrivateKey, type SigningKey } from "../../src/crypto/private-key.ts";
import { KeyStoreError } from "../../src/errors.ts";
import type { ExternalKey, KeyDriver, NewExternalKey, TakenKey } from "../../src/keys/external/key-driver.ts";

/** A driver whose keys are in memory, under URIs such as `pkcs11:object=3`. */
export class MemoryKeyDriver implements KeyDriver {
  readonly #keys = new Map<string, SigningKey>();
  readonly #algorithms: readonly KeyAlgorithm[];
  #count = 0;
  /** URIs that were looked up, in order */
  readonly found: string[] = [];

  constructor(algorithms: readonly KeyAlgorithm[] = ["ecdsa", "rsa"]) {
    this.#algorithms = algorithms;
  }

  /** Puts a key in the place of another, or one that signs otherwise. */
  put(uri: string, key: SigningKey): void {
    this.#keys.set(uri, key);
  }

  async find(uri: string): Promise<ExternalKey> {
    this.found.push(uri);
    const key = this.#keys.get(uri);
    if (key === undefined) throw new KeyStoreError("KEY_NOT_FOUND", `no key ${uri}`);
    return { uri, place: "memory", publicKey: key.publicKey, sign: async (payload) => await key.sign(payload) };
  }

  async list(): Promise<readonly ExternalKey[]> {
    return await Promise.all([...this.#keys.keys()].map(async (uri) => await this.find(uri)));
  }

  async take(_uri: string, { key }: TakenKey): Promise<ExternalKey> {
    this.#count += 1;
    const uri = `pkcs11:object=${this.#count}`;
    this.put(uri, key);
    return await this.find(uri);
  }

  namesKey(): boolean {
    return false;
  }

  async check(): Promise<void> {}

  async generate(_uri: string, { algorithm }: NewExternalKey): Promise<ExternalKey> {
    if (!this.#algorithms.includes(algorithm)) throw new KeyStoreError("KEY_UNSUPPORTED", `no ${algorithm} keys`);
    this.#count += 1;
    const uri = `pkcs11:object=${this.#count}`;
    this.put(uri, PrivateKey.generate(algorithm));
    return await this.find(uri);
  }
}
