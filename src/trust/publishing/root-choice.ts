/** The root keys of a new collection, where the user chose them. */

import type { SigningKey } from "../../crypto/private-key.ts";
import { PublicKey } from "../../crypto/public-key.ts";
import { createRootCertificate } from "../../crypto/root-certificate.ts";
import { KeyStoreError, UsageError } from "../../errors.ts";
import { requireReachableThreshold } from "../../tuf/base-role-editing.ts";
import type { TrustContext } from "../trust-context.ts";
import type { HeldKeys } from "./held-keys.ts";
import { certificateFor, checkedCertificate } from "./root-certificates.ts";

/** A root key, its certificate, or both. */
export interface RootKeyChoice {
  /** without a certificate, one is made */
  readonly key?: PublicKey;
  readonly certificate?: PublicKey;
}

/**
 * The root key, and perhaps more of them. The private key of the first is in the key store of the context, unless its certificate is given; it
 * issues the certificates of bare keys that are not there.
 */
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
      ? certificateIn({ key: first.key, certificate: first.certificate }, context)
      : await rootKeyFor(context, held, first);
  const others: PublicKey[] = [];
  // One after the other: each may ask for a passphrase.
  for (const { key, certificate } of more) {
    if (certificate !== undefined) others.push(certificateIn({ key, certificate }, context));
    else if (key !== undefined) others.push(await issued(context, held, { key, issuers: [firstKey] }));
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
  const key = chosen === undefined ? await usualRootKey(context, held) : await held.signingKey(chosen);
  if (key === undefined) throw notHere(chosen);
  if (choice.certificate === undefined)
    return PublicKey.fromCertificatePem(await createRootCertificate(key, gun, now()));
  return certificateIn({ key: choice.key, certificate: choice.certificate }, context);
}

/**
 * Of several root keys here, the one that most repositories name: after a rotation the old key may still be here. docker takes the lowest ID, and so
 * does this where no repository decides.
 */
async function usualRootKey(context: TrustContext, held: HeldKeys): Promise<SigningKey> {
  const { gun, keys, notify, rootsNaming } = context;
  const kept = (await keys.list()).filter(({ role }) => role === "root").map(({ keyId }) => keyId);
  if (kept.length < 2 || rootsNaming === undefined) return await held.keptOrMade({ role: "root" });
  const uses = await Promise.all(kept.map(async (keyId) => ({ keyId, count: await rootsNaming(keyId) })));
  const [first, second] = uses.toSorted((one, other) => other.count - one.count);
  const isDecided = first !== undefined && first.count > (second?.count ?? 0);
  const key = (isDecided ? await keys.signingKey(first.keyId) : undefined) ?? (await held.keptOrMade({ role: "root" }));
  const why = isDecided ? "which most repositories here have" : "the one with the lowest ID";
  const message = `of the ${kept.length} root keys on this machine, ${gun} gets ${key.publicKey.keyId}, ${why}: tagseal trust init --root-key chooses another`;
  notify({ kind: "warning", gun, message });
  return key;
}

interface Certified {
  readonly key: PublicKey | undefined;
  readonly certificate: PublicKey;
}

function certificateIn({ key, certificate }: Certified, { gun, now }: TrustContext): PublicKey {
  requireSameKey({ key, certificate });
  return checkedCertificate(certificate, gun, now());
}

async function issued(
  context: TrustContext,
  held: HeldKeys,
  wanted: { readonly key: PublicKey; readonly issuers: readonly PublicKey[] },
): Promise<PublicKey> {
  const certificate = await certificateFor(context, held, wanted);
  if (certificate === undefined) throw notHere(wanted.key);
  return certificate;
}

function notHere(key: PublicKey | undefined): KeyStoreError {
  return new KeyStoreError("KEY_NOT_FOUND", `the private key of ${key?.bareKeyId} is not on this machine`, {
    hint: "Give the file with the private root key, or load it first: tagseal trust key load --name root FILE",
  });
}

function requireSameKey({ key, certificate }: Certified): void {
  if (key === undefined || key.bareKeyId === certificate.bareKeyId) return;
  const message = `the root certificate is for the key ${certificate.bareKeyId}, not for ${key.bareKeyId}`;
  throw new UsageError("CERTIFICATE_INVALID", message, { hint: "Give the certificate of the root key." });
}
