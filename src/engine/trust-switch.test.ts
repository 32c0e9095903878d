import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTrustOn } from "./trust-switch.ts";

describe("the trust switch", () => {
  for (const value of [undefined, "", "0", "f", "F", "false", "False", "FALSE"]) {
    it(`is off for DOCKER_CONTENT_TRUST=${value ?? " (unset)"}`, () => {
      assert.equal(isTrustOn({ DOCKER_CONTENT_TRUST: value }, undefined), false);
    });
  }

  for (const value of ["1", "t", "T", "true", "True", "TRUE", "banana", "no", "off", " ", "2"]) {
    it(`I9: is on for DOCKER_CONTENT_TRUST=${value}, a boolean or not`, () => {
      assert.equal(isTrustOn({ DOCKER_CONTENT_TRUST: value }, undefined), true);
    });
  }

  it("is overruled by the flag in both directions", () => {
    assert.equal(isTrustOn({ DOCKER_CONTENT_TRUST: "1" }, true), false);
    assert.equal(isTrustOn({}, false), true);
    assert.equal(isTrustOn({ DOCKER_CONTENT_TRUST: "0" }, false), true);
  });
});
