/** Trust pinning: which root certificates to accept when there is no cached root to verify a new one with. */

import { isIssuedBy, parseCertificateBundle } from "../crypto/certificate.ts";
import type { Certificate } from "../crypto/certificate.ts";
import type { PublicKey } from "../crypto/public-key.ts";
import { MetadataError, hasCode } from "../errors.ts";

/**
 * What the user knows about roots beforehand. The first setting that matches a GUN decides; later ones are not consulted.
 *
 * @see Notary v1: trust pinning
 */
export interface TrustPinning {
  /** by GUN, or by GUN prefix with a final `*`: the certificate IDs (TUF key IDs) to accept. An empty list accepts nothing. */
  readonly certs?: ReadonlyMap<string, readonly string[]>;
  /** by GUN prefix: PEM text of the certificate authorities that root certificates must chain to */
  readonly ca?: ReadonlyMap<string, string>;
  /** refuse a collection without a setting above, unless its root is known already */
  readonly disableTofu?: boolean;
  /** must accept the root as well, also one that is known already: what a policy pins */
  readonly required?: RootRequirement;
}

/** What a root key must be. */
export interface RootRequirement {
  /** True for a key that may be trusted at that time. */
  readonly accepts: (key: PublicKey, now: Date) => boolean;
}

/** Object identifiers of the extended key usages a certificate may have under a pinned authority. */
const acceptedUsages: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"]);
const maxChain = 16;

/** What pinning says about one collection; `isFirstUse`: it rests on first use alone. */
export interface PinningVerdict {
  readonly accepts: (key: PublicKey) => boolean;
  readonly isFirstUse: boolean;
}

/**
 * Finds the setting for a GUN.
 *
 * @param hasPreviousRoot true when a root of this collection was trusted before, so that this is no first use
 * @throws MetadataError `ROOT_PINNING_MISMATCH` when nothing matches and first use is not allowed; `CERTIFICATE_INVALID` for an
 *   unusable authority file
 */
export function pinningFor(gun: string, now: Date, pinning: TrustPinning, hasPreviousRoot: boolean): PinningVerdict {
  const { required } = pinning;
  if (required === undefined) return configuredPin(gun, now, pinning, hasPreviousRoot);
  const { accepts } = configuredPin(gun, now, pinning, hasPreviousRoot);
  return { accepts: (key) => accepts(key) && required.accepts(key, now), isFirstUse: false };
}

function configuredPin(gun: string, now: Date, pinning: TrustPinning, hasPreviousRoot: boolean): PinningVerdict {
  const ids = pinnedIds(gun, pinning.certs ?? new Map());
  if (ids !== undefined) return { accepts: (key) => ids.includes(key.keyId), isFirstUse: false };
  const authorities = longestPrefix(gun, [...(pinning.ca ?? [])]);
  if (authorities !== undefined) {
    const leadsThere = chainRequirement(authorities);
    return { accepts: (key) => leadsThere.accepts(key, now), isFirstUse: false };
  }
  if (pinning.disableTofu === true && !hasPreviousRoot) {
    throw new MetadataError("ROOT_PINNING_MISMATCH", "invalid trust pinning specified", {
      hint: `Trust on first use is switched off and no pinning covers ${gun}. Pin its root certificate, or its authority.`,
    });
  }
  return { accepts: () => true, isFirstUse: !hasPreviousRoot };
}

/** True when a setting is about the GUN: its first root is then not trusted for being the first. */
export function isPinned(gun: string, { certs = new Map(), ca = new Map(), required }: TrustPinning): boolean {
  if (required !== undefined) return true;
  return pinnedIds(gun, certs) !== undefined || longestPrefix(gun, [...ca]) !== undefined;
}

function pinnedIds(gun: string, certs: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const exact = certs.get(gun);
  if (exact !== undefined) return exact;
  const wildcards = [...certs].filter(([name]) => name.endsWith("*"));
  return longestPrefix(
    gun,
    wildcards.map(([name, ids]) => [name.slice(0, -1), ids] as const),
  );
}

function longestPrefix<T>(gun: string, entries: readonly (readonly [prefix: string, value: T])[]): T | undefined {
  let longest = -1;
  let found: T | undefined;
  for (const [prefix, value] of entries) {
    if (!gun.startsWith(prefix) || prefix.length <= longest) continue;
    longest = prefix.length;
    found = value;
  }
  return found;
}

function parseAuthorities(pem: string): readonly Certificate[] {
  try {
    return parseCertificateBundle(pem);
  } catch (cause) {
    if (!hasCode(cause, "PEM_MALFORMED", "DER_MALFORMED", "CERTIFICATE_INVALID")) throw cause;
    throw new MetadataError("CERTIFICATE_INVALID", `invalid CA certs provided: ${cause.message}`, { cause });
  }
}

/**
 * Accepts a key whose certificate leads, through the CA certificates in its own bundle, to one of the authorities.
 *
 * @param pem the authorities' certificates
 * @throws MetadataError `CERTIFICATE_INVALID`
 */
export function chainRequirement(pem: string): RootRequirement {
  const authorities = parseAuthorities(pem);
  return {
    accepts(key, now) {
      const [leaf, ...intermediates] = parseCertificateBundle(key.bytes);
      if (leaf === undefined) return false;
      const own = intermediates.filter((certificate) => certificate.isCa);
      return leads(leaf, own, { authorities, now }, maxChain);
    },
  };
}

function leads(
  certificate: Certificate,
  intermediates: readonly Certificate[],
  anchors: { readonly authorities: readonly Certificate[]; readonly now: Date },
  budget: number,
): boolean {
  const { authorities, now } = anchors;
  if (budget === 0 || !isInWindow(certificate, now) || !mayIdentifyServer(certificate)) return false;
  const isAnchored = (issuer: Certificate): boolean => isInWindow(issuer, now) && isIssuedBy(certificate, issuer);
  if (authorities.some(isAnchored)) return true;
  // Each certificate is used once, so the search is short and cannot loop.
  const issuers = intermediates.filter((issuer) => isIssuedBy(certificate, issuer));
  return issuers.some((issuer) =>
    leads(
      issuer,
      intermediates.filter((other) => other !== issuer),
      anchors,
      budget - 1,
    ),
  );
}

function isInWindow(certificate: Certificate, now: Date): boolean {
  return certificate.notBefore <= now && now <= certificate.notAfter;
}

/** The reference asks its platform for a TLS server's chain, so a leaf that is for code signing alone does not pass. */
function mayIdentifyServer(certificate: Certificate): boolean {
  const usages = certificate.extendedKeyUsage;
  return usages === undefined || usages.some((usage) => acceptedUsages.has(usage));
}
