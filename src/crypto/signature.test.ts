import assert from "node:assert/strict";
import { constants, createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes } from "../../test/support/fuzz.ts";
import { decodeBase64 } from "../encoding/base64.ts";
import { fileFormToCanonical, parseJsonDocument } from "../encoding/json.ts";
import { createRootCertificate } from "./certificate.ts";
import { PrivateKey } from "./private-key.ts";
import { PublicKey } from "./public-key.ts";
import { verifySignature } from "./signature.ts";

const payload = Buffer.from('{"_type":"Targets"}');
const spkiOf = (key: KeyObject) => key.export({ type: "spki", format: "der" });
const signature = (method: string, value: Uint8Array) => ({ keyId: "", method, value });

interface File {
  readonly signed: {
    readonly keys: Record<string, { readonly keytype: string; readonly keyval: { readonly public: string } }>;
  };
  readonly signatures: readonly { readonly keyid: string; readonly method: string; readonly sig: string }[];
}
const load = (role: string) =>
  readFileSync(new URL(`../../test/vectors/notary-v1/vec-demo/${role}.json`, import.meta.url));
const rootFile = JSON.parse(load("root").toString("utf8")) as File;

for (const role of ["root", "timestamp", "snapshot", "targets"]) {
  test(`vector A.5: the signature of a real ${role} verifies, and no longer after one byte changed`, () => {
    const bytes = load(role);
    const signed = parseJsonDocument(bytes).members.get("signed");
    const [{ keyid, method, sig } = assert.fail()] = (JSON.parse(bytes.toString("utf8")) as File).signatures;
    const { keytype, keyval } = rootFile.signed.keys[keyid] ?? assert.fail();
    const key = new PublicKey(keytype, decodeBase64(keyval.public));
    const canonical = fileFormToCanonical(signed?.bytes ?? assert.fail());
    const value = decodeBase64(sig);
    assert.equal(verifySignature(key, { keyId: keyid, method, value }, canonical), true);
    const changed = Buffer.from(canonical);
    changed[changed.length - 2] = (changed.at(-2) ?? 0) ^ 1;
    assert.equal(verifySignature(key, { keyId: keyid, method, value }, changed), false);
  });
}

for (const [namedCurve, length] of [
  ["P-256", 64],
  ["P-384", 96],
  ["P-521", 132],
  ["P-224", 56],
] as const) {
  test(`verifies ECDSA on ${namedCurve} with SHA-256 and ${length} bytes, and refuses every other length and DER`, () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve });
    const key = PublicKey.fromSpki(spkiOf(publicKey));
    const value = sign("sha256", payload, { key: privateKey, dsaEncoding: "ieee-p1363" });
    assert.equal(value.length, length);
    assert.equal(verifySignature(key, signature("ecdsa", value), payload), true);
    assert.equal(verifySignature(key, signature("ECDSA", value), payload), true, "methods are read without case");
    const der = sign("sha256", payload, { key: privateKey, dsaEncoding: "der" });
    const padded = Buffer.concat([Buffer.alloc(1), value]);
    for (const other of [der, padded, value.subarray(1), Buffer.alloc(0), Buffer.alloc(length)]) {
      assert.equal(verifySignature(key, signature("ecdsa", other), payload), false);
    }
    const sha512 = sign("sha512", payload, { key: privateKey, dsaEncoding: "ieee-p1363" });
    assert.equal(verifySignature(key, signature("ecdsa", sha512), payload), false);
  });
}

