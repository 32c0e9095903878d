import type { KeyObject } from "node:crypto";
import { encodeBase64 } from "../encoding/base64.ts";
import { canonicalJson } from "../encoding/json.ts";
import type { JsonObject } from "../encoding/json.ts";
import { parsePem } from "../encoding/pem.ts";
import { TagsealError, MetadataError } from "../errors.ts";
import { parseCertificateBundle } from "./x509.ts";
import { sha256Hex } from "./sha256.ts";
import { ed25519Spki, parseSpki, platformPublicKey } from "./spki.ts";
import type { PublicKeyInfo } from "./spki.ts";

/** A key that can check signatures: what the platform needs, and what the key may be used for. */
export interface VerificationKey {
  readonly handle: KeyObject;
  readonly info: PublicKeyInfo;
}

/**
 * A public key as in metadata. Immutable. Unknown key types and garbage are representable, since metadata may
 * contain unused keys; they have a key ID but never verify anything.
 *
 * @see Notary v1: keys and key IDs
 */
export class PublicKey {
  /** `ecdsa`, `rsa`, `ed25519`, `ecdsa-x509`, `rsa-x509`, or any other text */
  readonly keyType: string;
  /** what stands, in base64, under `keyval.public`: SPKI DER; raw 32 bytes for `ed25519`; PEM text for the x509 types */
  readonly bytes: Uint8Array;
  #keyId: string | undefined;
  #canonicalKeyId: string | undefined;
  /** null once the bytes have been found unusable */
  #verification: VerificationKey | null | undefined;

  constructor(keyType: string, bytes: Uint8Array) {
    this.keyType = keyType;
    this.bytes = bytes;
  }

  /**
   * A bare key from a SubjectPublicKeyInfo: `ecdsa`, `rsa`, or `ed25519` with its raw 32 bytes.
   *
   * @throws EncodingError `DER_MALFORMED`
   * @throws MetadataError `KEY_UNSUPPORTED`, `KEY_MALFORMED`
   */
  static fromSpki(der: Uint8Array): PublicKey {
    const info = parseSpki(der);
    return info.algorithm === "ed25519" ? new PublicKey("ed25519", info.raw) : new PublicKey(info.algorithm, der);
  }

  /**
   * An x509 key from the PEM text of a certificate and, after it, its intermediates. The text is kept byte for byte.
   *
   * @throws EncodingError `PEM_MALFORMED`, `DER_MALFORMED`
   * @throws MetadataError `CERTIFICATE_INVALID`, `KEY_UNSUPPORTED`, `KEY_MALFORMED`
   */
  static fromCertificatePem(pem: string): PublicKey {
    const { algorithm } = parseSpki(firstCertificateSpki(pem));
    if (algorithm === "ed25519")
      throw new MetadataError("KEY_UNSUPPORTED", "Certificates with Ed25519 keys cannot be used in metadata");
    return new PublicKey(`${algorithm}-x509`, Buffer.from(pem, "utf8"));
  }

  /** The TUF key ID: SHA-256 of the key object's canonical JSON, 64 lower-case hexadecimal characters. */
  get keyId(): string {
    return (this.#keyId ??= sha256Hex(canonicalJson(this.toJson())));
  }

  /**
   * The ID of the bare key, by which private keys are filed: equal to `keyId` unless this is an x509 key.
   *
   * @throws EncodingError `PEM_MALFORMED`, `DER_MALFORMED` or MetadataError `CERTIFICATE_INVALID`, `KEY_UNSUPPORTED`,
   * `KEY_MALFORMED` for an x509 key without a usable certificate
   */
  get canonicalKeyId(): string {
    if (!this.isX509) return this.keyId;
    return (this.#canonicalKeyId ??= this.bareKey().keyId);
  }

  /** {@link PublicKey.canonicalKeyId}; undefined for an x509 key without a usable certificate, which is the key of no private key. */
  get bareKeyId(): string | undefined {
    return attempt(() => this.canonicalKeyId);
  }

  /** True for the two key types whose bytes are certificates. */
  get isX509(): boolean {
    return this.keyType === "ecdsa-x509" || this.keyType === "rsa-x509";
  }

  /**
   * The key itself without its certificate; a bare key returns itself.
   *
   * @throws as {@link PublicKey.canonicalKeyId}
   */
  bareKey(): PublicKey {
    return this.isX509 ? PublicKey.fromSpki(firstCertificateSpki(Buffer.from(this.bytes).toString("utf8"))) : this;
  }

  /** The key object of metadata, `private` included since it is part of what the key ID is made from. */
  toJson(): JsonObject {
    return { keytype: this.keyType, keyval: { private: null, public: encodeBase64(this.bytes) } };
  }

  /**
   * The key ready for the platform; undefined when the type is unknown or the bytes are not a sound key of that type.
   * Found out once and remembered.
   */
  verificationKey(): VerificationKey | undefined {
    if (this.#verification === undefined) this.#verification = findVerificationKey(this) ?? null;
    return this.#verification ?? undefined;
  }
}

function firstCertificateSpki(pem: string): Uint8Array {
  const [first] = parseCertificateBundle(pem);
  if (first === undefined) throw new MetadataError("CERTIFICATE_INVALID", "There is no certificate in the PEM text");
  return first.spki;
}

function findVerificationKey(key: PublicKey): VerificationKey | undefined {
  const spki = spkiOf(key);
  const info = spki && attempt(() => parseSpki(spki));
  // The bytes must be what the type says, or one algorithm's key could be passed off as another's.
  if (spki === undefined || info?.algorithm !== key.keyType.replace(/-x509$/, "")) return undefined;
  const handle = platformPublicKey(spki);
  return handle && { info, handle };
}

function spkiOf(key: PublicKey): Uint8Array | undefined {
  switch (key.keyType) {
    case "ecdsa":
      return key.bytes;
    case "rsa":
      return rsaSpkiOf(key.bytes);
    case "ed25519":
      return key.bytes.length === 32 ? ed25519Spki(key.bytes) : undefined;
    case "ecdsa-x509":
    case "rsa-x509":
      return attempt(() => key.bareKey().bytes);
    default:
      return undefined;
  }
}

/** Very old clients wrote RSA keys as PEM; see the `pycrypto-pkcs#1 pss` signature method. */
function rsaSpkiOf(bytes: Uint8Array): Uint8Array | undefined {
  if (!isPem(bytes)) return bytes;
  const [block] = attempt(() => parsePem(Buffer.from(bytes).toString("latin1"))) ?? [];
  return block?.label === "PUBLIC KEY" ? block.bytes : undefined;
}

/** True when key bytes are PEM text rather than DER. */
export function isPem(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 10)).toString("latin1") === "-----BEGIN";
}

/** A key that cannot be read is one that never verifies: the threshold count treats it like a missing signature. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TagsealError) return undefined;
    throw error;
  }
}
