/** Object identifiers of the keys, ciphers and certificates Tagseal reads and writes. */
export const oid = {
  ecPublicKey: "1.2.840.10045.2.1",
  rsaEncryption: "1.2.840.113549.1.1.1",
  ed25519: "1.3.101.112",
  /** what Notary v1 writes for Ed25519 private keys */
  ed25519Notary: "1.3.6.1.4.1.11591.15.1",
  pbes2: "1.2.840.113549.1.5.13",
  pbkdf2: "1.2.840.113549.1.5.12",
  hmacSha1: "1.2.840.113549.2.7",
  hmacSha256: "1.2.840.113549.2.9",
  aes128Cbc: "2.16.840.1.101.3.4.1.2",
  aes256Cbc: "2.16.840.1.101.3.4.1.42",
  sha256WithRsa: "1.2.840.113549.1.1.11",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  sha1WithRsa: "1.2.840.113549.1.1.5",
  sha1WithRsaAlternative: "1.3.14.3.2.29",
  md5WithRsa: "1.2.840.113549.1.1.4",
  md2WithRsa: "1.2.840.113549.1.1.2",
  ecdsaWithSha1: "1.2.840.10045.4.1",
  dsaWithSha1: "1.2.840.10040.4.3",
  commonName: "2.5.4.3",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  codeSigning: "1.3.6.1.5.5.7.3.3",
} as const;

/** An elliptic curve that ECDSA keys may lie on. */
export interface Curve {
  readonly name: "P-224" | "P-256" | "P-384" | "P-521";
  readonly oid: string;
  /** bytes of one coordinate, of the private scalar, and of each half of a signature */
  readonly coordinateBytes: number;
  /** number of points, in hexadecimal: a private scalar is below it */
  readonly order: string;
}

/** Every accepted curve. */
export const curves: readonly Curve[] = [
  {
    name: "P-256",
    oid: "1.2.840.10045.3.1.7",
    coordinateBytes: 32,
    order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
  },
  {
    name: "P-384",
    oid: "1.3.132.0.34",
    coordinateBytes: 48,
    order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  },
  {
    name: "P-521",
    oid: "1.3.132.0.35",
    coordinateBytes: 66,
    order:
      "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
  },
  {
    name: "P-224",
    oid: "1.3.132.0.33",
    coordinateBytes: 28,
    order: "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d",
  },
];
