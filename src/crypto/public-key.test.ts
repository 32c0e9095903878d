import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import { decodeBase64 } from "../encoding/base64.ts";
import { derBitString, derInteger, derNull, derOid, derSequence } from "../encoding/der.ts";
import { createRootCertificate } from "./certificate.ts";
import { oid } from "./oids.ts";
import { PrivateKey } from "./private-key.ts";
import { PublicKey } from "./public-key.ts";
import { parseSpki, rsaSpki } from "./spki.ts";

const aliceSpki = decodeBase64(
  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEavKgeRNRvjEb/BnokaaGwYwLmnwlWzPtGweVOYi0CWKfReXBaBY/OI/Z3zu36Vr/0uGFYqM/9x5kiGBeTq8X5w==",
);
const aliceId = "263b6b2d378acdddad620a73dc6ca86ef8339de48573e26d7bab56fd934cdb68";
const edRaw = decodeBase64("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");

interface RootFile {
  readonly signed: {
    readonly keys: Record<string, { readonly keytype: string; readonly keyval: { readonly public: string } }>;
  };
}
const root = JSON.parse(
  readFileSync(new URL("../../test/vectors/notary-v1/vec-demo/root.json", import.meta.url), "utf8"),
) as RootFile;

const spkiOf = (namedCurve: string) =>
  generateKeyPairSync("ec", { namedCurve }).publicKey.export({ type: "spki", format: "der" });
const rsaSpkiOf = (modulusLength: number) =>
  generateKeyPairSync("rsa", { modulusLength }).publicKey.export({ type: "spki", format: "der" });

const rsaSpkiWith = (bits: number, exponent: number | Uint8Array) =>
  rsaSpki(derSequence(derInteger(Buffer.alloc(bits / 8, 0xff)), derInteger(exponent)));
const p256SpkiWith = (point: Uint8Array) =>
  derSequence(derSequence(derOid(oid.ecPublicKey), derOid("1.2.840.10045.3.1.7")), derBitString(point));

test("vector A.1: the ID of an ECDSA key", () => {
  const key = PublicKey.fromSpki(aliceSpki);
  assert.equal(key.keyType, "ecdsa");
  assert.equal(key.keyId, aliceId);
  assert.equal(key.canonicalKeyId, aliceId);
});

test("vector A.2: the ID of an Ed25519 key", () => {
  const expected = "4297585c0fe23f11d05ccfdfe00ddc1543e428febcd6de32ddeb1d5cf16942b6";
  assert.equal(new PublicKey("ed25519", edRaw).keyId, expected);
});

test("vector A.5: every key of a real root has the ID it stands under, and the root key its canonical one too", () => {
  for (const [id, { keytype, keyval }] of Object.entries(root.signed.keys)) {
    const key = new PublicKey(keytype, decodeBase64(keyval.public));
    assert.equal(key.keyId, id);
    assert.ok(key.verificationKey());
    if (keytype !== "ecdsa-x509") continue;
    assert.equal(key.canonicalKeyId, "bab5e930a7d36033763ed23a04de399476d26a4f8532cb9706f70e92bbf69885");
    assert.equal(PublicKey.fromCertificatePem(Buffer.from(key.bytes).toString("utf8")).keyId, id);
  }
});

test("writes the key object with its null private part", () => {
  assert.deepEqual(new PublicKey("x", Buffer.from("a")).toJson(), {
    keytype: "x",
    keyval: { private: null, public: "YQ==" },
  });
});

test("takes an Ed25519 key from its SPKI as the raw 32 bytes metadata carries", () => {
  const spki = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" });
  const key = PublicKey.fromSpki(spki);
  assert.equal(key.keyType, "ed25519");
  assert.deepEqual(Buffer.from(key.bytes), spki.subarray(-32));
});

for (const curve of ["P-256", "P-384", "P-521", "P-224"]) {
  test(`reads keys on ${curve}`, () => {
    assert.ok(PublicKey.fromSpki(spkiOf(curve)).verificationKey());
  });
}

test("refuses keys on other curves and of other algorithms", () => {
  assert.throws(() => PublicKey.fromSpki(spkiOf("secp256k1")), { code: "KEY_UNSUPPORTED" });
  const x25519 = generateKeyPairSync("x25519").publicKey.export({ type: "spki", format: "der" });
  assert.throws(() => PublicKey.fromSpki(x25519), { code: "KEY_UNSUPPORTED" });
});

test("refuses RSA keys below 2048 bits, and does not verify with them", () => {
  const short = rsaSpkiOf(1024);
  assert.throws(() => PublicKey.fromSpki(short), { code: "KEY_MALFORMED" });
  assert.equal(new PublicKey("rsa", short).verificationKey(), undefined);
  assert.ok(PublicKey.fromSpki(rsaSpkiOf(2048)).verificationKey());
});

