import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { describe, test } from "node:test";
import { createRootCertificate } from "../crypto/certificate.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import { PublicKey } from "../crypto/public-key.ts";
import type { Signature } from "../crypto/signature.ts";
import { encodeBase64 } from "../encoding/base64.ts";
import { derBitString, derOid, derSequence } from "../encoding/der.ts";
import { errorCodes, MetadataError } from "../errors.ts";
import { isSignedBy, verifyThreshold } from "./threshold.ts";

const payload = Buffer.from('{"_type":"Targets"}');
const [a, b, stranger] = [
  PrivateKey.generate("ecdsa"),
  PrivateKey.generate("ed25519"),
  PrivateKey.generate("ecdsa"),
] as const;
const keys = new Map([a, b].map((key) => [key.publicKey.keyId, key.publicKey]));
const ids = [...keys.keys()];

async function signedBy(
  ...signers: readonly PrivateKey[]
): Promise<{ role: string; signedBytes: Uint8Array; signatures: Signature[] }> {
  const signatures = await Promise.all(
    signers.map(async (key) => ({ keyId: key.publicKey.keyId, ...(await key.sign(payload)) })),
  );
  return { role: "targets", signedBytes: payload, signatures };
}

test("names the keys that signed", async () => {
  assert.deepEqual(verifyThreshold(await signedBy(b, a), { keyIds: ids, threshold: 2 }, keys), [
    b.publicKey.keyId,
    a.publicKey.keyId,
  ]);
});

test("I2: a key counts once, however often it signed", async () => {
  const file = await signedBy(a, a, a);
  assert.deepEqual(verifyThreshold(file, { keyIds: ids, threshold: 1 }, keys), [a.publicKey.keyId]);
  assert.throws(() => verifyThreshold(file, { keyIds: ids, threshold: 2 }, keys), {
    code: "METADATA_THRESHOLD_NOT_MET",
    message: "valid signatures did not meet threshold for targets",
    hint: "1 of the 2 keys of this role signed it, 2 must.",
  });
});

test("I2: a key listed twice for a role counts once", async () => {
  const roleKeys = { keyIds: [a.publicKey.keyId, a.publicKey.keyId], threshold: 2 };
  assert.throws(() => verifyThreshold({ ...file1, signatures: file1.signatures }, roleKeys, keys), {
    code: "METADATA_THRESHOLD_NOT_MET",
  });
});
const file1 = await signedBy(a);

test("I2: two certificates for one key count once", async () => {
  const certificate = async (): Promise<PublicKey> =>
    PublicKey.fromCertificatePem(
      await createRootCertificate(a, "registry.example/app", new Date("2026-01-01T00:00:00Z")),
    );
  const certificates = [await certificate(), await certificate()];
  const listed = new Map(certificates.map((key) => [key.keyId, key]));
  assert.equal(listed.size, 2);
  const { value, method } = await a.sign(payload);
  const file = {
    role: "root",
    signedBytes: payload,
    signatures: [...listed.keys()].map((keyId) => ({ keyId, method, value })),
  };
  assert.equal(verifyThreshold(file, { keyIds: [...listed.keys()], threshold: 1 }, listed).length, 2);
  assert.throws(() => verifyThreshold(file, { keyIds: [...listed.keys()], threshold: 2 }, listed), {
    code: "METADATA_THRESHOLD_NOT_MET",
  });
});

test("I2: one RSA key spelled in several ways counts once", async () => {
  const rsa = PrivateKey.generate("rsa");
  const spki = rsa.publicKey.bytes;
  const pem = `-----BEGIN PUBLIC KEY-----\n${encodeBase64(spki)}\n-----END PUBLIC KEY-----\n`;
  // The same key without the NULL that its algorithm usually has, and as the PEM text of very old clients.
  const withoutNull = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }).export({
    format: "der",
    type: "pkcs1",
  });
  const bare = derSequence(derSequence(derOid("1.2.840.113549.1.1.1")), derBitString(withoutNull));
  const spellings = [spki, bare, Buffer.from(pem)].map((bytes) => new PublicKey("rsa", bytes));
  const listed = new Map(spellings.map((key) => [key.keyId, key]));
  assert.equal(listed.size, 3);
  const { value } = await rsa.sign(payload);
  const signatures = spellings.map(({ keyId }, index) => ({
    keyId,
    method: index === 2 ? "pycrypto-pkcs#1 pss" : "rsapss",
    value,
  }));
  const file = { role: "targets", signedBytes: payload, signatures };
  const keyIds = [...listed.keys()];
  assert.equal(verifyThreshold(file, { keyIds, threshold: 1 }, listed).length, 3, "each spelling verifies");
  assert.throws(() => verifyThreshold(file, { keyIds, threshold: 2 }, listed), { code: "METADATA_THRESHOLD_NOT_MET" });
});

test("ignores signatures of other keys, damaged ones and unknown methods", async () => {
  const good = await signedBy(a);
  const [signature] = good.signatures;
  assert.ok(signature);
  const noise = [
    ...(await signedBy(stranger)).signatures,
    { ...signature, value: Buffer.alloc(64) },
    { ...signature, method: "rot13" },
    { ...signature, keyId: b.publicKey.keyId },
  ];
  const file = { ...good, signatures: [...noise, ...good.signatures] };
  assert.deepEqual(verifyThreshold(file, { keyIds: ids, threshold: 1 }, keys), [a.publicKey.keyId]);
  assert.throws(() => verifyThreshold({ ...good, signatures: noise }, { keyIds: ids, threshold: 1 }, keys), {
    code: "METADATA_THRESHOLD_NOT_MET",
  });
});

