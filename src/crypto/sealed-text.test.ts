import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { openText, sealKeyBytes, sealText } from "./sealed-text.ts";

describe("sealed text", () => {
  const key = randomBytes(sealKeyBytes);

  it("I6: is opened under its key only, and only as it was sealed", () => {
    const sealed = sealText(key, "wonderland");
    assert.equal(sealed.includes("wonderland"), false);
    assert.equal(openText(key, sealed), "wonderland");
    assert.equal(openText(randomBytes(sealKeyBytes), sealed), undefined);
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      assert.equal(openText(key, changed), undefined, `byte ${at}`);
      assert.equal(openText(key, sealed.subarray(0, at)), undefined, `${at} bytes`);
    }
    assert.notDeepEqual(sealText(key, "wonderland"), sealed);
  });

  it("may be empty", () => {
    assert.equal(openText(key, sealText(key, "")), "");
  });
});
