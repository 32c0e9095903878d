import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "../errors.ts";
import {
  formatPlatform,
  isUnknownPlatform,
  machinePlatform,
  parsePlatform,
  parsePlatformJson,
  platformRank,
  runsOn,
} from "./platform.ts";

test("spellings of one platform are one platform", () => {
  for (const [written, meant] of [
    ["linux/amd64", "linux/amd64"],
    ["Linux/x86_64", "linux/amd64"],
    ["amd64", "linux/amd64"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm64/8", "linux/arm64"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/i386", "linux/386"],
    ["macos/arm64", "darwin/arm64"],
  ] as const) {
    assert.equal(formatPlatform(parsePlatform(written)), meant);
  }
  assert.equal(formatPlatform(machinePlatform("x64")), "linux/amd64");
});

test("refuses invalid platforms", () => {
  for (const text of ["", "linux/", "/amd64", "a/b/c/d", "linux/amd 64", "linux/../x", "*"]) {
    assert.throws(
      () => parsePlatform(text),
      (error) => hasCode(error, "USAGE"),
      text,
    );
  }
});

test("the spellings of a variant rank equally, those of arm64 with a fraction included", () => {
  const arm = (variant: string) => ({ os: "linux", architecture: "arm64", variant });
  assert.equal(platformRank(arm("8"), arm("v8")), platformRank(arm("v8"), arm("v8")));
  assert.ok(runsOn(arm("v8"), arm("v8.5")) && runsOn(arm("v8.1"), arm("v9")));
  assert.ok(!runsOn(arm("v8.5"), arm("v8")) && !runsOn(arm("v9"), arm("v8")));
  const amd = { os: "linux", architecture: "amd64" };
  assert.ok(!runsOn({ ...amd, variant: "strange" }, amd));
});

test("no image is for unknown/unknown, even when that is requested", () => {
  const unknown = { os: "unknown", architecture: "unknown" };
  assert.ok(!runsOn(unknown, unknown));
  assert.ok(isUnknownPlatform({ os: "linux", architecture: "unknown" }));
});

test("a platform without usable members counts as absent", () => {
  for (const value of [
    undefined,
    null,
    "linux",
    {},
    { os: "linux" },
    { os: "linux", architecture: "a/b" },
    { os: 1, architecture: 2 },
  ]) {
    assert.equal(parsePlatformJson(value), undefined);
  }
});
