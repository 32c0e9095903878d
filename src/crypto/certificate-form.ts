/** X.509 certificates as their issuers write them: version 3, names that are only a common name. RFC 5280 §4. */
import { randomBytes } from "node:crypto";
import { derTag } from "../encoding/der-tag.ts";
import {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from "../encoding/der-writer.ts";
import { serialisePem } from "../encoding/pem.ts";
import { oid } from "./oids.ts";

/** What a certificate says. */
export interface CertificateContent {
  /** the common name of the issuer */
  readonly issuer: string;
  /** the common name of the subject */
  readonly subject: string;
  /** how the issuer signs */
  readonly algorithm: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** the subject's, as SubjectPublicKeyInfo */
  readonly publicKey: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

/** What the issuer signs, with a random serial number. */
export function certificateToSign(content: CertificateContent): Buffer {
  return derSequence(
    derExplicit(0, derInteger(2)),
    derInteger(randomBytes(16)),
    content.algorithm,
    nameOf(content.issuer),
    derSequence(derTime(content.notBefore), derTime(content.notAfter)),
    nameOf(content.subject),
    content.publicKey,
    derExplicit(3, derSequence(...content.extensions)),
  );
}

/** A signed certificate. @returns PEM text with its final newline */
export function certificatePem(toBeSigned: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): string {
  const bytes = derSequence(toBeSigned, algorithm, derBitString(signature));
  return serialisePem({ label: "CERTIFICATE", headers: new Map(), bytes });
}

/** One extension. */
export function certificateExtension(id: string, value: Uint8Array, { isCritical = false } = {}): Buffer {
  return derSequence(derOid(id), ...(isCritical ? [derBoolean(true)] : []), derOctetString(value));
}

/** Critical. @param bits their numbers in RFC 5280 §4.2.1.3, up to 7 */
export function keyUsage(...bits: readonly number[]): Buffer {
  const octet = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
  const value = derElement(derTag.bitString, Uint8Array.of(7 - Math.max(...bits), octet));
  return certificateExtension(oid.keyUsage, value, { isCritical: true });
}

/** Not critical. @param usages their identifiers */
export function extendedKeyUsage(...usages: readonly string[]): Buffer {
  return certificateExtension(oid.extendedKeyUsage, derSequence(...usages.map((usage) => derOid(usage))));
}

/** Critical: whether the subject may issue certificates. */
export function basicConstraints({ isCa }: { readonly isCa: boolean }): Buffer {
  const value = derSequence(...(isCa ? [derBoolean(true)] : []));
  return certificateExtension(oid.basicConstraints, value, { isCritical: true });
}

function nameOf(commonName: string): Buffer {
  return derSequence(derSet(derSequence(derOid(oid.commonName), directoryString(commonName))));
}

function directoryString(text: string): Buffer {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text) ? derPrintableString(text) : derUtf8String(text);
}
