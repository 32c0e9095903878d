import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { format, inspect } from "node:util";
import fc from "fast-check";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import { needsOpenssl, openssl } from "../../test/support/openssl.ts";
import { DerReader, derExplicit, derInteger, derOctetString, derOid, derSequence, derTag } from "../encoding/der.ts";
import { curves, oid } from "./oids.ts";
import { PrivateKey } from "./private-key.ts";

const malformed = { code: "KEY_MALFORMED" };
const p256 = "1.2.840.10045.3.1.7";
const payload = Buffer.from("payload");
const algorithms = ["ecdsa", "ed25519", "rsa"] as const;

const ecPkcs8 = (inner: Uint8Array, version = 0) =>
  derSequence(derInteger(version), derSequence(derOid(oid.ecPublicKey), derOid(p256)), derOctetString(inner));

function pkcs8Parts(key: PrivateKey) {
  const info = new DerReader(key.toPkcs8(), "test").enter();
  const version = info.smallInteger();
  const algorithm = Buffer.from(info.read(derTag.sequence));
  return { version, algorithm, body: info.read(derTag.octetString) };
}

const sec1 = (scalar: Uint8Array) => derSequence(derInteger(1), derOctetString(scalar), derExplicit(0, derOid(p256)));

for (const algorithm of algorithms) {
  test(`round trip: a generated ${algorithm} key survives Notary v1's PKCS#8`, async () => {
    const key = PrivateKey.generate(algorithm);
    const back = PrivateKey.fromPkcs8(key.toPkcs8());
    assert.equal(back.publicKey.keyId, key.publicKey.keyId);
    assert.deepEqual(back.toPkcs8(), key.toPkcs8());
    assert.equal((await back.sign(payload)).method, (await key.sign(payload)).method);
  });
}

test("writes EC as version 1, RSA without parameters, Ed25519 under Notary's own identifier", () => {
  const ec = pkcs8Parts(PrivateKey.generate("ecdsa"));
  assert.equal(ec.version, 1);
  assert.deepEqual(ec.algorithm, Buffer.concat([derOid(oid.ecPublicKey), derOid(p256)]));
  const rsa = pkcs8Parts(PrivateKey.generate("rsa"));
  assert.equal(rsa.version, 0);
  assert.deepEqual(rsa.algorithm, derOid(oid.rsaEncryption));
  const key = PrivateKey.generate("ed25519");
  const ed = pkcs8Parts(key);
  assert.equal(ed.version, 0);
  assert.deepEqual(ed.algorithm, derOid(oid.ed25519Notary));
  assert.equal(ed.body.length, 96);
  assert.deepEqual(Buffer.from(ed.body.subarray(0, 32)), Buffer.from(key.publicKey.bytes));
  assert.deepEqual(Buffer.from(ed.body.subarray(64)), Buffer.from(key.publicKey.bytes));
});

test("reads what the platform writes: PKCS#8, SEC1 and PKCS#1 of every kind", () => {
  for (const { name } of curves) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: name });
    const spki = publicKey.export({ type: "spki", format: "der" });
    const pkcs8 = PrivateKey.fromPkcs8(privateKey.export({ type: "pkcs8", format: "der" }));
    const der = privateKey.export({ type: "sec1", format: "der" });
    const fromSec1 = PrivateKey.fromSec1(der);
    assert.deepEqual(Buffer.from(fromSec1.toSec1()), der);
    assert.deepEqual(Buffer.from(pkcs8.publicKey.bytes), spki);
    assert.deepEqual(Buffer.from(fromSec1.publicKey.bytes), spki);
  }
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const spki = rsa.publicKey.export({ type: "spki", format: "der" });
  for (const key of [
    PrivateKey.fromPkcs8(rsa.privateKey.export({ type: "pkcs8", format: "der" })),
    PrivateKey.fromPkcs1(rsa.privateKey.export({ type: "pkcs1", format: "der" })),
  ]) {
    assert.deepEqual(Buffer.from(key.publicKey.bytes), spki);
  }
});

test("the platform's own Ed25519 vector: seed to public key", () => {
  const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
  const key = PrivateKey.fromEd25519Seed(seed);
  assert.equal(key.publicKey.keyId, "4297585c0fe23f11d05ccfdfe00ddc1543e428febcd6de32ddeb1d5cf16942b6");
});

