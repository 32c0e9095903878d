import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requireGun, requirePrefix } from "./gun.ts";

describe("names of collections", () => {
  for (const gun of [
    "docker.io/library/alpine",
    "localhost:5000/a/first",
    "vec/demo",
    "x",
    "[::1]:5000/a..b/_c",
    "é/ß",
  ]) {
    it(`accepts ${gun}`, () => requireGun(gun));
  }

  const hostile = [
    "",
    "..",
    "a/../b",
    "a/./b",
    "/a",
    "a/",
    "a//b",
    "a\u0000b",
    "a\nb",
    "a b",
    "a\\b",
    "a*",
    "_trust",
    "a/_trust/b",
  ];
  for (const gun of [...hostile, "a".repeat(256), "é".repeat(128), "\ud800"]) {
    it(`I8: refuses ${JSON.stringify(gun.slice(0, 20))}`, () => {
      assert.throws(() => requireGun(gun), { wireCode: "INVALID_GUN", status: 400 });
    });
  }

  it("refuses publishers outside the operator's prefixes, in the reference's words", () => {
    const prefixes = ["docker.io/", "reg.example.com/"];
    requirePrefix("docker.io/library/alpine", prefixes, true);
    requirePrefix("anything", [], true);
    const detail = "Require GUNs with prefix: [docker.io/ reg.example.com/]";
    assert.throws(() => requirePrefix("other/x", prefixes, true), { wireCode: "INVALID_GUN", detail });
    assert.throws(() => requirePrefix("other/x", prefixes, false), {
      wireCode: "METADATA_NOT_FOUND",
      detail: undefined,
    });
  });
});
