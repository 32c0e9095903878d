import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  DerReader,
  contextTag,
  derBitString,
  derExplicit,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derTag,
} from "../encoding/der.ts";
import { MetadataError } from "../errors.ts";
import { type Curve, oid } from "./oids.ts";
import { PublicKey } from "./public-key.ts";
import { pssSaltBytes } from "./signature.ts";
import { checkModulus, curveByOid } from "./spki.ts";

/** Something that can sign: a private key in memory, or one that never leaves its hardware. */
export interface SigningKey {
  /** the bare key, whose `keyId` is the canonical key ID */
  readonly publicKey: PublicKey;
  /**
   * Signs canonical bytes.
   *
   * @returns the signature in the encoding metadata wants, and the `method` that names it
   */
  sign(payload: Uint8Array): Promise<{ readonly method: string; readonly value: Uint8Array }>;
}

/** Algorithms keys can be generated for: ECDSA on P-256, Ed25519, RSA with 3072 bits. */
export type KeyAlgorithm = "ecdsa" | "ed25519" | "rsa";

interface EcSecret {
  readonly algorithm: "ecdsa";
  readonly curve: Curve;
  readonly scalar: Uint8Array;
  readonly point: Uint8Array;
}

type Secret =
  | EcSecret
  | { readonly algorithm: "rsa"; readonly pkcs1: Uint8Array }
  | { readonly algorithm: "ed25519"; readonly seed: Uint8Array };

/**
 * A private key in memory. It prints as nothing but its public key ID, so that it cannot slip into a log.
 *
 * Private keys are parsed here rather than by the platform because Notary v1 writes forms that platforms refuse: PKCS#8
 * version 1 for EC, RSA without parameters, its own object identifier for Ed25519.
 */
export class PrivateKey implements SigningKey {
  readonly publicKey: PublicKey;
  readonly #secret: Secret;
  readonly #handle: KeyObject;

  private constructor(secret: Secret, handle: KeyObject, publicKey: PublicKey) {
    this.#secret = secret;
    this.#handle = handle;
    this.publicKey = publicKey;
  }

  /** Makes a new key from the platform's random source. */
  static generate(algorithm: KeyAlgorithm): PrivateKey {
    return PrivateKey.fromPkcs8(generatePkcs8(algorithm));
  }

  /**
   * Reads PKCS#8 PrivateKeyInfo: EC, RSA, Ed25519 in its standard form and in Notary v1's; version 0 or 1.
   *
   * @throws EncodingError `DER_MALFORMED`
   * @throws MetadataError `KEY_UNSUPPORTED`, `KEY_MALFORMED`
   * @see RFC 5208 §5, RFC 5958 §2, RFC 8410 §7, Notary v1: key encryption as written
   */
  static fromPkcs8(der: Uint8Array): PrivateKey {
    const outer = new DerReader(der, "PKCS#8 private key");
    const info = outer.enter();
    outer.end();
    if (info.smallInteger() > 1) throw malformed("unknown PKCS#8 version");
    const algorithm = info.enter();
    const name = algorithm.oid();
    const key = info.read(derTag.octetString);
    info.optional(contextTag(0, "constructed"));
    info.optional(contextTag(1, "primitive"));
    info.end();
    switch (name) {
      case oid.ecPublicKey:
        return fromEcPrivateKey(key, curveByOid(algorithm.oid()));
      case oid.rsaEncryption:
        return PrivateKey.fromPkcs1(key);
      case oid.ed25519:
        return PrivateKey.fromEd25519Seed(new DerReader(key, "Ed25519 private key").read(derTag.octetString));
      case oid.ed25519Notary:
        return PrivateKey.fromNotaryEd25519(key);
      default:
        throw new MetadataError("KEY_UNSUPPORTED", `Private key algorithm ${name} is not supported`);
    }
  }

  /**
   * Reads a SEC1 ECPrivateKey, which must name its curve.
   *
   * @throws EncodingError `DER_MALFORMED`
   * @throws MetadataError `KEY_UNSUPPORTED`, `KEY_MALFORMED`
   * @see RFC 5915 §3
   */
  static fromSec1(der: Uint8Array): PrivateKey {
    return fromEcPrivateKey(der, undefined);
  }

