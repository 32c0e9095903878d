import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeHex, encodeHex } from "./hex.ts";

test("round trip: bytes survive", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) =>
      assert.deepEqual(Buffer.from(decodeHex(encodeHex(bytes))), Buffer.from(bytes)),
    ),
  );
});

test("writes lower case", () => {
  assert.equal(encodeHex(Uint8Array.of(0, 0xab, 0xff)), "00abff");
  assert.equal(encodeHex(Buffer.from("..ab").subarray(2)), "6162");
});

test("refuses odd lengths, upper case and other characters", () => {
  for (const text of ["0", "AB", "0g", " 00", "0x00", "00\n"])
    assert.throws(() => decodeHex(text), { code: "HEX_MALFORMED" });
});
