import assert from "node:assert/strict";
import { test } from "node:test";
import { gather } from "./gathered-bytes.ts";

const tooLarge = (): Error => new Error("too large");
const bytes = (text: string): Uint8Array => Buffer.from(text);

async function gathered(chunks: readonly string[], maxBytes: number): Promise<string> {
  return Buffer.from(await gather(chunks.map(bytes), maxBytes, tooLarge)).toString();
}

test("a stream is collected whole, up to the last byte allowed", async () => {
  assert.equal(await gathered([], 0), "");
  assert.equal(await gathered(["abc"], 3), "abc");
  assert.equal(await gathered(["ab", "", "c"], 3), "abc");
});

test("I1: one byte more is refused as soon as it arrives", async () => {
  await assert.rejects(gathered(["abc"], 2), tooLarge());
  let asked = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked += 1;
      yield bytes("ab");
    }
  }
  await assert.rejects(gather(endless(), 5, tooLarge), tooLarge());
  assert.equal(asked, 3);
});