  /**
   * Reads a PKCS#1 RSAPrivateKey of two primes.
   *
   * @throws EncodingError `DER_MALFORMED`
   * @throws MetadataError `KEY_MALFORMED`
   * @see RFC 8017 A.1.2
   */
  static fromPkcs1(der: Uint8Array): PrivateKey {
    const outer = new DerReader(der, "RSA private key");
    const numbers = outer.enter();
    outer.end();
    if (numbers.smallInteger() !== 0) throw malformed("RSA key of more than two primes");
    checkModulus(numbers.unsignedBytes());
    for (let rest = 0; rest < 7; rest++) numbers.unsignedBytes();
    numbers.end();
    const handle = platformKey(der, "pkcs1");
    return PrivateKey.#of({ algorithm: "rsa", pkcs1: der }, handle);
  }

  /**
   * Makes an Ed25519 key from its 32-byte seed.
   *
   * @throws MetadataError `KEY_MALFORMED` for another length
   */
  static fromEd25519Seed(seed: Uint8Array): PrivateKey {
    if (seed.length !== 32) throw malformed(`Ed25519 seed has ${seed.length} bytes, expected 32`);
    const algorithm = derSequence(derOid(oid.ed25519));
    const pkcs8 = derSequence(derInteger(0), algorithm, derOctetString(derOctetString(seed)));
    return PrivateKey.#of({ algorithm: "ed25519", seed }, platformKey(pkcs8, "pkcs8"));
  }

  /**
   * Reads Notary v1's 96-byte form of an Ed25519 key: public key, seed, public key again.
   *
   * @throws MetadataError `KEY_MALFORMED` for another length, or when the parts do not belong together
   */
  static fromNotaryEd25519(bytes: Uint8Array): PrivateKey {
    if (bytes.length !== 96) throw malformed(`Ed25519 key has ${bytes.length} bytes, expected 96`);
    const key = PrivateKey.fromEd25519Seed(bytes.subarray(32, 64));
    const expected = Buffer.from(key.publicKey.bytes);
    if (!expected.equals(bytes.subarray(0, 32)) || !expected.equals(bytes.subarray(64)))
      throw malformed("Ed25519 private and public part do not belong together");
    return key;
  }

  static #of(secret: Secret, handle: KeyObject): PrivateKey {
    const spki = createPublicKey(handle).export({ format: "der", type: "spki" });
    return new PrivateKey(secret, handle, PublicKey.fromSpki(spki));
  }

  /**
   * Makes an ECDSA key from its private scalar, of the curve's length.
   *
   * @throws MetadataError `KEY_MALFORMED` when the scalar is not one of the curve's
   */
  static fromEcScalar(curve: Curve, scalar: Uint8Array): PrivateKey {
    // The platform would take a scalar too large and sign with its remainder; other readers refuse such a key.
    if (scalar.length !== curve.coordinateBytes || Buffer.compare(scalar, Buffer.from(curve.order, "hex")) >= 0)
      throw malformed(`EC private scalar does not fit ${curve.name}`);
    const handle = platformKey(pkcs8OfScalar(curve, scalar), "pkcs8");
    const spki = createPublicKey(handle).export({ format: "der", type: "spki" });
    const point = spki.subarray(spki.length - 1 - 2 * curve.coordinateBytes);
    return PrivateKey.#of({ algorithm: "ecdsa", curve, scalar, point }, handle);
  }

  async sign(payload: Uint8Array): Promise<{ readonly method: string; readonly value: Uint8Array }> {
    const key = this.#handle;
    const { algorithm } = this.#secret;
    if (algorithm === "ecdsa")
      return { method: "ecdsa", value: sign("sha256", payload, { key, dsaEncoding: "ieee-p1363" }) };
    if (algorithm === "ed25519") return { method: "eddsa", value: sign(null, payload, key) };
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return { method: "rsapss", value: sign("sha256", payload, { key, padding, saltLength: pssSaltBytes }) };
  }

  /**
   * Writes PKCS#8 exactly as Notary v1 does: EC as version 1 with the public point, RSA without algorithm parameters,
   * Ed25519 under Notary's own object identifier.
   *
   * @see Notary v1: key encryption as written
   */
  toPkcs8(): Uint8Array {
    const secret = this.#secret;
    if (secret.algorithm === "ecdsa") {
      const algorithm = derSequence(derOid(oid.ecPublicKey), derOid(secret.curve.oid));
      return derSequence(derInteger(1), algorithm, derOctetString(sec1(secret)));
    }
    if (secret.algorithm === "rsa")
      return derSequence(derInteger(0), derSequence(derOid(oid.rsaEncryption)), derOctetString(secret.pkcs1));
    return derSequence(derInteger(0), derSequence(derOid(oid.ed25519Notary)), derOctetString(this.toNotaryEd25519()));
  }

  /** Writes PKCS#8 as other programs than Notary read it. @see RFC 5208 §5, RFC 8410 §7 */
  toStandardPkcs8(): Uint8Array {
    return this.#handle.export({ format: "der", type: "pkcs8" });
  }

  /**
   * Writes what {@link PrivateKey.fromNotaryEd25519} reads.
   *
   * @throws MetadataError `KEY_UNSUPPORTED` for keys that are not Ed25519
   */
  toNotaryEd25519(): Uint8Array {
    const secret = this.#secret;
    const raw = this.publicKey.bytes;
    if (secret.algorithm === "ed25519") return Buffer.concat([raw, secret.seed, raw]);
    throw new MetadataError("KEY_UNSUPPORTED", `This form is for Ed25519 keys, not ${secret.algorithm}`);
  }

  /**
   * Writes a SEC1 ECPrivateKey with its curve and public point.
   *
   * @throws MetadataError `KEY_UNSUPPORTED` for keys that are not EC
   * @see RFC 5915 §3
   */
  toSec1(): Uint8Array {
    const secret = this.#secret;
    if (secret.algorithm === "ecdsa") return sec1(secret);
    throw new MetadataError("KEY_UNSUPPORTED", `SEC1 is for EC keys, not ${secret.algorithm}`);
  }
}

