/** A short run of the gate's fuzzer with each engine; `npm run soak -- gate` is the long one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineNames, missingFor } from "../gate/engines.ts";
import { fuzzGate } from "../gate/fuzzing.ts";

describe("Dockerfiles and command lines made to smuggle an unsigned image into a build", () => {
  for (const engine of engineNames) {
    it(`I9: ${engine} is never asked for one`, { skip: missingFor(engine) }, async () => {
      const report = await fuzzGate({ engine, seed: "suite", seconds: 60, cases: 300, tell: () => undefined });
      assert.deepEqual(report.findings, []);
      assert.ok(report.counts.built > 0, "the engine built nothing, so that it could not show anything");
    });

    it(`would be noticed with ${engine}`, { skip: missingFor(engine) }, async () => {
      const open = { engine, seed: "open", seconds: 60, cases: 80, tell: () => undefined, isOpen: true };
      const { findings } = await fuzzGate(open);
      assert.match(findings.join("\n"), /HOLE: .* asked for /u);
    });
  }
});
