import { X509Certificate } from "node:crypto";
import { MetadataError, TagsealError } from "../errors.ts";
import { oid } from "./oids.ts";
import { parseSpki } from "./spki.ts";
import { isIssuedBy } from "./x509.ts";
import type { Certificate } from "./x509.ts";

/** Extensions this check understands, or that restrict uses it does not grant. */
const understood: ReadonlySet<string> = new Set([
  oid.basicConstraints,
  oid.keyUsage,
  oid.extendedKeyUsage,
  oid.subjectAlternativeName,
]);

/**
 * Checks that a chain leads from its first certificate to an anchor: each certificate was issued by the next, or by an anchor,
 * or is an anchor itself; every certificate of the chain is inside its window, the anchor included. The caller checks what the leaf may be
 * used for. Revocation lists are not checked.
 *
 * The order is the only one tried, so a hostile chain costs no more than `chain.length × anchors.length` signature checks.
 *
 * @param chain the leaf, then its issuers in order
 * @throws MetadataError `CERTIFICATE_INVALID`
 * @see RFC 5280 §6.1; RFC 7515 §4.1.6 for the order
 */
export function verifyCertificateChain(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
  now: Date,
): void {
  for (const [below, certificate] of chain.entries()) {
    requireUsable(certificate, now);
    if (anchors.some((anchor) => Buffer.from(anchor.der).equals(certificate.der))) return;
    if (anchors.some((anchor) => isUsable(anchor, now) && issued(anchor, certificate, below))) return;
    const next = chain[below + 1];
    if (next === undefined || !issued(next, certificate, below)) break;
  }
  throw invalid("it does not lead to a trusted certificate");
}

/** @param below how many CA certificates are between the leaf and `issuer` */
function issued(issuer: Certificate, certificate: Certificate, below: number): boolean {
  if (issuer.pathLength !== undefined && issuer.pathLength < below) return false;
  // The platform also checks key usage and key identifiers, which this reader leaves out.
  return isSoundKey(issuer.spki) && isIssuedBy(certificate, issuer) && platformAgrees(issuer, certificate);
}

/** Before it is used: one signature under a giant exponent costs as much as hundreds. */
function isSoundKey(spki: Uint8Array): boolean {
  try {
    parseSpki(spki);
    return true;
  } catch (error) {
    if (error instanceof TagsealError) return false;
    throw error;
  }
}

function platformAgrees(issuer: Certificate, certificate: Certificate): boolean {
  try {
    return new X509Certificate(certificate.der).checkIssued(new X509Certificate(issuer.der));
  } catch {
    // A certificate that the platform refuses for any reason proves nothing.
    return false;
  }
}

function isUsable(certificate: Certificate, now: Date): boolean {
  return faultOf(certificate, now) === undefined;
}

function requireUsable(certificate: Certificate, now: Date): void {
  const fault = faultOf(certificate, now);
  if (fault !== undefined) throw invalid(fault);
}

function faultOf(
  { notBefore, notAfter, criticalExtensions, ...certificate }: Certificate,
  now: Date,
): string | undefined {
  const name = `the certificate with CN ${certificate.subjectCommonName}`;
  if (now < notBefore) return `${name} is not valid before ${notBefore.toISOString()}`;
  if (now > notAfter) return `${name} expired at ${notAfter.toISOString()}`;
  const unknown = criticalExtensions.find((id) => !understood.has(id));
  return unknown === undefined ? undefined : `${name} has the critical extension ${unknown}, which is not understood`;
}

function invalid(reason: string): MetadataError {
  return new MetadataError("CERTIFICATE_INVALID", `Certificate chain cannot be trusted: ${reason}`);
}
