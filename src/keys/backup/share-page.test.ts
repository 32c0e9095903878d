import assert from "node:assert/strict";
import { test } from "node:test";
import * as jsqr from "jsqr";
import { parseShare, shareText } from "./share-text.ts";
import type { KeyShare } from "./share-text.ts";
import { pageName, picturePage, textPage } from "./share-page.ts";

const share: KeyShare = {
  set: "ab12cd34ef",
  needed: 3,
  made: 5,
  number: 2,
  point: Uint8Array.from({ length: 33 }, (_, index) => 255 - index),
};
const details = { backup: "keys <1> & more.age", madeAt: new Date("2026-11-29T10:00:00Z") };
const scale = 6;
/** The package is CommonJS, and its types are those of an ES module. */
const read = jsqr.default as unknown as typeof jsqr.default.default;

/** What an independent reader sees in a code. @param dark whether the module at a place is dark */
function scanned(size: number, dark: (x: number, y: number) => boolean): string | undefined {
  const width = size * scale;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let at = 0; at < width * width; at += 1) {
    const [x, y] = [Math.floor((at % width) / scale), Math.floor(Math.floor(at / width) / scale)];
    if (dark(x, y)) pixels.fill(0, at * 4, at * 4 + 3);
  }
  return read(pixels, width, width)?.data;
}

test("the page to print has the share as text and as a QR code that another program reads", async () => {
  const page = await picturePage(share, details);
  const size = Number(/viewBox="0 0 (\d+) \1" shape/u.exec(page)?.[1]);
  const modules = new Set([...page.matchAll(/M(\d+) (\d+)h1/gu)].map(([, x, y]) => `${x} ${y}`));
  assert.equal(
    scanned(size, (x, y) => modules.has(`${x} ${y}`)),
    shareText(share),
  );
  assert.ok(page.includes("keys &lt;1&gt; &amp; more.age"));
  assert.deepEqual(parseShare(page.replaceAll(/<[^>]*>/gu, "\n"), "it").number, 2);
});

for (const medium of ["paper", "screen"] as const) {
  test(`the page of text for ${medium} has them, too, and instructions`, async () => {
    const page = await textPage(share, details, medium);
    assert.equal(parseShare(page, "it").number, 2);
    const rows = page.split("\n").filter((line) => /[█▀▄]/u.test(line));
    const upper = new Set(["█", "▀"]);
    const lower = new Set(["█", "▄"]);
    const inked = (x: number, y: number): boolean =>
      (y % 2 === 0 ? upper : lower).has(rows[Math.floor(y / 2)]?.[x] ?? " ");
    const size = Math.max(...rows.map((row) => row.length));
    assert.equal(
      scanned(size, (x, y) => inked(x, y) === (medium === "paper")),
      shareText(share),
    );
    assert.match(page, /Any 3 of the 5 shares/u);
    assert.match(page, /tagseal trust key restore --shares keys/u);
    assert.match(page, /Set: {4}AB12C D34EF/u);
    assert.ok(page.split("\n").every((line) => line.length <= 96));
  });
}

test("pages are named by their numbers", () => {
  assert.equal(pageName(share), "share-2-of-5");
});
