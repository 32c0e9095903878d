import { serialisePem } from "../encoding/pem.ts";
import { TagsealError } from "../errors.ts";
import { oid } from "./oids.ts";
import type { PublicKey } from "./public-key.ts";
import { parseSpki } from "./spki.ts";
import { parseCertificateBundle } from "./x509.ts";
import type { Certificate } from "./x509.ts";

/** The result of {@link checkLeafCertificate}. */
export type LeafCertificateResult =
  | { readonly ok: true; readonly leaf: Certificate }
  /** `isUntimely`: nothing but the time is wrong with it, or the clock that it was compared with */
  | { readonly ok: false; readonly reason: string; readonly isUntimely: boolean };

const dayMs = 86_400_000;
const brokenHashes: ReadonlySet<string> = new Set([
  oid.sha1WithRsa,
  oid.sha1WithRsaAlternative,
  oid.ecdsaWithSha1,
  oid.dsaWithSha1,
  oid.md5WithRsa,
  oid.md2WithRsa,
]);

/**
 * Decides whether a key of a root role may speak for a GUN: it must be an x509 key whose bundle starts with the only
 * certificate that is not a CA, whose name matches the GUN, inside its window (a day of grace before its start), not
 * resting on a broken hash or a short RSA key. Off-spec: MD5 and MD2 are refused along with SHA-1.
 *
 * The certificate's own signature, key usage and chain are not checked: trust comes from the previous root, from
 * pinning, or from first use.
 *
 * @param options.ignoreExpiry for certificates of the previous root, which may have expired since
 * @see Notary v1: root certificates
 */
export function checkLeafCertificate(
  key: PublicKey,
  gun: string,
  now: Date,
  options: { readonly ignoreExpiry?: boolean } = {},
): LeafCertificateResult {
  try {
    return check(key, gun, now, options.ignoreExpiry ?? false);
  } catch (error) {
    if (error instanceof TagsealError) return refuse(error.message);
    throw error;
  }
}

function check(key: PublicKey, gun: string, now: Date, ignoreExpiry: boolean): LeafCertificateResult {
  if (!key.isX509) return refuse(`root key of type ${JSON.stringify(key.keyType)} is not a certificate`);
  const bundle = parseCertificateBundle(key.bytes);
  const [leaf, ...intermediates] = bundle;
  if (leaf === undefined || leaf.isCa || intermediates.some((certificate) => !certificate.isCa))
    return refuse("expected one certificate that is not a CA, followed only by CA certificates");
  if (!isStandardPem(key, bundle)) return refuse("the PEM text is not written as a standard encoder writes it");
  if (parseSpki(leaf.spki).algorithm !== key.keyType.replace(/-x509$/, ""))
    return refuse(`the certificate's key is not of the type ${key.keyType} says`);
  if (!certificateMatchesName(leaf.subjectCommonName, gun))
    return refuse(`certificate is for ${JSON.stringify(leaf.subjectCommonName)}, expected ${JSON.stringify(gun)}`);
  const checked = ignoreExpiry ? [leaf] : bundle;
  const reason = checked.map(weakness).find(Boolean);
  if (reason !== undefined) return refuse(reason);
  const untimely = ignoreExpiry ? undefined : bundle.map((each) => untimeliness(each, now)).find(Boolean);
  if (untimely !== undefined) return { ok: false, reason: untimely, isUntimely: true };
  return { ok: true, leaf };
}

/** Readers compute the key ID from the certificates as they would write them, so any other spelling has another ID for them. */
function isStandardPem(key: PublicKey, bundle: readonly Certificate[]): boolean {
  const text = bundle.map(({ der }) => serialisePem({ label: "CERTIFICATE", headers: new Map(), bytes: der }));
  return Buffer.from(text.join("")).equals(key.bytes);
}

function weakness(certificate: Certificate): string | undefined {
  const name = nameOf(certificate);
  if (certificate.notBefore > certificate.notAfter) return `${name} has a validity window that ends before it begins`;
  if (brokenHashes.has(certificate.signatureAlgorithm)) return `${name} is signed with a broken hash`;
  // Refuses short RSA keys and unknown curves by throwing.
  parseSpki(certificate.spki);
  return undefined;
}

function untimeliness(certificate: Certificate, now: Date): string | undefined {
  const name = nameOf(certificate);
  if (certificate.notBefore.getTime() > now.getTime() + dayMs)
    return `${name} is not valid before ${certificate.notBefore.toISOString()}`;
  return certificate.notAfter < now ? `${name} expired at ${certificate.notAfter.toISOString()}` : undefined;
}

function nameOf({ subjectCommonName }: Certificate): string {
  return `certificate with CN ${subjectCommonName}`;
}

/**
 * Whether a certificate's common name covers a GUN: equal to it, or ending in `*` with the rest (all trailing
 * `*` taken off) a prefix of it. Subject alternative names do not count.
 *
 * @see Notary v1: root certificates
 */
export function certificateMatchesName(commonName: string, gun: string): boolean {
  if (commonName === gun) return true;
  return commonName.endsWith("*") && gun.startsWith(commonName.replace(/\*+$/, ""));
}

function refuse(reason: string): LeafCertificateResult {
  return { ok: false, reason, isUntimely: false };
}
