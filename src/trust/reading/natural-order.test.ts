import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareNatural } from "./natural-order.ts";

test("numbers within names are compared by value", () => {
  const sorted = ["1.2", "1.10", "latest", "v1", "v1-rc", "v2", "v10", "v10.1", "v10.10"];
  deepEqual(sorted.toReversed().sort(compareNatural), sorted);
});

test("numbers larger than a double can hold are compared by value too", () => {
  ok(compareNatural("20231122093000000000001", "20231122093000000000002") < 0);
});

test("it is an order: total, antisymmetric, transitive", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", "0", "1", "9", ".", "-"), maxLength: 8 });
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      equal(Math.sign(compareNatural(a, b)), -Math.sign(compareNatural(b, a)) + 0);
      equal(compareNatural(a, b) === 0, a === b);
      if (compareNatural(a, b) < 0 && compareNatural(b, c) < 0) ok(compareNatural(a, c) < 0);
    }),
  );
});
