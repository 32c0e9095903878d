import { PublicKey } from "../../crypto/public-key.ts";
import { createRootCertificate } from "../../crypto/root-certificate.ts";
import { KeyStoreError } from "../../errors.ts";
import type { HeldKeys } from "../publishing/held-keys.ts";
import { firstHere } from "../publishing/root-certificates.ts";
import type { RootCertificate } from "./endings.ts";
import { keysOf } from "../../tuf/role-signers.ts";
import type { RoleSigners } from "../../tuf/role-signers.ts";

/** New certificates for root keys: one for each old one, however often a conflict makes the publication start again. */
export class RenewedCertificates {
  readonly #held: HeldKeys;
  readonly #now: () => Date;
  readonly #made = new Map<string, PublicKey>();

  constructor(held: HeldKeys, now: () => Date) {
    this.#held = held;
    this.#now = now;
  }

  /** TUF IDs of the new ones. */
  get ids(): readonly string[] {
    return [...this.#made.values()].map(({ keyId }) => keyId);
  }

  /**
   * The root keys with new certificates in the place of those that end.
   *
   * @throws KeyStoreError `KEY_NOT_FOUND`, `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
   */
  async replaceIn(signers: RoleSigners, ending: readonly RootCertificate[]): Promise<readonly PublicKey[]> {
    const present = keysOf(signers);
    const keys: PublicKey[] = [];
    for (const key of present) {
      const old = ending.find((certificate) => certificate.key.keyId === key.keyId);
      keys.push(old === undefined ? key : await this.#after(old, present));
    }
    return keys;
  }

  /** @param issuers root keys that may issue it where the private half of the key itself is elsewhere */
  async #after({ key, commonName }: RootCertificate, issuers: readonly PublicKey[]): Promise<PublicKey> {
    const made = this.#made.get(key.keyId);
    if (made !== undefined) return made;
    const issuer = await firstHere(this.#held, [key, ...issuers]);
    if (issuer === undefined)
      throw new KeyStoreError("KEY_NOT_FOUND", `the root key ${key.keyId} is not here any more`);
    const pem = await createRootCertificate(issuer, commonName, this.#now(), key.bareKey());
    const certificate = PublicKey.fromCertificatePem(pem);
    this.#made.set(key.keyId, certificate);
    return certificate;
  }
}
