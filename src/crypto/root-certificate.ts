import { derExplicit, derInteger, derNull, derOid, derSequence } from "../encoding/der.ts";
import { MetadataError } from "../errors.ts";
import { basicConstraints, certificatePem, certificateToSign, extendedKeyUsage, keyUsage } from "./certificate-form.ts";
import { oid } from "./oids.ts";
import type { SigningKey } from "./private-key.ts";
import type { PublicKey } from "./public-key.ts";

/** How long a root certificate is valid, in days: ten years. */
const rootCertificateDays = 3650;
/** Bits of the key usage. */
const digitalSignature = 0;
const keyEncipherment = 2;

/**
 * Makes the self-signed certificate that binds a root key to one GUN, in the form Notary v1 makes them: subject and
 * issuer are only the common name; digital signature and key encipherment; code signing; no CA.
 *
 * @param commonName the GUN
 * @param subject the key to certify, where its private key is elsewhere: `key` then issues the certificate under the same name
 * @returns PEM text with its final newline; `PublicKey.fromCertificatePem` makes the root role's key of it
 * @throws MetadataError `KEY_UNSUPPORTED` for keys other than ECDSA and RSA
 * @see Notary v1: root certificates
 */
export async function createRootCertificate(
  key: SigningKey,
  commonName: string,
  notBefore: Date,
  subject: PublicKey = key.publicKey,
): Promise<string> {
  const algorithm = certificateAlgorithm(key.publicKey.keyType);
  certificateAlgorithm(subject.keyType);
  const toBeSigned = certificateToSign({
    issuer: commonName,
    subject: commonName,
    algorithm,
    notBefore,
    notAfter: new Date(notBefore.getTime() + rootCertificateDays * 86_400_000),
    publicKey: subject.bytes,
    extensions: [
      keyUsage(digitalSignature, keyEncipherment),
      extendedKeyUsage(oid.codeSigning),
      basicConstraints({ isCa: false }),
    ],
  });
  const { value } = await key.sign(toBeSigned);
  const signature = key.publicKey.keyType === "ecdsa" ? ecdsaDer(value) : value;
  return certificatePem(toBeSigned, algorithm, signature);
}

function certificateAlgorithm(keyType: string): Buffer {
  if (keyType === "ecdsa") return derSequence(derOid(oid.ecdsaWithSha256));
  if (keyType === "rsa") return pssAlgorithm();
  throw new MetadataError("KEY_UNSUPPORTED", `A root key must be ECDSA or RSA, not ${keyType}`);
}

/** RSASSA-PSS with SHA-256 and 32 bytes of salt, which is what {@link SigningKey} signs with. RFC 4055 §3.1. */
function pssAlgorithm(): Buffer {
  const sha256 = derSequence(derOid("2.16.840.1.101.3.4.2.1"), derNull());
  const maskGeneration = derSequence(derOid("1.2.840.113549.1.1.8"), sha256);
  const parameters = [derExplicit(0, sha256), derExplicit(1, maskGeneration), derExplicit(2, derInteger(32))];
  return derSequence(derOid("1.2.840.113549.1.1.10"), derSequence(...parameters));
}

/** Certificates, unlike metadata, carry ECDSA signatures as a SEQUENCE of r and s. RFC 5480 appendix A. */
function ecdsaDer(value: Uint8Array): Buffer {
  const half = value.length / 2;
  return derSequence(derInteger(value.subarray(0, half)), derInteger(value.subarray(half)));
}
