import type { KeyAlgorithm, SigningKey } from "../../src/crypto/private-key.ts";
import type { KeyStore, KeyUse, StoredKey } from "../../src/keys/key-store.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";

/** A key store as a hardware token is one: it signs, hands out no key, and makes only the keys that it can. */
export class TokenKeyStore implements KeyStore {
  readonly #kept = new MemoryKeyStore();
  readonly #name: string;
  readonly #makes: (use: KeyUse, algorithm: KeyAlgorithm) => boolean;
  /** the role of each key that signed, in order */
  readonly used: string[] = [];

  /** @param makes which keys it can make; every ECDSA key when absent */
  constructor(name: string, makes = (_use: KeyUse, algorithm: KeyAlgorithm): boolean => algorithm === "ecdsa") {
    this.#name = name;
    this.#makes = makes;
  }

  async list(): Promise<readonly StoredKey[]> {
    return (await this.#kept.list()).map((key) => ({ ...key, location: this.#name }));
  }

  async find(keyId: string): Promise<StoredKey | undefined> {
    const key = await this.#kept.find(keyId);
    return key && { ...key, location: this.#name };
  }

  async keptFor(roles: readonly string[]): Promise<StoredKey | undefined> {
    return (await this.list()).find(({ role }) => roles.includes(role));
  }

  async remove(keyId: string): Promise<void> {
    await this.#kept.remove(keyId);
  }

  async signingKey(keyId: string): Promise<SigningKey | undefined> {
    const key = await this.#kept.signingKey(keyId);
    const role = (await this.#kept.find(keyId))?.role ?? "";
    return key && this.#handle(key, role);
  }

  async make(use: KeyUse, algorithm: KeyAlgorithm): Promise<SigningKey | undefined> {
    if (!this.#makes(use, algorithm)) return undefined;
    return this.#handle(await this.#kept.make(use, algorithm), use.role);
  }

  #handle(key: SigningKey, role: string): SigningKey {
    return {
      publicKey: key.publicKey,
      sign: async (payload) => {
        this.used.push(role);
        return await key.sign(payload);
      },
    };
  }
}
