/** Certificates that name a root key in a collection. */

import { checkLeafCertificate } from "../../crypto/certificate.ts";
import type { SigningKey } from "../../crypto/private-key.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { createRootCertificate } from "../../crypto/root-certificate.ts";
import { MetadataError } from "../../errors.ts";
import type { TrustContext } from "../trust-context.ts";
import type { HeldKeys } from "./held-keys.ts";

/**
 * The certificate of a root key for the collection: the given one, else one that the key makes itself, else, for a key whose private half is
 * elsewhere, one that another root key here issues.
 *
 * @param issuers root keys that may issue it, in order
 * @returns undefined when none of these keys is here
 * @throws MetadataError `CERTIFICATE_INVALID`, `KEY_UNSUPPORTED`
 * @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE`
 */
export async function certificateFor(
  { gun, now }: TrustContext,
  held: HeldKeys,
  { key, issuers }: { readonly key: PublicKey; readonly issuers: readonly PublicKey[] },
): Promise<PublicKey | undefined> {
  if (key.isX509) return checkedCertificate(key, gun, now());
  const issuer = await firstHere(held, [key, ...issuers]);
  if (issuer === undefined) return undefined;
  return PublicKey.fromCertificatePem(await createRootCertificate(issuer, gun, now(), key));
}

/** The first of these keys whose private half is here, unlocked. @throws KeyStoreError `PASSPHRASE_WRONG`, `PASSPHRASE_UNAVAILABLE` */
export async function firstHere(held: HeldKeys, keys: readonly PublicKey[]): Promise<SigningKey | undefined> {
  for (const key of keys) {
    const signingKey = await held.signingKey(key);
    if (signingKey !== undefined) return signingKey;
  }
  return undefined;
}

/**
 * A certificate that every reader accepts for a root key of the collection.
 *
 * @throws MetadataError `CERTIFICATE_INVALID`
 */
export function checkedCertificate(key: PublicKey, gun: string, now: Date): PublicKey {
  const verdict = checkLeafCertificate(key, gun, now);
  if (verdict.ok) return key;
  throw new MetadataError("CERTIFICATE_INVALID", `readers would refuse the root certificate: ${verdict.reason}`, {
    hint: `The certificate must be valid now, and its common name must be ${gun}.`,
  });
}
