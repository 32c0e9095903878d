import { equal } from "node:assert/strict";
import { test } from "node:test";
import { nearestWord } from "./suggestion.ts";

const words = ["verify", "sign", "signer", "server", "list", "trust"];

for (const [typed, meant] of [
  ["verfy", "verify"],
  ["vreify", "verify"],
  ["sgin", "sign"],
  ["signre", "signer"],
  ["lst", "list"],
  ["trustt", "trust"],
  ["verify", undefined],
  ["ps", undefined],
  ["images", undefined],
  ["x", undefined],
] as const) {
  test(`"${typed}" is ${meant === undefined ? "near no command" : `near "${meant}"`}`, () => {
    equal(nearestWord(typed, words), meant);
  });
}
