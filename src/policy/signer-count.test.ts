import assert from "node:assert/strict";
import { it } from "node:test";
import { countSigners } from "./signer-count.ts";

const keys = new Map([
  ["ci", ["a"]],
  ["release", ["b", "c"]],
  ["copy", ["a"]],
  ["bridge", ["a", "c"]],
]);

for (const [names, count] of [
  [[], 0],
  [["ci", "ci"], 1],
  [["ci", "release"], 2],
  [["ci", "copy"], 1],
  [["ci", "release", "copy"], 2],
  [["ci", "release", "bridge"], 1],
  [["ci", "unknown", "other"], 3],
] as const)
  it(`I9: ${names.join(", ") || "no name"}: ${count}`, () => assert.equal(countSigners(names, keys), count));