function generatePkcs8(algorithm: KeyAlgorithm): Uint8Array {
  return generateHandle(algorithm).export({ type: "pkcs8", format: "der" });
}

function generateHandle(algorithm: KeyAlgorithm): KeyObject {
  if (algorithm === "ecdsa") return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  if (algorithm === "rsa") return generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey;
  return generateKeyPairSync("ed25519").privateKey;
}

/** @param outerCurve the curve a PKCS#8 wrapper named; inside one, ECPrivateKey may leave it out but not contradict */
function fromEcPrivateKey(der: Uint8Array, outerCurve: Curve | undefined): PrivateKey {
  const outer = new DerReader(der, "EC private key");
  const key = outer.enter();
  outer.end();
  if (key.smallInteger() !== 1) throw malformed("unknown EC private key version");
  const octets = key.read(derTag.octetString);
  const parameters = key.optional(contextTag(0, "constructed"));
  const publicPoint = key.optional(contextTag(1, "constructed"));
  key.end();
  const innerCurve = parameters && curveByOid(new DerReader(parameters, "EC parameters").oid());
  const curve = outerCurve ?? innerCurve;
  if (curve === undefined) throw malformed("EC private key does not name its curve");
  if (innerCurve !== undefined && innerCurve !== curve) throw malformed("EC private key names two curves");
  const result = PrivateKey.fromEcScalar(curve, scalarOf(octets, curve));
  if (publicPoint !== undefined) checkPoint(result, new DerReader(publicPoint, "EC public point").bitString());
  return result;
}

/** Scalars come shorter (zeros dropped) or longer (zeros added) from various writers; ours have the curve's length. */
function scalarOf(octets: Uint8Array, curve: Curve): Uint8Array {
  const start = octets.findIndex((octet) => octet !== 0);
  const significant = start < 0 ? new Uint8Array() : octets.subarray(start);
  if (significant.length === 0 || significant.length > curve.coordinateBytes)
    throw malformed(`EC private scalar does not fit ${curve.name}`);
  return Buffer.concat([Buffer.alloc(curve.coordinateBytes - significant.length), significant]);
}

function checkPoint(key: PrivateKey, point: Uint8Array): void {
  const spki = Buffer.from(key.publicKey.bytes);
  if (!spki.subarray(spki.length - point.length).equals(point))
    throw malformed("EC private scalar and public point do not belong together");
}

function sec1({ curve, scalar, point }: EcSecret): Buffer {
  const parameters = derExplicit(0, derOid(curve.oid));
  return derSequence(derInteger(1), derOctetString(scalar), parameters, derExplicit(1, derBitString(point)));
}

/** Without the public point: the platform computes it. This is the one form of that kind which BoringSSL reads, too. */
function pkcs8OfScalar(curve: Curve, scalar: Uint8Array): Buffer {
  const algorithm = derSequence(derOid(oid.ecPublicKey), derOid(curve.oid));
  const key = derSequence(derInteger(1), derOctetString(scalar));
  return derSequence(derInteger(0), algorithm, derOctetString(key));
}

function platformKey(der: Uint8Array, type: "sec1" | "pkcs1" | "pkcs8"): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: "der", type });
  } catch (cause) {
    throw new MetadataError("KEY_MALFORMED", "Private key cannot be used: its numbers do not fit together", { cause });
  }
}

function malformed(reason: string): MetadataError {
  return new MetadataError("KEY_MALFORMED", `Cannot read private key: ${reason}`);
}
