import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap } from "./bounded-map.ts";

test("the entry that was set longest ago goes; setting it again keeps it, reading it does not", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1).set("b", 2).set("a", 3);
  assert.equal(map.get("b"), 2);
  map.set("c", 4);
  assert.deepEqual(
    [...map],
    [
      ["a", 3],
      ["c", 4],
    ],
  );
  map.delete("a");
  map.set("d", 5);
  assert.deepEqual([...map.keys()], ["c", "d"]);
});
