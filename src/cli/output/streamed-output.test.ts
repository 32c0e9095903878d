import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { captured } from "../captured-io.ts";
import { jsonPieces, StreamedList, writePieces } from "./streamed-output.ts";

test("streamed JSON is laid out as JSON.stringify lays it out", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 2 })), fc.constantFrom(2, 4), (elements, indent) => {
      const streamed = { name: "a\nb", gone: undefined, list: new StreamedList(() => elements), end: { of: [1] } };
      const whole = { name: "a\nb", list: elements, end: { of: [1] } };
      assert.equal([...jsonPieces(streamed, indent)].join(""), JSON.stringify(whole, undefined, indent));
      const nested = new StreamedList(() => [streamed]);
      assert.equal([...jsonPieces(nested, indent)].join(""), JSON.stringify([whole], undefined, indent));
    }),
  );
});

test("what a terminal would interpret is escaped in every piece", () => {
  const text = [...jsonPieces({ list: new StreamedList(() => ["\u009b2J"]), "\u202e": 1 }, 2)].join("");
  assert.equal(text.includes("\u009b") || text.includes("\u202e"), false);
});

test("a list is asked for its next element only when the last one was written", () => {
  const { io, stdout } = captured({ env: {}, now: () => new Date() });
  const line = "x".repeat(1000);
  let behind = 0;
  const lines = function* (): Generator<string, void> {
    for (let made = 0; made < 1000; made += 1) {
      behind = Math.max(behind, made * line.length - stdout().length);
      yield line;
    }
  };
  writePieces(io, lines());
  assert.equal(stdout().length, 1_000_000);
  assert.ok(behind < 70_000, `${behind} characters were waiting`);
});
