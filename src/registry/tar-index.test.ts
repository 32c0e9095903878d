import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../../test/support/registry-story.ts";
import { tarOf } from "../../test/support/tar-files.ts";
import { openTar } from "./tar-index.ts";

test("tar headers: long names, pax, hard links, numbers in base 256", async (t) => {
  const long = `${"d".repeat(90)}/${"e".repeat(120)}/layer.tar`;
  const path = await tarOf(t, [
    { name: long, content: "long" },
    { name: "déjà/vu", content: "unicode" },
    { name: "hard", type: "link", linkname: long },
    { name: "./dotted", content: "dotted" },
    { name: "loop", type: "symlink", linkname: "loop" },
  ]);
  const files = await openTar(path);
  const text = async (name: string): Promise<string> => Buffer.from(await files.read(name, 100)).toString();
  assert.equal(await text(long), "long");
  assert.equal(await text("déjà/vu"), "unicode");
  assert.equal(await text("hard"), "long");
  assert.equal(await text("dotted"), "dotted");
  assert.equal(await files.size("loop"), undefined);
  await refusal(files.read(long, 3), "IMAGE_MALFORMED", /more than the 3/);
});