test("I1: refuses RSA keys so large that verifying would stall, and impossible exponents", () => {
  assert.equal(parseSpki(rsaSpkiWith(2048, 65_537)).algorithm, "rsa");
  for (const spki of [
    rsaSpkiWith(8_200, 65_537),
    rsaSpkiWith(2048, 2 ** 31 + 1),
    rsaSpkiWith(2048, 1),
    rsaSpkiWith(2048, 0),
    rsaSpkiWith(2048, 4),
    rsaSpkiWith(2048, Buffer.alloc(9, 0xff)),
  ]) {
    assert.throws(() => PublicKey.fromSpki(spki), { code: "KEY_MALFORMED" });
  }
});

test("reads RSA keys whose algorithm lacks its NULL", () => {
  const withNull = rsaSpkiOf(2048);
  const pkcs1 = derSequence(derInteger(Buffer.alloc(256, 0xff)), derInteger(65_537));
  assert.equal(parseSpki(derSequence(derSequence(derOid(oid.rsaEncryption)), derBitString(pkcs1))).algorithm, "rsa");
  assert.equal(parseSpki(withNull).algorithm, "rsa");
});

test("refuses compressed points, short points and short Ed25519 keys", () => {
  for (const point of [Buffer.alloc(33, 2), Buffer.alloc(65, 2), Buffer.alloc(64, 4), Buffer.alloc(0)]) {
    assert.throws(() => PublicKey.fromSpki(p256SpkiWith(point)), { code: "KEY_MALFORMED" });
  }
  const short = derSequence(derSequence(derOid(oid.ed25519)), derBitString(Buffer.alloc(31)));
  assert.throws(() => PublicKey.fromSpki(short), { code: "KEY_MALFORMED" });
  const withNull = derSequence(derSequence(derOid(oid.ed25519), derNull()), derBitString(Buffer.alloc(32)));
  assert.throws(() => PublicKey.fromSpki(withNull), { code: "DER_MALFORMED" });
});

const strangers: readonly [what: string, keyType: string, bytes: Uint8Array][] = [
  ["an unknown type", "dilithium", aliceSpki],
  ["no type", "", aliceSpki],
  ["ECDSA bytes called rsa", "rsa", aliceSpki],
  ["ECDSA bytes called ed25519", "ed25519", aliceSpki],
  [
    "an Ed25519 SPKI where raw bytes belong",
    "ed25519",
    generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }),
  ],
  ["a bare key called x509", "ecdsa-x509", aliceSpki],
  ["garbage", "ecdsa", Buffer.from("garbage")],
  ["nothing", "rsa-x509", Buffer.alloc(0)],
  ["a point off its curve", "ecdsa", Buffer.concat([aliceSpki.subarray(0, -1), Buffer.of(0)])],
  ["PEM that is no public key", "rsa", Buffer.from("-----BEGIN X-----\nYQ==\n-----END X-----\n")],
  ["PEM cut off", "rsa", Buffer.from("-----BEGIN PUBLIC KEY-----\nYQ==\n")],
];
for (const [what, keyType, bytes] of strangers) {
  test(`I9: ${what} has a key ID but never verifies`, () => {
    const key = new PublicKey(keyType, bytes);
    assert.match(key.keyId, /^[0-9a-f]{64}$/);
    assert.equal(key.verificationKey(), undefined);
    assert.equal(key.verificationKey(), undefined, "also when asked again");
  });
}

test("the type must be what the certificate holds", async () => {
  const pem = await createRootCertificate(PrivateKey.generate("ecdsa"), "a", new Date());
  assert.equal(new PublicKey("rsa-x509", Buffer.from(pem)).verificationKey(), undefined);
  assert.ok(new PublicKey("ecdsa-x509", Buffer.from(pem)).verificationKey());
});

test("an x509 key without a certificate has no canonical ID", () => {
  assert.throws(() => new PublicKey("ecdsa-x509", aliceSpki).canonicalKeyId, { code: "CERTIFICATE_INVALID" });
  assert.throws(() => PublicKey.fromCertificatePem("junk"), { code: "CERTIFICATE_INVALID" });
});

test("fuzz: hostile bytes under any type never throw where they must only fail to verify", () => {
  const seeds = [aliceSpki, edRaw, ...Object.values(root.signed.keys).map(({ keyval }) => decodeBase64(keyval.public))];
  const keyType = fc.constantFrom("ecdsa", "rsa", "ed25519", "ecdsa-x509", "rsa-x509", "other");
  fc.assert(
    fc.property(keyType, hostileBytes(...seeds), (type, bytes) => {
      const key = new PublicKey(type, bytes);
      key.verificationKey();
      assert.match(key.keyId, /^[0-9a-f]{64}$/);
      parsedOrRefused(() => key.canonicalKeyId);
      parsedOrRefused(() => PublicKey.fromSpki(bytes));
      parsedOrRefused(() => PublicKey.fromCertificatePem(bytes.toString("utf8")));
    }),
    { numRuns: fuzzRuns },
  );
});
