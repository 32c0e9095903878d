import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import { needsOpenssl, openssl } from "../../test/support/openssl.ts";
import { derInteger, derNull, derOctetString, derOid, derSequence } from "../encoding/der.ts";
import { parsePem, serialisePem } from "../encoding/pem.ts";
import { KeyStoreError } from "../errors.ts";
import { oid } from "./oids.ts";
import { decryptPkcs8, encryptPkcs8 } from "./pbes2.ts";
import { isEncryptedBlock, isPrivateKeyBlock, readPrivateKeyBlock } from "./private-key-pem.ts";
import { PrivateKey } from "./private-key.ts";

const wrong = { code: "PASSPHRASE_WRONG" };
const unsupported = { code: "KEY_UNSUPPORTED" };
const key = PrivateKey.generate("ecdsa");

const aliceFile = `-----BEGIN ENCRYPTED PRIVATE KEY-----
role: targets/alice

MIHuMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAiM4xBO5TCWJgICCAAw
HQYJYIZIAWUDBAEqBBDRhL7SfxcUqfuMwf1JXQkCBIGgTcM0wpehAwe7HLGeb1vv
2JTMSMKNIh/DApQUCn9h1+GseaU+HtT+Hh2hrouXtJMcDzwJs1/hdonQviDS4qMs
2p7ziZpQpUu1rxP//4zP4oJ9ibtfIMUQFuUWqZkrFf1E6J4Jmus580tdh84tnFF0
vcakhAr/Q9v03xa+pJZN7YYwXAnNi3rTt6RQz3cNHI+NEjGFE6eR262EeRbgPvV7
Uw==
-----END ENCRYPTED PRIVATE KEY-----
`;
const [alice = assert.fail()] = parsePem(aliceFile);

test("vector A.3: opens a key file notary wrote, and writes its key in the very same bytes", () => {
  assert.equal(serialisePem(alice), aliceFile);
  const opened = readPrivateKeyBlock(alice, "delgpass1");
  assert.equal(opened.publicKey.keyId, "263b6b2d378acdddad620a73dc6ca86ef8339de48573e26d7bab56fd934cdb68");
  const inner = decryptPkcs8(alice.bytes, "delgpass1");
  assert.deepEqual(Buffer.from(opened.toPkcs8()), Buffer.from(inner));
  const scalar = "874f4e3ad9b66861a8c4fda739f4a7fa8ef1d4cd39681e5bb5c9f1fa443e8b24";
  assert.ok(Buffer.from(inner).toString("hex").includes(scalar));
});

/** Salt, initialisation vector and ciphertext differ each time; everything around them must not. */
function blank(bytes: Uint8Array): string {
  const copy = Buffer.from(bytes);
  for (const [start, end] of [
    [35, 43],
    [62, 78],
    [81, copy.length],
  ] as const)
    copy.fill(0, start, end);
  return copy.toString("hex");
}

test("writes exactly the fields notary writes", () => {
  const opened = readPrivateKeyBlock(alice, "delgpass1");
  const ours = Buffer.from(encryptPkcs8(opened.toPkcs8(), "delgpass1", 2048));
  assert.equal(blank(ours), blank(alice.bytes));
});

test("a wrong passphrase is called that, even when its padding happens to fit", () => {
  for (let guess = 0; guess < 600; guess++) {
    const sealed = encryptPkcs8(key.toPkcs8(), "right", 1);
    assert.throws(() => decryptPkcs8(sealed, `wrong ${guess}`), wrong);
  }
  assert.throws(() => readPrivateKeyBlock(alice, ""), KeyStoreError);
});

test("round trip: any key under any passphrase and count", () => {
  const passphrase = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      passphrase,
      fc.integer({ min: 1, max: 50 }),
      (bytes, secret, rounds) => {
        const der = derSequence(derOctetString(bytes));
        assert.deepEqual(Buffer.from(decryptPkcs8(encryptPkcs8(der, secret, rounds), secret)), der);
      },
    ),
    { numRuns: fuzzRuns },
  );
});

test("openssl opens what we encrypt, once its headers are off", { skip: needsOpenssl }, () => {
  const bytes = encryptPkcs8(key.toPkcs8(), "påss phrase", 3000);
  const pem = serialisePem({ label: "ENCRYPTED PRIVATE KEY", headers: new Map(), bytes });
  const spki = openssl(["pkey", "-passin", "pass:påss phrase", "-pubout", "-outform", "DER"], pem);
  assert.deepEqual(spki, Buffer.from(key.publicKey.bytes));
});

const plainPem = (kind: PrivateKey) =>
  serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes: kind.toPkcs8() });

for (const [cipher, prf] of [
  ["aes-256-cbc", "hmacWithSHA256"],
  ["aes-256-cbc", "hmacWithSHA1"],
  ["aes-128-cbc", "hmacWithSHA256"],
  ["aes-128-cbc", "hmacWithSHA1"],
] as const) {
  test(`opens what openssl encrypts with ${cipher} and ${prf}`, { skip: needsOpenssl }, () => {
    const options = ["-topk8", "-v2", cipher, "-v2prf", prf, "-passout", "pass:secret"];
    const [block = assert.fail()] = parsePem(openssl(["pkcs8", ...options], plainPem(key)).toString());
    assert.ok(isEncryptedBlock(block));
    assert.equal(readPrivateKeyBlock(block, "secret").publicKey.keyId, key.publicKey.keyId);
    assert.throws(() => readPrivateKeyBlock(block, "other"), wrong);
  });
}

