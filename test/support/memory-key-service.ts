import { type SigningKey, PrivateKey } from "../../src/crypto/private-key.ts";
import { KeyStoreError } from "../../src/errors.ts";
import type { KeyService, ServedKey } from "../../src/server/signer/key-service.ts";

/** A token in memory that can be unplugged. Its keys have URIs such as `vault:transit/NAME`. */
export class MemoryKeyService implements KeyService {
  makesKeys = true;
  isPluggedIn = true;
  readonly keys = new Map<string, PrivateKey>();

  get isAvailable(): boolean {
    return this.isPluggedIn;
  }

  async make(name: string, algorithm: "ecdsa" | "ed25519"): Promise<ServedKey> {
    await this.check();
    const uri = `vault:transit/${name}`;
    const key = PrivateKey.generate(algorithm);
    this.keys.set(uri, key);
    return { uri, publicKey: key.publicKey };
  }

  async open({ uri, publicKey }: ServedKey): Promise<SigningKey> {
    const key = await this.#find(uri);
    if (key.publicKey.keyId !== publicKey.keyId) throw new KeyStoreError("KEY_CHANGED", `another key at ${uri}`);
    return { publicKey, sign: async (payload) => (await this.#find(uri)).sign(payload) };
  }

  async check(): Promise<void> {
    if (!this.isPluggedIn) throw new KeyStoreError("KEY_SERVICE_UNAVAILABLE", "The token is not plugged in");
  }

  async #find(uri: string): Promise<PrivateKey> {
    await this.check();
    const key = this.keys.get(uri);
    if (key === undefined) throw new KeyStoreError("KEY_NOT_FOUND", `no key ${uri}`);
    return key;
  }
}
