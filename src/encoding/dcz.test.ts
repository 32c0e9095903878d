import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { fuzzRuns, hostileBytes } from "../../test/support/fuzz.ts";
import { hasCode } from "../errors.ts";
import { commonWindowBytes, dczHeader, decodeDcz, encodeDcz, supportsDcz } from "./dcz.ts";
import { zstdFrameOf } from "./zstd-frame.ts";

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** Lines that do not compress, as in a list of tags. */
function lines(count: number): Buffer {
  const text = Array.from(
    { length: count },
    (_, at) => `"t${at}":"${sha256(Buffer.from(`${at}`)).toString("base64")}",`,
  );
  return Buffer.from(text.join("\n"));
}

/** A frame by hand, with the letter x in it, that asks for a window of `2 ** window` bytes. */
function wideFrame(window: number): Buffer {
  return Buffer.concat([
    Buffer.from("28b52ffd00", "hex"),
    Buffer.of((window - 10) << 3),
    Buffer.from("090000", "hex"),
    Buffer.from("x"),
  ]);
}

const old = lines(2000);
const changed = Buffer.concat([old.subarray(0, 5000), Buffer.from("one more"), old.subarray(5000)]);
const coded = await encodeDcz(changed, old, sha256(old));

describe("the content coding dcz", () => {
  it("works in this runtime", async () => assert.equal(await supportsDcz(), true));

  it("is the header of RFC 9842 and one frame, about as long as the change", async () => {
    assert.equal(coded.subarray(0, 8).toString("hex"), "5e2a4d1820000000");
    assert.deepEqual(coded.subarray(8, 40), sha256(old));
    assert.deepEqual(dczHeader(coded), {
      dictionary: sha256(old).toString("hex"),
      contentBytes: changed.length,
      windowBytes: changed.length,
    });
    assert.ok(coded.length < 300, `${coded.length} bytes`);
    assert.deepEqual(Buffer.from(await decodeDcz(coded, old, changed.length)), changed);
  });

  it("keeps the change small in a list of 100,000 tags", async () => {
    const [large, larger] = [lines(100_000), lines(100_001)];
    const made = await encodeDcz(larger, large, sha256(large));
    assert.ok(made.length < 4096, `${made.length} bytes`);
    assert.ok((zstdFrameOf(made.subarray(40))?.windowBytes ?? Infinity) <= commonWindowBytes(large.length));
  });

  it("I1: refuses a longer content than allowed before it decodes, by the declared length", async () => {
    await assert.rejects(decodeDcz(coded, old, changed.length - 1), { code: "TOO_LARGE" });
    // What follows the declared length is not even looked at.
    await assert.rejects(decodeDcz(coded.subarray(0, 52), old, changed.length - 1), { code: "TOO_LARGE" });
  });

  it("I1: stops a bomb at the bound when the frame does not declare a length", async () => {
    const params = { [constants.ZSTD_c_contentSizeFlag]: 0 };
    const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024), { params });
    const hidden = Buffer.concat([coded.subarray(0, 40), bomb]);
    assert.equal(dczHeader(hidden).contentBytes, undefined);
    assert.ok(bomb.length < 10_000);
    await assert.rejects(decodeDcz(hidden, old, 100_000), { code: "TOO_LARGE" });
  });

  it("I1: refuses a window that would take more memory than the content may have", async () => {
    const framed = (window: number): Buffer => Buffer.concat([coded.subarray(0, 40), wideFrame(window)]);
    assert.equal(Buffer.from(await decodeDcz(framed(23), old, 1000)).toString(), "x");
    await assert.rejects(decodeDcz(framed(27), old, 1000), { code: "DCZ_MALFORMED", message: /window/u });
  });

  it("I9: refuses a dictionary other than the one it was made with, or says other bytes", async () => {
    const outcome = await decodeDcz(coded, lines(1999), changed.length).catch((error: unknown) => error);
    assert.ok(hasCode(outcome, "DCZ_MALFORMED", "TOO_LARGE"));
  });

  for (const [what, bytes] of [
    ["nothing", Buffer.alloc(0)],
    ["a header alone", coded.subarray(0, 40)],
    ["a frame without the header", coded.subarray(40)],
    ["another skippable frame as header", Buffer.concat([Buffer.from("502a4d1820000000", "hex"), coded.subarray(8)])],
    ["a frame that is cut off", coded.subarray(0, -20)],
    ["a frame cut in its header", coded.subarray(0, 44)],
    ["something after the frame", Buffer.concat([coded, Buffer.from("more")])],
    ["a second frame", Buffer.concat([coded, coded.subarray(40)])],
    ["an empty second frame", Buffer.concat([coded, zstdCompressSync(Buffer.alloc(0))])],
  ] as const) {
    it(`I9: refuses ${what}`, async () => {
      await assert.rejects(decodeDcz(bytes, old, 2 * changed.length), (error) =>
        hasCode(error, "DCZ_MALFORMED", "TOO_LARGE"),
      );
    });
  }

  it("I9: decodes hostile bytes to what their frame declares, within the bound, or refuses them", async () => {
    const declared = Buffer.concat([coded.subarray(0, 40), zstdCompressSync(changed, { dictionary: old })]);
    await fc.assert(
      fc.asyncProperty(hostileBytes(coded, declared), async (bytes) => {
        try {
          const content = await decodeDcz(bytes, old, changed.length);
          assert.ok(content.length <= changed.length);
        } catch (error) {
          assert.ok(hasCode(error, "DCZ_MALFORMED", "TOO_LARGE"), String(error));
        }
      }),
      { numRuns: fuzzRuns },
    );
  });
});

describe("the header of a zstd frame", () => {
  it("has the length in each of its forms", () => {
    for (const size of [0, 1, 255, 256, 65_791, 65_792, 1_000_000])
      assert.equal(zstdFrameOf(zstdCompressSync(Buffer.alloc(size), { pledgedSrcSize: size }))?.contentBytes, size);
    const eight = Buffer.from("28b52ffde0ffffffffff0f0000", "hex");
    assert.equal(zstdFrameOf(eight)?.contentBytes, 2 ** 44 - 1);
  });

  it("has the window when the length is not there", () => {
    assert.deepEqual(zstdFrameOf(wideFrame(20)), { windowBytes: 2 ** 20, contentBytes: undefined });
  });
});
