import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "../errors.ts";
import { describe, type Descriptor, mediaTypes } from "./manifest.ts";
import {
  formatPlatform,
  machinePlatform,
  parsePlatform,
  parsePlatformJson,
  runsOn,
  selectPlatform,
} from "./platform.ts";

/** An index entry for `os/architecture[/variant]`, exactly as written. */
function entry(text: string): Descriptor {
  const [os = "", architecture = "", variant] = text.split("/");
  const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  return { ...describe(Buffer.from(text), mediaTypes.ociManifest), platform };
}

function chosen(wanted: string, ...offered: string[]): string | undefined {
  const manifests = offered.map(entry);
  const { digest } = selectPlatform({ manifests }, wanted);
  return offered[manifests.findIndex((manifest) => manifest.digest === digest)];
}

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

test("refuses what is no platform", () => {
  for (const text of ["", "linux/", "/amd64", "a/b/c/d", "linux/amd 64", "linux/../x", "*"]) {
    assert.throws(
      () => parsePlatform(text),
      (error) => hasCode(error, "USAGE"),
      text,
    );
  }
});

test("chooses the best variant that still runs there", () => {
  assert.equal(chosen("linux/arm/v7", "linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm64"), "linux/arm/v7");
  assert.equal(chosen("linux/arm/v7", "linux/arm/v5", "linux/arm/v6", "linux/arm/v8"), "linux/arm/v6");
  assert.equal(chosen("linux/arm64", "linux/amd64", "linux/arm64/v8"), "linux/arm64/v8");
  assert.equal(chosen("linux/arm64/v8", "linux/arm64"), "linux/arm64");
  assert.equal(chosen("linux/amd64", "linux/amd64/v2", "linux/amd64"), "linux/amd64");
  assert.equal(chosen("linux/amd64/v3", "linux/amd64", "linux/amd64/v2", "linux/amd64/v4"), "linux/amd64/v2");
  assert.equal(chosen("linux/amd64", "windows/amd64", "linux/amd64", "linux/amd64"), "linux/amd64");
});

test("never another architecture or a greater variant; says what there is instead", () => {
  const manifests = ["linux/amd64", "linux/arm64", "unknown/unknown"].map(entry);
  assert.throws(
    () => selectPlatform({ manifests }, "linux/s390x"),
    (error) => hasCode(error, "PLATFORM_NOT_FOUND") && error.hint === "it is available for linux/amd64, linux/arm64",
  );
  assert.throws(() => chosen("linux/arm/v6", "linux/arm/v7", "linux/arm64"), /not available for linux\/arm\/v6/);
  assert.throws(() => chosen("linux/amd64"), /not available/);
  assert.ok(
    !runsOn({ os: "linux", architecture: "amd64", variant: "strange" }, { os: "linux", architecture: "amd64" }),
  );
});

test("a platform that says nothing usable is none", () => {
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
