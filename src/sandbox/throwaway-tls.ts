/**
 * A certificate authority that lives as long as a sandbox, and a server certificate for this machine's loopback names.
 * The authority's private key is never written anywhere: it signs one certificate and is gone.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { derTag } from "../encoding/der-tag.ts";
import {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUtf8String,
} from "../encoding/der-writer.ts";
import { serialisePem } from "../encoding/pem.ts";

/** PEM texts for a TLS server and for those who must trust it. */
export interface ThrowawayTls {
  readonly caCertificate: string;
  readonly certificate: string;
  readonly key: string;
}

const ids = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  basicConstraints: "2.5.29.19",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

const lifetimeMs = 30 * 86_400_000;

/** Makes an authority and a certificate for `localhost`, 127.0.0.1 and ::1, valid for thirty days from an hour before `now`. */
export function createThrowawayTls(now: Date): ThrowawayTls {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issue = (subject: string, key: KeyObject, extensions: Buffer): string =>
    certificatePem({ subject, key, extensions, now, signer: authority.privateKey });
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
  readonly extensions: Buffer;
  readonly now: Date;
  readonly signer: KeyObject;
}

function certificatePem({ subject, key, extensions, now, signer }: CertificateRequest): string {
  const algorithm = derSequence(derOid(ids.ecdsaWithSha256));
  const toBeSigned = derSequence(
    derExplicit(0, derInteger(2)),
    derInteger(randomBytes(16)),
    algorithm,
    name(issuerName),
    // An hour back: clocks in containers and virtual machines are not always equal.
    derSequence(derTime(new Date(now.getTime() - 3_600_000)), derTime(new Date(now.getTime() + lifetimeMs))),
    name(subject),
    key.export({ type: "spki", format: "der" }),
    derExplicit(3, extensions),
  );
  const bytes = derSequence(toBeSigned, algorithm, derBitString(sign("sha256", toBeSigned, signer)));
  return serialisePem({ label: "CERTIFICATE", headers: new Map(), bytes });
}

function name(commonName: string): Buffer {
  return derSequence(derSet(derSequence(derOid(ids.commonName), derUtf8String(commonName))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return derSequence(derOid(id), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

/** Any stable name of a key will do; this is method 1 of RFC 7093 §2. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);
}

function authorityExtensions(authority: KeyObject): Buffer {
  return derSequence(
    extension(ids.subjectKeyIdentifier, false, derOctetString(keyIdentifier(authority))),
    extension(ids.basicConstraints, true, derSequence(derBoolean(true))),
    // keyCertSign is bit 5: one octet, two unused bits.
    extension(ids.keyUsage, true, derElement(derTag.bitString, Uint8Array.of(2, 0x04))),
  );
}

function serverExtensions(authority: KeyObject): Buffer {
  const loopback = [Uint8Array.of(127, 0, 0, 1), Uint8Array.of(...Array.from({ length: 15 }, () => 0), 1)];
  // GeneralName: [2] dNSName, [7] iPAddress, both implicit primitives. RFC 5280 §4.2.1.6.
  const names = [derElement(0x82, Buffer.from("localhost")), ...loopback.map((address) => derElement(0x87, address))];
  return derSequence(
    extension(ids.basicConstraints, true, derSequence()),
    // digitalSignature is bit 0: one octet, seven unused bits.
    extension(ids.keyUsage, true, derElement(derTag.bitString, Uint8Array.of(7, 0x80))),
    extension(ids.authorityKeyIdentifier, false, derSequence(derElement(0x80, keyIdentifier(authority)))),
    extension(ids.extendedKeyUsage, false, derSequence(derOid(ids.serverAuth))),
    extension(ids.subjectAltName, false, derSequence(...names)),
  );
}
