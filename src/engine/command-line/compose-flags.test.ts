import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { findGoPeer } from "../../../test/support/go-peers.ts";
import { composeFlags, composeGlobalFlags } from "./compose-flags.ts";
import { flagsInHelp } from "./help-flags.ts";
import type { FlagTable } from "./flag-table.ts";

const compose = findGoPeer("docker-compose");

describe("flags of today's compose", { skip: compose === undefined ? "docker-compose (npm run peers)" : false }, () => {
  function assertKnown(path: readonly string[], ours: FlagTable): void {
    const listed = flagsInHelp(execFileSync(compose ?? "", [...path, "--help"], { encoding: "utf8", env: {} }));
    assert.ok(listed.kinds.size > 5, "the help lists flags");
    // a wrapped description may begin with the name of another flag
    const real = [...listed.kinds].filter(([name]) => !name.endsWith("."));
    const unknown = real.filter(([name, kind]) => ours.kinds.get(name) !== kind);
    const letters = [...listed.letters].filter(([letter, name]) => ours.letters.get(letter) !== name);
    assert.deepEqual({ unknown, letters }, { unknown: [], letters: [] });
  }

  it("are all known, before the command and after each that is covered", () => {
    assertKnown([], composeGlobalFlags);
    for (const [word, table] of Object.entries(composeFlags)) assertKnown([word], table);
  });
});