test("openssl reads the EC keys we write", { skip: needsOpenssl }, () => {
  const key = PrivateKey.generate("ecdsa");
  const spki = openssl(["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], key.toPkcs8());
  assert.deepEqual(spki, Buffer.from(key.publicKey.bytes));
});

test("reads scalars with leading zeros dropped or added", () => {
  const scalar = Buffer.concat([Buffer.alloc(2), Buffer.alloc(30, 5)]);
  const expected = PrivateKey.fromEcScalar(curves[0] ?? assert.fail(), scalar).publicKey.keyId;
  for (const octets of [scalar, scalar.subarray(2), Buffer.concat([Buffer.alloc(3), scalar])]) {
    const inner = derSequence(derInteger(1), derOctetString(octets), derExplicit(0, derOid(p256)));
    assert.equal(PrivateKey.fromSec1(inner).publicKey.keyId, expected);
    assert.equal(PrivateKey.fromPkcs8(ecPkcs8(inner)).publicKey.keyId, expected);
  }
});

test("refuses scalars and points that cannot be", () => {
  for (const scalar of [Buffer.alloc(0), Buffer.alloc(32), Buffer.alloc(33, 1), Buffer.alloc(32, 0xff)]) {
    assert.throws(() => PrivateKey.fromSec1(sec1(scalar)), malformed);
  }
  const one = PrivateKey.generate("ecdsa").toPkcs8();
  const other = PrivateKey.generate("ecdsa").toPkcs8();
  const mixed = Buffer.concat([one.subarray(0, one.length - 64), other.subarray(other.length - 64)]);
  assert.throws(() => PrivateKey.fromPkcs8(mixed), malformed);
});

test("refuses EC keys that name no curve, two curves, or one we do not know", () => {
  const scalar = derOctetString(Buffer.alloc(32, 1));
  assert.throws(() => PrivateKey.fromSec1(derSequence(derInteger(1), scalar)), malformed);
  const p384 = derSequence(derInteger(1), scalar, derExplicit(0, derOid("1.3.132.0.34")));
  assert.throws(() => PrivateKey.fromPkcs8(ecPkcs8(p384)), malformed);
  const k1 = derSequence(derInteger(1), scalar, derExplicit(0, derOid("1.3.132.0.10")));
  assert.throws(() => PrivateKey.fromSec1(k1), { code: "KEY_UNSUPPORTED" });
});

test("refuses unknown versions and algorithms", () => {
  const inner = derSequence(derInteger(1), derOctetString(Buffer.alloc(32, 1)));
  assert.throws(() => PrivateKey.fromPkcs8(ecPkcs8(inner, 2)), malformed);
  assert.throws(
    () => PrivateKey.fromPkcs8(ecPkcs8(derSequence(derInteger(2), derOctetString(Buffer.alloc(32, 1))))),
    malformed,
  );
  const x25519 = generateKeyPairSync("x25519").privateKey.export({ type: "pkcs8", format: "der" });
  assert.throws(() => PrivateKey.fromPkcs8(x25519), { code: "KEY_UNSUPPORTED" });
});

test("refuses Ed25519 keys of the wrong length or with parts that do not belong together", () => {
  assert.throws(() => PrivateKey.fromEd25519Seed(Buffer.alloc(31)), malformed);
  assert.throws(() => PrivateKey.fromNotaryEd25519(Buffer.alloc(64)), malformed);
  assert.throws(() => PrivateKey.fromNotaryEd25519(Buffer.alloc(96, 1)), malformed);
});

test("refuses short RSA keys, many primes, and numbers that do not fit together", () => {
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs1", format: "der" });
  assert.throws(() => PrivateKey.fromPkcs1(short), malformed);
  const numbers = Array.from({ length: 8 }, () => derInteger(Buffer.alloc(256, 0xff)));
  assert.throws(() => PrivateKey.fromPkcs1(derSequence(derInteger(1), ...numbers)), malformed);
});

test("I6: prints nothing of the secret", () => {
  const key = PrivateKey.fromEd25519Seed(Buffer.alloc(32, 7));
  const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key) + format("%s %o", key, key);
  assert.ok(!/07,? 07|secret|seed|"7,7|7,\s*7,\s*7/i.test(shown), shown);
});

test("fuzz: refuses or reads hostile keys", () => {
  const seeds = algorithms.map((algorithm) => PrivateKey.generate(algorithm).toPkcs8());
  const platformSec1 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    type: "sec1",
    format: "der",
  });
  const pkcs1 = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs1", format: "der" });
  fc.assert(
    fc.property(hostileBytes(...seeds, platformSec1, pkcs1), (hostile) => {
      parsedOrRefused(() => PrivateKey.fromPkcs8(hostile));
      parsedOrRefused(() => PrivateKey.fromSec1(hostile));
      parsedOrRefused(() => PrivateKey.fromPkcs1(hostile));
      parsedOrRefused(() => PrivateKey.fromNotaryEd25519(hostile));
    }),
    { numRuns: fuzzRuns },
  );
});
