import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { describe, it } from "node:test";
import { derInteger, derSequence } from "../encoding/der.ts";
import { rawEcdsaSignature } from "./ecdsa-signature.ts";

describe("ECDSA signatures of services", () => {
  for (const [namedCurve, coordinateBytes] of [
    ["P-256", 32],
    ["P-521", 66],
  ] as const) {
    it(`in DER become r and s, on ${namedCurve}`, () => {
      const { privateKey, publicKey: key } = generateKeyPairSync("ec", { namedCurve });
      for (let count = 0; count < 50; count++) {
        const payload = Buffer.from(`payload ${count}`);
        const raw = rawEcdsaSignature(sign("sha256", payload, privateKey), coordinateBytes);
        assert.ok(verify("sha256", payload, { key, dsaEncoding: "ieee-p1363" }, raw));
        assert.equal(rawEcdsaSignature(raw, coordinateBytes), raw);
      }
    });
  }

  it("with small numbers are padded, and with large ones refused", () => {
    const small = rawEcdsaSignature(derSequence(derInteger(1), derInteger(2)), 32);
    assert.deepEqual([small.length, small[31], small[63]], [64, 1, 2]);
    const large = derSequence(derInteger(Buffer.alloc(33, 1)), derInteger(2));
    assert.throws(() => rawEcdsaSignature(large, 32), { code: "DER_MALFORMED" });
    assert.throws(() => rawEcdsaSignature(Buffer.from("nonsense"), 32), { code: "DER_MALFORMED" });
  });
});
