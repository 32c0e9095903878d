/** The root keys of a new collection, where the user chose them. */

import { checkLeafCertificate } from "../../crypto/certificate.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { createRootCertificate } from "../../crypto/root-certificate.ts";
import { KeyStoreError, MetadataError, UsageError } from "../../errors.ts";
import { requireReachableThreshold } from "../../tuf/base-role-editing.ts";
import type { TrustContext } from "../trust-context.ts";
import type { HeldKeys } from "./held-keys.ts";

/** A root key, its certificate, or both. */
export interface RootKeyChoice {
  /** without a certificate, one is made; its private key is in the key store of the context */
  readonly key?: PublicKey;
  readonly certificate?: PublicKey;
}

/** The root key, and perhaps more of them: those of colleagues as certificates. The private key of an only one is in the key store of the context. */
export interface RootChoice extends RootKeyChoice {
  readonly more?: readonly RootKeyChoice[];
  /** how many of the keys must sign the root; default: 1 */
  readonly threshold?: number;
}

/**
 * The root keys that a new collection names, with their certificates.
 *
 * @throws UsageError `USAGE` for fewer different keys than the threshold; and as {@link rootKeyFor}
 */
export async function rootKeysFor(
  context: TrustContext,
  held: HeldKeys,
  choice: RootChoice,
): Promise<readonly [PublicKey, ...PublicKey[]]> {
  const { more = [], threshold = 1, ...first } = choice;
  const firstKey =
    first.certificate !== undefined && more.length > 0
      ? certificateIn(first, first.certificate, context)
      : await rootKeyFor(context, held, first);
  const others: PublicKey[] = [];
  // One after the other: each may ask for a passphrase.
  for (const other of more) {
    const { certificate } = other;
    others.push(
      certificate === undefined ? await rootKeyFor(context, held, other) : certificateIn(other, certificate, context),
    );
  }
  requireReachableThreshold("root", [firstKey, ...others], threshold);
  return [firstKey, ...others];
}

/**
 * The root key that a new collection names: the chosen one, else the one kept here, else a new one, with its certificate.
 *
 * @throws KeyStoreError `KEY_NOT_FOUND` when the private key is not here; MetadataError `CERTIFICATE_INVALID`; and as `HeldKeys.keptOrMade`
 */
async function rootKeyFor(context: TrustContext, held: HeldKeys, choice: RootKeyChoice): Promise<PublicKey> {
  const { gun, now } = context;
  const chosen = choice.certificate ?? choice.key;
  // As in docker: one root key serves all repositories of a publisher.
  const key = chosen === undefined ? await held.keptOrMade({ role: "root" }) : await held.signingKey(chosen);
  if (key === undefined)
    throw new KeyStoreError("KEY_NOT_FOUND", `the private key of ${chosen?.bareKeyId} is not on this machine`, {
      hint: "Give the file with the private root key, or load it first: tagseal trust key load --name root FILE",
    });
  if (choice.certificate === undefined)
    return PublicKey.fromCertificatePem(await createRootCertificate(key, gun, now()));
  return certificateIn(choice, choice.certificate, context);
}

function certificateIn(choice: RootKeyChoice, certificate: PublicKey, { gun, now }: TrustContext): PublicKey {
  requireSameKey(choice);
  return checkedCertificate(certificate, gun, now());
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

function requireSameKey({ key, certificate }: RootKeyChoice): void {
  if (key === undefined || key.bareKeyId === certificate?.bareKeyId) return;
  const message = `the root certificate is for the key ${certificate?.bareKeyId}, not for ${key.bareKeyId}`;
  throw new UsageError("CERTIFICATE_INVALID", message, { hint: "Give the certificate of the root key." });
}
