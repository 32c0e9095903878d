/** The keys that may sign tokens: from a bundle of certificates, from a JSON Web Key Set, or from a certificate that leads to the bundle. */

import { createHash, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import type { CompactJWSHeaderParameters } from "jose";
import { parseCertificate, verifyCertificateChain, type Certificate } from "../crypto/certificate.ts";
import { parseSpki, platformPublicKey } from "../crypto/spki.ts";
import { decodeBase64 } from "../encoding/base64.ts";
import { parseOrdinaryJson } from "../encoding/json.ts";
import { TagsealError } from "../errors.ts";

/** Keys by the name tokens use, and the certificates that may issue others. */
export interface TrustedKeys {
  readonly byName: ReadonlyMap<string, KeyObject>;
  readonly anchors: readonly Certificate[];
}

type JsonMembers = Readonly<Record<string, unknown>>;

const maxChainLength = 8;

/** An empty set of keys. */
export const noKeys: TrustedKeys = { byName: new Map(), anchors: [] };

/** The union of two sources; for a name in both, the key of the first counts. */
export function allKeys(first: TrustedKeys, second: TrustedKeys): TrustedKeys {
  return { byName: new Map([...second.byName, ...first.byName]), anchors: [...first.anchors, ...second.anchors] };
}

/**
 * The name Docker's libtrust gives a public key: 30 bytes of the SHA-256 of its SubjectPublicKeyInfo, in base32, in groups of four.
 *
 * @see Notary v1: token authentication
 */
export function libtrustKeyId(key: KeyObject): string {
  const digest = createHash("sha256").update(spkiOf(key)).digest().subarray(0, 30);
  const groups: string[] = [];
  // Five bytes are eight letters.
  for (let at = 0; at < digest.length; at += 5) {
    const letters = digest.readUIntBE(at, 5).toString(32).padStart(8, "0").replaceAll(/./gu, base32Letter);
    groups.push(letters.slice(0, 4), letters.slice(4));
  }
  return groups.join(":");
}

/** From the digits JavaScript uses to those of RFC 4648 §6. */
function base32Letter(digit: string): string {
  return "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(digit, 32)] ?? "";
}

/**
 * Finds the key that must have signed a token, by the token's header, which is not verified yet: a chain of certificates that leads to
 * an anchor, a key that is trusted anyway, or the name of one. In this order, and only the first one present counts.
 *
 * @throws TagsealError, or another Error, when no trusted key is named
 * @see Notary v1: token authentication
 */
export function findTokenKey(header: CompactJWSHeaderParameters, keys: TrustedKeys, now: Date): KeyObject {
  if (header.x5c !== undefined) return keyOfChain(header.x5c, keys, now);
  if (header.jwk !== undefined) return keyOfJwk(header.jwk, keys, now);
  const key = header.kid === undefined ? undefined : keys.byName.get(header.kid);
  if (key === undefined) throw untrusted("its header names no trusted key");
  return key;
}

function keyOfChain(x5c: unknown, { anchors }: TrustedKeys, now: Date): KeyObject {
  if (!isTextList(x5c) || x5c.length === 0 || x5c.length > maxChainLength) throw untrusted("its chain is malformed");
  const chain = x5c.map((text) => parseCertificate(decodeBase64(text)));
  verifyCertificateChain(chain, anchors, now);
  const [leaf] = chain;
  const key = leaf && soundKey(leaf.spki);
  if (key === undefined) throw untrusted("the key of its certificate cannot be used");
  return key;
}

function keyOfJwk(jwk: unknown, keys: TrustedKeys, now: Date): KeyObject {
  if (!isRecord(jwk)) throw untrusted("its key is malformed");
  const key = parseJwk(jwk);
  const name = libtrustKeyId(key);
  const trusted = jwk["x5c"] === undefined ? keys.byName.get(name) : keyOfChain(jwk["x5c"], keys, now);
  // By its own fingerprint, not by the name it gives itself.
  if (trusted === undefined || libtrustKeyId(trusted) !== name) throw untrusted("its key is not trusted");
  return trusted;
}

/**
 * The keys of a bundle, by libtrust's names.
 *
 * @throws TagsealError when a certificate has a key that cannot sign tokens
 */
export function bundleKeys(certificates: readonly Certificate[]): TrustedKeys {
  const byName = new Map<string, KeyObject>();
  for (const { spki, subjectCommonName } of certificates) {
    const key = soundKey(spki);
    if (key === undefined) throw untrusted(`the key of the certificate with CN ${subjectCommonName} cannot be used`);
    byName.set(libtrustKeyId(key), key);
  }
  return { byName, anchors: certificates };
}

/**
 * The keys of a JSON Web Key Set, by `kid` and by libtrust's names.
 *
 * @throws EncodingError `JSON_MALFORMED`
 * @throws TagsealError for a set without keys, and for keys that are private, symmetric, or made for something else: they do not belong in this file
 * @see RFC 7517 §5
 */
export function jwksKeys(bytes: Uint8Array): TrustedKeys {
  const set = parseOrdinaryJson(bytes);
  const list = isRecord(set) ? set["keys"] : undefined;
  if (!Array.isArray(list) || list.length === 0) throw untrusted("it holds no keys");
  const byName = new Map<string, KeyObject>();
  for (const jwk of list) {
    if (!isRecord(jwk)) throw untrusted("one of its keys is not an object");
    const key = parseJwk(jwk);
    byName.set(libtrustKeyId(key), key);
    const { kid } = jwk;
    if (typeof kid === "string" && kid !== "") byName.set(kid, key);
  }
  return { byName, anchors: [] };
}

/** Only the members of a public key are read; any other member cannot change the key. */
function parseJwk(jwk: JsonMembers): KeyObject {
  const { kty, use, key_ops: operations } = jwk;
  if (kty !== "EC" && kty !== "RSA" && kty !== "OKP") throw untrusted("a key of another type than EC, RSA and OKP");
  if (["d", "k", "p", "q", "dp", "dq", "qi", "oth"].some((name) => name in jwk)) throw untrusted("a key is private");
  const isForSigning = use === undefined || use === "sig";
  const verifies = operations === undefined || (isTextList(operations) && operations.includes("verify"));
  if (!isForSigning || !verifies) throw untrusted("a key is for something else than signatures");
  const { crv, x, y, n, e } = jwk;
  const key = soundKey(spkiOf(createPublicKey({ key: { kty, crv, x, y, n, e } as JsonWebKey, format: "jwk" })));
  if (key === undefined) throw untrusted("a key cannot be used");
  return key;
}

/** @throws TagsealError for other algorithms and curves, and for RSA keys that are too short or too long */
function soundKey(spki: Uint8Array): KeyObject | undefined {
  parseSpki(spki);
  return platformPublicKey(spki);
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function isRecord(value: unknown): value is JsonMembers {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function untrusted(reason: string): TagsealError {
  return new TagsealError("KEY_UNSUPPORTED", `Cannot find a key for tokens: ${reason}`);
}