test("accepts an ECDSA signature with a high s, as Notary v1 does", async () => {
  const key = PrivateKey.generate("ecdsa");
  const { value } = await key.sign(payload);
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = BigInt(`0x${Buffer.from(value.subarray(32)).toString("hex")}`);
  const other = Buffer.from((order - s).toString(16).padStart(64, "0"), "hex");
  const flipped = Buffer.concat([value.subarray(0, 32), other]);
  assert.equal(verifySignature(key.publicKey, signature("ecdsa", flipped), payload), true);
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsaKey = PublicKey.fromSpki(spkiOf(rsa.publicKey));
const pss = (saltLength: number) =>
  sign("sha256", payload, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
const pkcs1 = (hash: string) => sign(hash, payload, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PADDING });

test("verifies RSA-PSS with a salt of exactly 32 bytes", () => {
  assert.equal(verifySignature(rsaKey, signature("rsapss", pss(32)), payload), true);
  for (const saltLength of [0, 20, 31, 33, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
    assert.equal(verifySignature(rsaKey, signature("rsapss", pss(saltLength)), payload), false);
  }
});

test("verifies RSA PKCS#1 v1.5 with SHA-256 only", () => {
  assert.equal(verifySignature(rsaKey, signature("rsapkcs1v15", pkcs1("sha256")), payload), true);
  assert.equal(verifySignature(rsaKey, signature("rsapkcs1v15", pkcs1("sha1")), payload), false);
  assert.equal(verifySignature(rsaKey, signature("rsapkcs1v15", pss(32)), payload), false);
  assert.equal(verifySignature(rsaKey, signature("rsapss", pkcs1("sha256")), payload), false);
  for (const method of ["rsapss", "rsapkcs1v15"]) {
    assert.equal(verifySignature(rsaKey, signature(method, pss(32).subarray(1)), payload), false);
  }
});

test("verifies the oldest clients' PSS method only for RSA keys written as PEM, and no other method for those", () => {
  const pem = rsa.publicKey.export({ type: "spki", format: "pem" });
  const pemKey = new PublicKey("rsa", Buffer.from(pem));
  const value = pss(32);
  assert.equal(verifySignature(pemKey, signature("pycrypto-pkcs#1 pss", value), payload), true);
  assert.equal(verifySignature(pemKey, signature("PyCrypto-PKCS#1 PSS", value), payload), true);
  assert.equal(verifySignature(rsaKey, signature("pycrypto-pkcs#1 pss", value), payload), false);
  assert.equal(verifySignature(pemKey, signature("rsapss", value), payload), false);
  assert.equal(verifySignature(pemKey, signature("rsapkcs1v15", pkcs1("sha256")), payload), false);
});

test("I9: refuses a 1024-bit RSA key whatever it signed", () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const key = new PublicKey("rsa", spkiOf(weak.publicKey));
  const value = sign("sha256", payload, {
    key: weak.privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
  assert.equal(verifySignature(key, signature("rsapss", value), payload), false);
});

test("verifies Ed25519 with the first vector of RFC 8032", () => {
  const key = new PublicKey("ed25519", decodeBase64("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="));
  const value = Buffer.from(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    "hex",
  );
  assert.equal(verifySignature(key, signature("eddsa", value), Buffer.alloc(0)), true);
  assert.equal(verifySignature(key, signature("eddsa", value), payload), false);
  assert.equal(verifySignature(key, signature("eddsa", value.subarray(1)), Buffer.alloc(0)), false);
});

test("I9: key-type confusion: each method verifies only with its own kind of key", async () => {
  const signers = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ed25519"), PrivateKey.fromPkcs8(rsaPkcs8())];
  const methods = ["ecdsa", "rsapss", "rsapkcs1v15", "eddsa", "pycrypto-pkcs#1 pss", "none", "", "hmac"];
  const keyTypes = ["ecdsa", "rsa", "ed25519", "ecdsa-x509", "rsa-x509", "none"];
  for (const signer of signers) {
    const { method, value } = await signer.sign(payload);
    for (const other of methods) {
      assert.equal(verifySignature(signer.publicKey, signature(other, value), payload), other === method);
    }
    for (const keyType of keyTypes) {
      const renamed = new PublicKey(keyType, signer.publicKey.bytes);
      assert.equal(verifySignature(renamed, signature(method, value), payload), keyType === signer.publicKey.keyType);
    }
  }
});

function rsaPkcs8(): Buffer {
  return rsa.privateKey.export({ type: "pkcs8", format: "der" });
}

test("verifies with the certificate of an x509 key", async () => {
  for (const key of [PrivateKey.generate("ecdsa"), PrivateKey.fromPkcs8(rsaPkcs8())]) {
    const x509 = PublicKey.fromCertificatePem(await createRootCertificate(key, "localhost/a", new Date()));
    const { method, value } = await key.sign(payload);
    assert.equal(verifySignature(x509, signature(method, value), payload), true);
    assert.equal(x509.canonicalKeyId, key.publicKey.keyId);
  }
  const legacy = PublicKey.fromCertificatePem(
    await createRootCertificate(PrivateKey.fromPkcs8(rsaPkcs8()), "localhost/a", new Date()),
  );
  assert.equal(verifySignature(legacy, signature("rsapkcs1v15", pkcs1("sha256")), payload), true);
});

test("fuzz: a changed signature never verifies and never throws", async () => {
  const keys = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ed25519"), PrivateKey.fromPkcs8(rsaPkcs8())];
  for (const key of keys) {
    const { method, value } = await key.sign(payload);
    fc.assert(
      fc.property(hostileBytes(value), (hostile) => {
        const expected = hostile.equals(value);
        assert.equal(verifySignature(key.publicKey, signature(method, hostile), payload), expected);
      }),
      { numRuns: Math.ceil(fuzzRuns / 3) },
    );
  }
});

test("signs with keys of every curve read from elsewhere", async () => {
  for (const namedCurve of ["P-224", "P-384", "P-521"]) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve });
    const key = PrivateKey.fromPkcs8(privateKey.export({ type: "pkcs8", format: "der" }));
    const { method, value } = await key.sign(payload);
    assert.equal(verifySignature(key.publicKey, signature(method, value), payload), true);
    assert.ok(createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })));
  }
});
