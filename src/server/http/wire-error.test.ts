import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fileNotFound, WireError } from "./wire-error.ts";

describe("error bodies", () => {
  it("are written as Notary's server writes them", () => {
    const message = "You have requested metadata that does not exist.";
    assert.equal(
      fileNotFound().toBody(),
      `{"errors":[{"code":"METADATA_NOT_FOUND","message":"${message}","detail":{}}]}\n`,
    );
    const role = new WireError("INVALID_ROLE", { detail: "hostname" });
    assert.equal(role.status, 400);
    assert.equal(
      role.toBody(),
      '{"errors":[{"code":"INVALID_ROLE","message":"The role you are attempting to operate on is invalid.","detail":"hostname"}]}\n',
    );
  });

  it("omit the detail when there is none", () => {
    assert.doesNotMatch(new WireError("MALFORMED_UPLOAD").toBody(), /detail/u);
  });

  it("never exceed the 1 KiB a client reads, and stay JSON with the same kind", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 200, maxLength: 3000 }), (Msg) => {
        const detail = { Name: "ErrBadTargets", Error: { Msg } };
        const body = new WireError("INVALID_UPDATE", { detail }).toBody();
        assert.ok(Buffer.byteLength(body) <= 1024);
        const parsed = JSON.parse(body) as { errors: [{ detail: typeof detail }] };
        assert.equal(parsed.errors[0].detail.Name, "ErrBadTargets");
      }),
    );
  });

  it("drop a long detail that cannot be shortened", () => {
    const detail = Array.from({ length: 100 }, () => ({ Type: "repository" }));
    assert.doesNotMatch(new WireError("UNAUTHORIZED", { detail }).toBody(), /detail/u);
  });

  it("shorten a long text", () => {
    assert.match(new WireError("INVALID_ROLE", { detail: "r".repeat(5000) }).toBody(), /rrr…"\}\]\}\n$/u);
  });
});
