import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { encode, preferredCoding } from "./content-coding.ts";

describe("the preferred coding", () => {
  for (const [header, coding] of [
    [undefined, "identity"],
    ["", "identity"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["br", "br"],
    ["gzip, deflate, br", "br"],
    ["gzip;q=1.0, br;q=0.9", "gzip"],
    ["gzip;q=0.5, br;q=0.5", "br"],
    ["GZip ; Q=0.5", "gzip"],
    ["*", "br"],
    ["*;q=0.1, gzip", "gzip"],
    ["br;q=0, *", "gzip"],
    ["identity, br;q=0.5", "identity"],
    ["identity;q=0.5, br;q=0.6", "br"],
    ["gzip;q=0, br;q=0.000", "identity"],
    ["identity;q=0", "identity"],
    ["identity;q=0, *;q=0", "identity"],
    ["zstd, deflate", "identity"],
    ["notgzip", "identity"],
    ["gzip;q=2", "identity"],
    ["gzip;q=abc, br;q=0.1", "br"],
    ["gzip;level=9", "identity"],
    [`${"gzip,".repeat(1000)}br`, "identity"],
  ] as const) {
    it(`of ${JSON.stringify(header?.slice(0, 40))} is ${coding}`, () => assert.equal(preferredCoding(header), coding));
  }
});

describe("compressing", () => {
  it("decodes to the same bytes, and is shorter", async () => {
    const entries = Array.from({ length: 500 }, (_, number) => [`v${number}`, { length: number }]);
    const bytes = Buffer.from(JSON.stringify({ targets: Object.fromEntries(entries) }));
    const [br, gzip] = [await encode(bytes, "br"), await encode(bytes, "gzip")];
    assert.deepEqual(brotliDecompressSync(br), bytes);
    assert.deepEqual(gunzipSync(gzip), bytes);
    assert.ok(br.length < gzip.length && gzip.length < bytes.length / 2);
  });
});
