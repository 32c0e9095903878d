import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256, sha256Hex, sha512 } from "./sha256.ts";

test("hashes the vectors of FIPS 180", () => {
  const abc = Buffer.from("abc");
  const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(sha256(abc).toString("hex"), expected);
  assert.equal(sha256Hex(abc), expected);
  assert.equal(sha512(abc).toString("hex").slice(0, 32), "ddaf35a193617abacc417349ae204131");
});
