import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crashLoop } from "./support/crash-loop.ts";
import { Scope, writeLayout } from "./support/peers.ts";

describe("I7: a server that is killed", () => {
  it("still has what it acknowledged, and readers verify", async () => {
    await using scope = new Scope("crash");
    const image = await writeLayout(scope.path("image"), "survivor");
    const { acknowledged, found } = await crashLoop(scope, image, 3, 1500);
    assert.deepEqual(
      [...acknowledged].filter((tag) => !found.has(tag)),
      [],
    );
  });
});
