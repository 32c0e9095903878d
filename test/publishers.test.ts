import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Scope, writeLayout, type LayoutImage } from "./support/peers.ts";
import { racePublishers, type RaceResult } from "./support/publishers.ts";
import { startSandbox, type Sandbox } from "./support/sandbox.ts";

function assertNothingLost({ acknowledged, failures, signed, digest }: RaceResult, count: number): void {
  assert.deepEqual(failures, []);
  assert.equal(acknowledged.length, count);
  for (const tag of acknowledged) assert.equal(signed.get(tag), digest, tag);
  assert.equal(signed.size, count + 1);
}

// The full size (8 publishers, 25 tags each) runs with `npm run soak`.
describe("I7: publishers of one repository at the same time", () => {
  const scope = new Scope("publishers");
  let sandbox: Sandbox;
  let image: LayoutImage;
  before(async () => {
    sandbox = await startSandbox(scope);
    image = await writeLayout(scope.path("image"), "raced");
  });
  after(async () => await scope.close());

  it("all succeed, and nothing is lost, on separate machines", async () => {
    const options = { publishers: 4, tagsEach: 3, directories: "own" } as const;
    assertNothingLost(await racePublishers(scope, sandbox, image.directory, "race/own", options), 12);
  });

  it("all succeed, and nothing is lost, as processes sharing one trust directory", async () => {
    const options = { publishers: 4, tagsEach: 3, directories: "shared" } as const;
    assertNothingLost(await racePublishers(scope, sandbox, image.directory, "race/shared", options), 12);
  });
});
