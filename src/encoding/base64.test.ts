import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase64, encodeBase64 } from "./base64.ts";

test("round trip: bytes survive", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) =>
      assert.deepEqual(Buffer.from(decodeBase64(encodeBase64(bytes))), Buffer.from(bytes)),
    ),
  );
});

test("writes and reads the vectors of RFC 4648", () => {
  for (const [plain, encoded] of [
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foobar", "Zm9vYmFy"],
  ] as const) {
    assert.equal(encodeBase64(Buffer.from(plain)), encoded);
    assert.equal(Buffer.from(decodeBase64(encoded)).toString("utf8"), plain);
  }
});

const spellings = [
  "Zg",
  "Zg=",
  "Zg===",
  "Zh==",
  "Zm9=",
  "Z m9v",
  "Zm9v\n",
  "-_-_",
  "Zm9v====",
  "Zg==Zg==",
  "Zm9v!",
  "=",
  "\u0141AAA",
];
for (const text of spellings) {
  test(`refuses ${JSON.stringify(text)}, which the platform would take`, () => {
    assert.throws(() => decodeBase64(text), { code: "BASE64_MALFORMED" });
  });
}
