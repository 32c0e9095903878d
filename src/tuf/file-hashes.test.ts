import assert from "node:assert/strict";
import { test } from "node:test";
import { consistentHash, verifyFileMeta } from "./file-hashes.ts";
import { fileMetaOf } from "./file-meta.ts";

const bytes = Buffer.from("hello notary\n");
const meta = fileMetaOf(bytes);

test("accepts the described bytes", () => {
  verifyFileMeta("targets", bytes, meta);
  assert.equal(consistentHash(meta), "64ab6e53abd7583364b6c36a1b2c77cc3f29956d89fd9c626f10008d90539c40");
});

test("refuses another length before it hashes anything", () => {
  assert.throws(() => verifyFileMeta("targets", bytes, { ...meta, length: 12 }), {
    code: "METADATA_LENGTH_MISMATCH",
    message: "targets has 13 bytes, expected 12",
  });
});

for (const algorithm of ["sha256", "sha512"]) {
  test(`refuses a wrong ${algorithm} although the other hash is right`, () => {
    const hashes = new Map(meta.hashes).set(algorithm, Buffer.alloc(algorithm === "sha256" ? 32 : 64));
    assert.throws(() => verifyFileMeta("targets", bytes, { ...meta, hashes }), {
      code: "METADATA_HASH_MISMATCH",
      message: `${algorithm} checksum for targets did not match: expected ${"00".repeat(algorithm === "sha256" ? 32 : 64)}`,
    });
  });
}

test("I9: refuses when no known algorithm is listed", () => {
  for (const hashes of [new Map(), new Map([["md5", Buffer.alloc(16)]])]) {
    assert.throws(() => verifyFileMeta("targets", bytes, { ...meta, hashes }), {
      code: "METADATA_HASH_MISMATCH",
      message: "no checksums for supported algorithms were provided for targets",
    });
  }
  assert.equal(consistentHash({ length: 1, hashes: new Map() }), undefined);
  assert.equal(consistentHash(undefined), undefined);
});

test("ignores unknown algorithms when a known one is listed", () => {
  verifyFileMeta("targets", bytes, { ...meta, hashes: new Map(meta.hashes).set("md5", Buffer.alloc(16)) });
});