test("I9: a key that the role does not name does not count although the file lists it", () => {
  assert.throws(() => verifyThreshold(file1, { keyIds: [b.publicKey.keyId], threshold: 1 }, keys), {
    code: "METADATA_THRESHOLD_NOT_MET",
  });
  assert.throws(() => verifyThreshold(file1, { keyIds: null, threshold: 1 }, keys), {
    code: "METADATA_THRESHOLD_NOT_MET",
  });
  assert.throws(() => verifyThreshold(file1, { keyIds: ids, threshold: 1 }, new Map()), {
    code: "METADATA_THRESHOLD_NOT_MET",
  });
});

test("I2: thresholds below one, or that are no whole number, are malformed", () => {
  for (const threshold of [0, -1, 0.5, Number.NaN]) {
    assert.throws(() => verifyThreshold(file1, { keyIds: ids, threshold }, keys), {
      code: "METADATA_MALFORMED",
      message: `invalid threshold specified for targets: ${threshold}`,
    });
  }
});

test("no signatures at all: the message has the reference's words", async () => {
  assert.throws(() => verifyThreshold({ ...file1, signatures: [] }, { keyIds: ids, threshold: 1 }, keys), {
    code: "METADATA_THRESHOLD_NOT_MET",
    message: "tuf: data has no signatures",
  });
});

test("I2: a key listed under an ID that is not its own is an error, not a second key", () => {
  const alias = "f".repeat(64);
  const file = { ...file1, signatures: file1.signatures.map((signature) => ({ ...signature, keyId: alias })) };
  assert.throws(() => verifyThreshold(file, { keyIds: [alias], threshold: 1 }, new Map([[alias, a.publicKey]])), {
    code: "METADATA_KEY_ID_MISMATCH",
    message: `key ID is not valid for key content: targets lists ${a.publicKey.keyId} as ${alias}`,
  });
});

test("I2: a signature that verified once counts for nothing else, nor after its key was removed", async () => {
  const file = await signedBy(a);
  const roleKeys = { keyIds: ids, threshold: 1 };
  assert.deepEqual(verifyThreshold(file, roleKeys, keys), [a.publicKey.keyId]);
  assert.deepEqual(verifyThreshold(file, roleKeys, keys), [a.publicKey.keyId]);
  const refused = { code: "METADATA_THRESHOLD_NOT_MET" };
  const other = { ...file, signedBytes: Buffer.from('{"_type":"Targets","x":1}') };
  assert.throws(() => verifyThreshold(other, roleKeys, keys), refused);
  assert.throws(() => verifyThreshold(file, { keyIds: [b.publicKey.keyId], threshold: 1 }, keys), refused);
  const impostor = new Map([[a.publicKey.keyId, stranger.publicKey]]);
  assert.throws(() => verifyThreshold(file, roleKeys, impostor), { code: "METADATA_KEY_ID_MISMATCH" });
});

describe("whether a file is signed", () => {
  const enough = { keyIds: ids, threshold: 1 };

  test("by enough keys: yes; by too few, by others or by none: no", async () => {
    assert.equal(isSignedBy(await signedBy(a), enough, keys), true);
    assert.equal(isSignedBy(await signedBy(a), { keyIds: ids, threshold: 2 }, keys), false);
    assert.equal(isSignedBy(await signedBy(stranger), enough, keys), false);
    assert.equal(isSignedBy(await signedBy(), enough, keys), false);
    assert.equal(isSignedBy(file1, { keyIds: null, threshold: 1 }, keys), false);
  });

  test("I2: by a key under an ID that is not its own: no", () => {
    const alias = "f".repeat(64);
    const file = { ...file1, signatures: file1.signatures.map((signature) => ({ ...signature, keyId: alias })) };
    assert.equal(isSignedBy(file, { keyIds: [alias], threshold: 1 }, new Map([[alias, a.publicKey]])), false);
  });

  test("I9: is not answered for a role without a threshold", () => {
    for (const threshold of [0, Number.NaN])
      assert.throws(() => isSignedBy(file1, { keyIds: ids, threshold }, keys), { code: "METADATA_MALFORMED" });
  });

  test("I9: no other error, of whatever code, and no defect counts as an answer", () => {
    const failing = (error: unknown): Map<string, PublicKey> =>
      Object.assign(new Map<string, PublicKey>(), {
        get: () => {
          throw error;
        },
      });
    const answers = ["METADATA_THRESHOLD_NOT_MET", "METADATA_KEY_ID_MISMATCH"];
    for (const code of errorCodes.filter((other) => !answers.includes(other)))
      assert.throws(() => isSignedBy(file1, enough, failing(new MetadataError(code, "no answer"))), { code });
    for (const defect of [new TypeError("undefined is not a function"), new RangeError("out of range")])
      assert.throws(() => isSignedBy(file1, enough, failing(defect)), defect);
  });
});
