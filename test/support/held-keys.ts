import { createRootCertificate } from "../../src/crypto/certificate.ts";
import { PrivateKey, type SigningKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import type { SigningKeys } from "../../src/tuf/role-signing.ts";

/** Private keys of a person in a test story, found by canonical ID as in a key store. */
export class HeldKeys {
  readonly #keys = new Map<string, SigningKey>();
  /** canonical IDs asked for, in order */
  readonly asked: string[] = [];

  /** Makes and holds a new key. */
  generate(algorithm: "ecdsa" | "ed25519" = "ecdsa"): PublicKey {
    return this.hold(PrivateKey.generate(algorithm));
  }

  /** Makes and holds a root key, and returns its x509 form for `gun`. */
  async generateRoot(gun: string, notBefore: Date): Promise<PublicKey> {
    const key = PrivateKey.generate("ecdsa");
    this.hold(key);
    return PublicKey.fromCertificatePem(await createRootCertificate(key, gun, notBefore));
  }

  hold(key: SigningKey): PublicKey {
    this.#keys.set(key.publicKey.keyId, key);
    return key.publicKey;
  }

  lose(...keys: readonly PublicKey[]): void {
    for (const key of keys) this.#keys.delete(key.canonicalKeyId);
  }

  /** The same keys without some of them. */
  without(...keys: readonly PublicKey[]): HeldKeys {
    const rest = new HeldKeys();
    for (const key of this.#keys.values()) rest.hold(key);
    rest.lose(...keys);
    return rest;
  }

  find(keyId: string): SigningKey | undefined {
    return this.#keys.get(keyId);
  }

  readonly signingKeys: SigningKeys = async (key) => {
    this.asked.push(key.canonicalKeyId);
    return this.#keys.get(key.canonicalKeyId);
  };
}
