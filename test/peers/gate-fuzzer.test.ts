/** A short run of the gate's fuzzer with each engine; `npm run soak -- gate` is the long one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EngineName, engineNames, missingFor } from "../gate/engines.ts";
import { fuzzGate } from "../gate/fuzzing.ts";

/** As many cases as take some seconds each. */
function casesFor(engine: EngineName): number {
  if (engine === "buildkit reader") return 4000;
  // each of these lines starts the command, and mostly an engine's: the soak has more of them
  return engine.endsWith("command line") ? 40 : 60;
}

describe("Dockerfiles and command lines made to smuggle an unsigned image in", () => {
  for (const engine of engineNames) {
    it(`I9: ${engine} asks for none`, { skip: missingFor(engine) }, async () => {
      const cases = casesFor(engine);
      const report = await fuzzGate({ engine, seed: "suite", seconds: 120, cases, tell: () => undefined });
      assert.deepEqual(report.findings, []);
      assert.ok(report.counts.built > 0, "nothing was built, so that nothing was shown");
    });

    it(`would be noticed: ${engine}`, { skip: missingFor(engine) }, async () => {
      const open = { engine, seed: "open", seconds: 120, cases: 600, tell: () => undefined, isOpen: true, enough: 1 };
      const { findings } = await fuzzGate(open);
      assert.match(findings.join("\n"), /HOLE: .* asked for /u);
    });
  }
});
