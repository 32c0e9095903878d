/** Every command that docker, buildx, compose, podman and buildah have is in a table, and the documents say what the tables say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { commandTables, type ProgramKind } from "../src/engine/command-line/invocation.ts";
import { commandList, listedCommands, sourceLists, sourcePlaces, standingOf } from "./support/command-lists.ts";

const programs: readonly ProgramKind[] = ["docker", "podman", "buildah"];
const document = readFileSync(join(import.meta.dirname, "..", "docs", "differences.md"), "utf8");

describe("the tables of commands", () => {
  for (const [name, commands] of sourceLists()) {
    it(`have every command of ${name}`, () => {
      const place = sourcePlaces[name];
      assert.ok(place !== undefined, `nobody says where ${name} belongs`);
      const before = place.below === undefined ? [] : [place.below];
      const missing = commands.filter(
        (command) => standingOf(place.program, [...before, ...command.split(" ")]) === undefined,
      );
      assert.deepEqual(missing, []);
      assert.ok(commands.length > 30, "the list is not whole");
    });
  }

  for (const program of programs) {
    it(`say what instead, or how to say otherwise, for each command of ${program} that is refused`, () => {
      for (const { path, standing } of listedCommands(program)) {
        const refusal = standing.kind === "refused" ? standing.refusal : undefined;
        if (refusal === undefined) continue;
        assert.match(refusal.because, /^(?:it|the nodes) .*\b(?:not|none)\b/u, path.join(" "));
        assert.doesNotMatch(refusal.because, /\.$/u);
      }
    });
  }

  it("cover the five commands, docker's compose, and nothing that only looks like them", () => {
    for (const program of ["docker", "podman"] as const) {
      const covered = listedCommands(program).filter(({ standing }) => standing.kind === "covered");
      assert.deepEqual(
        [...new Set(covered.map(({ standing }) => (standing.kind === "covered" ? standing.word : "")))],
        ["push", "pull", "build", "create", "run", ...(program === "docker" ? ["compose"] : [])],
      );
      assert.equal(commandTables[program].commands.get("push")?.kind, "covered");
    }
  });
});

describe("docs/differences.md", () => {
  for (const program of programs) {
    it(`lists every command of ${program}`, () => {
      const list = commandList(program);
      assert.ok(document.includes(list), `docs/differences.md does not have this list:\n\n${list}\n`);
    });
  }
});
