/**
 * A certificate authority that lives as long as a sandbox, and a server certificate for this machine's loopback names.
 * The authority's private key is never written anywhere: it signs one certificate and is gone.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  basicConstraints,
  certificateExtension,
  certificatePem,
  certificateToSign,
  extendedKeyUsage,
  keyUsage,
} from "../crypto/certificate-form.ts";
import { oid } from "../crypto/oids.ts";
import { derElement, derOctetString, derOid, derSequence } from "../encoding/der-writer.ts";

/** PEM texts for a TLS server and for those who must trust it. */
export interface ThrowawayTls {
  readonly caCertificate: string;
  readonly certificate: string;
  readonly key: string;
}

const ids = {
  subjectKeyIdentifier: "2.5.29.14",
  authorityKeyIdentifier: "2.5.29.35",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/** Bits of the key usage. */
const digitalSignature = 0;
const keyCertSign = 5;

const lifetimeMs = 30 * 86_400_000;

/** Makes an authority and a certificate for `localhost`, 127.0.0.1 and ::1, valid for thirty days from an hour before `now`. */
export function createThrowawayTls(now: Date): ThrowawayTls {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issue = (subject: string, key: KeyObject, extensions: readonly Buffer[]): string =>
    signedCertificate({ subject, key, extensions, now, signer: authority.privateKey });
  return {
    caCertificate: issue(issuerName, authority.publicKey, authorityExtensions(authority.publicKey)),
    certificate: issue("localhost", server.publicKey, serverExtensions(authority.publicKey)),
    key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const issuerName = "Tagseal sandbox CA";

interface CertificateRequest {
  readonly subject: string;
  readonly key: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly now: Date;
  readonly signer: KeyObject;
}

function signedCertificate({ subject, key, extensions, now, signer }: CertificateRequest): string {
  const algorithm = derSequence(derOid(oid.ecdsaWithSha256));
  const toBeSigned = certificateToSign({
    issuer: issuerName,
    subject,
    algorithm,
    // An hour back: clocks in containers and virtual machines are not always equal.
    notBefore: new Date(now.getTime() - 3_600_000),
    notAfter: new Date(now.getTime() + lifetimeMs),
    publicKey: key.export({ type: "spki", format: "der" }),
    extensions,
  });
  return certificatePem(toBeSigned, algorithm, sign("sha256", toBeSigned, signer));
}

/** Any stable name of a key will do; this is method 1 of RFC 7093 §2. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);
}

function authorityExtensions(authority: KeyObject): readonly Buffer[] {
  return [
    certificateExtension(ids.subjectKeyIdentifier, derOctetString(keyIdentifier(authority))),
    basicConstraints({ isCa: true }),
    keyUsage(keyCertSign),
  ];
}

function serverExtensions(authority: KeyObject): readonly Buffer[] {
  const loopback = [Uint8Array.of(127, 0, 0, 1), Uint8Array.of(...Array.from({ length: 15 }, () => 0), 1)];
  // GeneralName: [2] dNSName, [7] iPAddress, both implicit primitives. RFC 5280 §4.2.1.6.
  const names = [derElement(0x82, Buffer.from("localhost")), ...loopback.map((address) => derElement(0x87, address))];
  return [
    basicConstraints({ isCa: false }),
    keyUsage(digitalSignature),
    certificateExtension(ids.authorityKeyIdentifier, derSequence(derElement(0x80, keyIdentifier(authority)))),
    extendedKeyUsage(ids.serverAuth),
    certificateExtension(oid.subjectAlternativeName, derSequence(...names)),
  ];
}
