/** Makes tokens with only the platform's signatures, independently of the library that verifies them. */
import { createHmac, createPublicKey, generateKeyPairSync, KeyObject, sign, webcrypto } from "node:crypto";
import { peculiar } from "./x509-library.ts";

type Json = Readonly<Record<string, unknown>>;

const encoded = (value: Json): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** `alg: none`: the signature is empty. */
export function unsignedToken(claims: Json, header: Json = {}): string {
  return `${encoded({ typ: "JWT", alg: "none", ...header })}.${encoded(claims)}.`;
}

/** Signs with the text of a public key as the secret, which a careless verifier would take for an HMAC key. */
export function confusedToken(claims: Json, header: Json, secret: string | Buffer): string {
  const signed = `${encoded({ typ: "JWT", alg: "HS256", ...header })}.${encoded(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

const algorithms: ReadonlyMap<string, string> = new Map([
  ["rsa", "RS256"],
  ["ec", "ES256"],
  ["ed25519", "EdDSA"],
]);

/** Signs claims with RS256, ES256 or EdDSA, after the kind of key. */
export function signedToken(claims: Json, header: Json, key: KeyObject): string {
  const alg = algorithms.get(key.asymmetricKeyType ?? "");
  const signed = `${encoded({ typ: "JWT", alg, ...header })}.${encoded(claims)}`;
  const hash = alg === "EdDSA" ? null : "sha256";
  return `${signed}.${sign(hash, Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** What a certificate of the tests may say. */
export interface CertificateWish {
  readonly name: string;
  readonly issuer?: MadeCertificate;
  readonly isCa?: boolean;
  readonly pathLength?: number;
  readonly from?: Date;
  readonly to?: Date;
  /** key usages as bits; signing certificates when absent, for a CA */
  readonly usages?: number;
  /** 1,024 bits of RSA, which is too weak */
  readonly hasShortKey?: boolean;
  /** object identifier of a further critical extension */
  readonly critical?: string;
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
}

/** A certificate and its private key. */
export interface MadeCertificate {
  readonly der: Buffer;
  readonly pem: string;
  readonly key: KeyObject;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly subject: string;
  readonly algorithm: typeof p256 | typeof shortRsa;
}

const p256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const shortRsa = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 1024,
  publicExponent: Uint8Array.of(1, 0, 1),
  hash: "SHA-256",
} as const;
const yearMs = 365 * 86_400_000;

/** Makes a certificate with an independent library; without an issuer it signs itself. */
export async function makeCertificate(wish: CertificateWish): Promise<MadeCertificate> {
  const algorithm = wish.hasShortKey === true ? shortRsa : p256;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { isCa = false, issuer } = wish;
  const usages = wish.usages ?? (isCa ? peculiar.KeyUsageFlags.keyCertSign : peculiar.KeyUsageFlags.digitalSignature);
  const names = [
    ...(wish.dns ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(wish.uris ?? []).map((value) => ({ type: "url" as const, value })),
  ];
  const subject = `CN=${wish.name}`;
  const certificate = await peculiar.X509CertificateGenerator.create(
    {
      serialNumber: "01",
      subject,
      issuer: issuer?.subject ?? subject,
      notBefore: wish.from ?? new Date(Date.now() - yearMs),
      notAfter: wish.to ?? new Date(Date.now() + yearMs),
      publicKey: keys.publicKey,
      signingKey: issuer?.keys.privateKey ?? keys.privateKey,
      signingAlgorithm: issuer?.algorithm ?? algorithm,
      extensions: [
        new peculiar.BasicConstraintsExtension(isCa, wish.pathLength, true),
        new peculiar.KeyUsagesExtension(usages, true),
        ...(names.length === 0 ? [] : [new peculiar.SubjectAlternativeNameExtension(names)]),
        ...(wish.critical === undefined ? [] : [new peculiar.Extension(wish.critical, true, Uint8Array.of(5, 0))]),
      ],
    },
    webcrypto,
  );
  const der = Buffer.from(certificate.rawData);
  const key = KeyObject.from(keys.privateKey);
  return { der, pem: `${certificate.toString("pem")}\n`, key, keys, subject, algorithm };
}

/** A private key and its public half as a JWK. */
export function makeKey(kind: "rsa" | "ec" | "ed25519"): { readonly key: KeyObject; readonly jwk: Json } {
  const key = privateKeys[kind]();
  return { key, jwk: createPublicKey(key).export({ format: "jwk" }) };
}

const privateKeys = {
  rsa: () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  ec: () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  ed25519: () => generateKeyPairSync("ed25519").privateKey,
} as const;