for (const [what, options] of [
  ["scrypt", ["-scrypt"]],
  ["3DES", ["-v2", "des3"]],
  ["PBES1", ["-v1", "PBE-SHA1-3DES"]],
] as const) {
  test(`refuses ${what}, and says how to convert it`, { skip: needsOpenssl }, () => {
    const pem = openssl(["pkcs8", "-topk8", ...options, "-passout", "pass:secret"], plainPem(key)).toString();
    const [block = assert.fail()] = parsePem(pem);
    assert.throws(() => readPrivateKeyBlock(block, "secret"), { ...unsupported, hint: /openssl pkcs8 -topk8/ });
  });
}

for (const cipher of ["aes128", "aes192", "aes256", "des3"]) {
  test(`opens legacy encryption with ${cipher}`, { skip: needsOpenssl }, () => {
    const options = ["-traditional", `-${cipher}`, "-passout", "pass:secret"];
    const [block = assert.fail()] = parsePem(openssl(["pkey", ...options], plainPem(key)).toString());
    assert.equal(block.label, "EC PRIVATE KEY");
    assert.ok(isEncryptedBlock(block));
    assert.equal(readPrivateKeyBlock(block, "secret").publicKey.keyId, key.publicKey.keyId);
    assert.throws(() => readPrivateKeyBlock(block, "other"), wrong);
  });
}

test("opens plain SEC1, PKCS#1 and standard Ed25519 from openssl", { skip: needsOpenssl }, () => {
  for (const options of [
    ["ecparam", "-genkey", "-noout", "-name", "prime256v1"],
    ["genrsa", "-traditional", "2048"],
    ["genpkey", "-algorithm", "ed25519"],
  ]) {
    const pem = openssl(options).toString();
    const spki = openssl(["pkey", "-pubout", "-outform", "DER"], pem);
    const [block = assert.fail()] = parsePem(pem);
    assert.ok(isPrivateKeyBlock(block) && !isEncryptedBlock(block));
    const { publicKey } = readPrivateKeyBlock(block, "ignored");
    assert.deepEqual(Buffer.from(publicKey.bytes), publicKey.keyType === "ed25519" ? spki.subarray(-32) : spki);
  }
});

const legacy = (info: string) => ({
  label: "EC PRIVATE KEY",
  headers: new Map([["DEK-Info", info]]),
  bytes: Buffer.alloc(16),
});

test("refuses legacy ciphers it does not know and initialisation vectors that do not fit", () => {
  assert.throws(() => readPrivateKeyBlock(legacy("RC4,00"), "x"), unsupported);
  assert.throws(() => readPrivateKeyBlock(legacy("constructor,00"), "x"), unsupported);
  assert.throws(() => readPrivateKeyBlock(legacy("AES-256-CBC,00"), "x"), { code: "KEY_MALFORMED" });
  assert.throws(() => readPrivateKeyBlock(legacy("AES-256-CBC"), "x"), { code: "KEY_MALFORMED" });
  assert.throws(() => readPrivateKeyBlock(legacy("AES-256-CBC,zz"), "x"), { code: "HEX_MALFORMED" });
});

test("refuses PEM blocks that hold no private key", () => {
  const block = { label: "CERTIFICATE", headers: new Map<string, string>(), bytes: key.toPkcs8() };
  assert.equal(isPrivateKeyBlock(block), false);
  assert.throws(() => readPrivateKeyBlock(block, ""), unsupported);
});

/** An EncryptedPrivateKeyInfo with the given parts. */
const sealedWith = (kdf: Uint8Array, scheme: Uint8Array) =>
  derSequence(derSequence(derOid(oid.pbes2), derSequence(kdf, scheme)), derOctetString(Buffer.alloc(16)));
const kdfWith = (...parts: readonly Uint8Array[]) => derSequence(derOid(oid.pbkdf2), derSequence(...parts));
const salt = derOctetString(Buffer.alloc(8));
const aes256 = derSequence(derOid(oid.aes256Cbc), derOctetString(Buffer.alloc(16)));

test("I1: refuses passphrase stretching that would hang the reader, or is none", () => {
  for (const rounds of [0, 10_000_001, 2 ** 47]) {
    assert.throws(() => decryptPkcs8(sealedWith(kdfWith(salt, derInteger(rounds)), aes256), "x"), unsupported);
  }
});

test("refuses unknown functions, contradicting key lengths and odd initialisation vectors", () => {
  const sha512 = derSequence(derOid("1.2.840.113549.2.11"), derNull());
  const shortIv = derSequence(derOid(oid.aes256Cbc), derOctetString(Buffer.alloc(8)));
  for (const [kdf, scheme] of [
    [kdfWith(salt, derInteger(1), sha512), aes256],
    [kdfWith(salt, derInteger(1), derInteger(16)), aes256],
    [kdfWith(salt, derInteger(1)), shortIv],
    [derSequence(derOid("1.2.3"), derSequence()), aes256],
  ] as const) {
    assert.throws(() => decryptPkcs8(sealedWith(kdf, scheme), "x"), unsupported);
  }
  const explicitSha1 = kdfWith(salt, derInteger(1), derInteger(32), derSequence(derOid(oid.hmacSha1), derNull()));
  assert.throws(() => decryptPkcs8(sealedWith(explicitSha1, aes256), "x"), wrong);
});

test("fuzz: refuses or opens hostile containers", () => {
  const seed = encryptPkcs8(key.toPkcs8(), "secret", 1);
  fc.assert(
    fc.property(hostileBytes(seed, alice.bytes), (hostile) => {
      // A mutated iteration count may be honest but slow; those are covered by the bound above.
      if (hostile.includes(Buffer.from("0203", "hex")) || hostile.includes(Buffer.from("0204", "hex"))) return;
      parsedOrRefused(() => decryptPkcs8(hostile, "secret"));
    }),
    { numRuns: fuzzRuns },
  );
});
