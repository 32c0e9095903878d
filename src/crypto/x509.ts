import { verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { DerReader, contextTag, derTag } from "../encoding/der.ts";
import { parsePem } from "../encoding/pem.ts";
import { EncodingError, MetadataError } from "../errors.ts";
import { type CertificateExtensions, parseExtensions } from "./certificate-extensions.ts";
import { oid } from "./oids.ts";
import { platformPublicKey } from "./spki.ts";

/** The parts of an X.509 certificate that content trust looks at. */
export interface Certificate extends CertificateExtensions {
  readonly der: Uint8Array;
  /** the signed part of `der` */
  readonly toBeSigned: Uint8Array;
  /** encoded names, for comparing an issuer with a subject */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** the last common name of the subject; empty when there is none */
  readonly subjectCommonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** encoded SubjectPublicKeyInfo */
  readonly spki: Uint8Array;
  /** object identifier of the algorithm the issuer signed with */
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
}

const maxCertificates = 16;

/**
 * Reads one certificate. Nothing is checked beyond its form.
 *
 * @throws EncodingError `DER_MALFORMED`
 * @see RFC 5280 §4.1
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const outer = new DerReader(der, "certificate");
  const certificate = outer.enter();
  outer.end();
  const toBeSigned = certificate.next();
  const signatureAlgorithm = certificate.enter().oid();
  const signature = certificate.bitString();
  certificate.end();
  if (toBeSigned.tag !== derTag.sequence)
    throw new EncodingError("DER_MALFORMED", "Cannot parse certificate: its first part is not a sequence");
  return {
    der,
    toBeSigned: toBeSigned.encoded,
    signatureAlgorithm,
    signature,
    ...parseSignedPart(new DerReader(toBeSigned.content, "certificate")),
  };
}

type SignedPart = Omit<Certificate, "der" | "toBeSigned" | "signatureAlgorithm" | "signature">;

function parseSignedPart(part: DerReader): SignedPart {
  part.optional(contextTag(0, "constructed"));
  part.integerBytes();
  part.enter();
  const issuer = part.read(derTag.sequence);
  const validity = part.enter();
  const notBefore = validity.time();
  const notAfter = validity.time();
  validity.end();
  const subject = part.read(derTag.sequence);
  const spki = part.next().encoded;
  part.optional(contextTag(1, "primitive"));
  part.optional(contextTag(2, "primitive"));
  const extensions = parseExtensions(part.optional(contextTag(3, "constructed")));
  part.end();
  return { issuer, subject, subjectCommonName: commonName(subject), notBefore, notAfter, spki, ...extensions };
}

function commonName(subject: Uint8Array): string {
  const sets = new DerReader(subject, "certificate subject");
  let name = "";
  while (!sets.done) {
    const set = sets.enter(derTag.set);
    while (!set.done) {
      const attribute = set.enter();
      if (attribute.oid() === oid.commonName) name = directoryString(attribute);
    }
  }
  return name;
}

function directoryString(reader: DerReader): string {
  const { tag, content } = reader.next();
  switch (tag) {
    case derTag.utf8String:
      return Buffer.from(content).toString("utf8");
    case derTag.printableString:
    case derTag.ia5String:
    case derTag.teletexString:
      return Buffer.from(content).toString("latin1");
    case derTag.bmpString:
      return new TextDecoder("utf-16be").decode(content);
    default:
      throw new EncodingError("DER_MALFORMED", "Cannot parse certificate subject: common name is not a text");
  }
}

/**
 * Reads the certificates of a PEM text: a leaf and, after it, its intermediates.
 *
 * @throws EncodingError `PEM_MALFORMED`, `DER_MALFORMED`
 * @throws MetadataError `CERTIFICATE_INVALID` when there is none, more than 16, or a block of another kind
 */
export function parseCertificateBundle(pem: Uint8Array | string): Certificate[] {
  const blocks = parsePem(typeof pem === "string" ? pem : Buffer.from(pem).toString("utf8"));
  if (blocks.length === 0) throw invalid("there is no certificate in the PEM text");
  if (blocks.length > maxCertificates) throw invalid(`there are more than ${maxCertificates} certificates`);
  return blocks.map((block) => {
    if (block.label !== "CERTIFICATE") throw invalid(`found a PEM block of kind ${block.label}`);
    return parseCertificate(block.bytes);
  });
}

function invalid(reason: string): MetadataError {
  return new MetadataError("CERTIFICATE_INVALID", `Certificate cannot be used: ${reason}`);
}

const issuerHashes: ReadonlyMap<string, string> = new Map([
  [oid.ecdsaWithSha256, "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
  [oid.sha256WithRsa, "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
]);

/**
 * Whether `issuer`, a CA, signed `certificate`. The caller checks expiry and usages. Hashes weaker than
 * SHA-256 and algorithms other than ECDSA and RSA PKCS#1 never pass.
 */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const hash = issuerHashes.get(certificate.signatureAlgorithm);
  if (hash === undefined || !issuer.isCa || !Buffer.from(certificate.issuer).equals(issuer.subject)) return false;
  const key = platformPublicKey(issuer.spki);
  return key !== undefined && verifiesWith(hash, certificate, key);
}

function verifiesWith(hash: string, { toBeSigned, signature }: Certificate, key: KeyObject): boolean {
  try {
    return verify(hash, toBeSigned, key, signature);
  } catch {
    // An Ed25519 issuer, for example, cannot have signed with a hash; a signature that the platform refuses proves nothing.
    return false;
  }
}
