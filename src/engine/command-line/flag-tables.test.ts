/** Tagseal's tables compared with the help of the engines on this machine. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { buildxFlags, dockerFlags, dockerGlobalFlags } from "./docker-flags.ts";
import type { FlagTable } from "./flag-table.ts";
import { joinTables } from "./flag-table.ts";
import { flagsInHelp } from "./help-flags.ts";
import { podmanFlags, podmanGlobalFlags } from "./podman-flags.ts";
import type { ImageWord } from "./command-table.ts";

function helpOf(executable: string, words: readonly string[], env: Record<string, string> = {}): FlagTable {
  const { stdout } = spawnSync(executable, [...words, "--help"], { encoding: "utf8", env: { ...process.env, ...env } });
  return flagsInHelp(stdout);
}

function assertKnown(listed: FlagTable, ours: FlagTable): void {
  assert.ok(listed.kinds.size > 0, "the help lists flags");
  const kinds = [...listed.kinds].filter(([name, kind]) => ours.kinds.get(name) !== kind);
  const letters = [...listed.letters].filter(([letter, name]) => ours.letters.get(letter) !== name);
  assert.deepEqual({ kinds, letters }, { kinds: [], letters: [] });
}

const paths: Readonly<Record<ImageWord, readonly string[][]>> = {
  push: [["push"], ["image", "push"]],
  pull: [["pull"], ["image", "pull"]],
  build: [["build"], ["image", "build"]],
  create: [["create"], ["container", "create"]],
  run: [["run"], ["container", "run"]],
};

const engines = [
  { executable: "/usr/local/bin/docker", flags: dockerFlags, globals: dockerGlobalFlags },
  { executable: "/usr/bin/docker", flags: dockerFlags, globals: dockerGlobalFlags },
  { executable: "/usr/bin/podman", flags: podmanFlags, globals: podmanGlobalFlags },
];

for (const { executable, flags, globals } of engines) {
  describe(
    `flags of ${executable}`,
    { skip: existsSync(executable) ? false : `not on this machine: ${executable}` },
    () => {
      for (const [word, table] of Object.entries(flags)) {
        for (const path of paths[word as ImageWord]) {
          it(`of ${path.join(" ")} are all known, with their kinds and letters`, () => {
            assertKnown(helpOf(executable, path), table);
            if (word !== "build") return;
            // Some dockers list other flags for BuildKit; those that lack the plugin for it list none.
            const buildkit = helpOf(executable, path, { DOCKER_BUILDKIT: "1" });
            if (buildkit.kinds.size > 0) assertKnown(buildkit, table);
          });
        }
      }

      it("before the command are all known", () => {
        assertKnown(helpOf(executable, []), globals);
      });
    },
  );
}

const hasBuildx =
  existsSync("/usr/local/bin/docker") && spawnSync("/usr/local/bin/docker", ["buildx", "version"]).status === 0;

// Debian has no package of buildx, so continuous integration cannot install it: compared where it is installed.
if (hasBuildx)
  describe("flags of buildx", () => {
    it("are all known", () => {
      assertKnown(helpOf("/usr/local/bin/docker", ["buildx", "build"]), joinTables(dockerFlags.build, buildxFlags));
    });
  });

describe("the help text of a command", () => {
  it("says which flags take a value", () => {
    const table = flagsInHelp(
      [
        "Usage:  docker build [OPTIONS] PATH | URL | -",
        "",
        "Options:",
        "      --add-host list           Add a custom host-to-IP mapping",
        '      --pull string[="true"]    Always attempt to pull',
        "  -q, --quiet                   Suppress the build output and print image",
        "                                ID on success --not-a-flag",
        "      --creds [username[:password]]   use these",
        '      --sbom string             Shorthand for "--attest=type=sbom"',
        "      --shm-size <number><unit>   size",
        "  -D, --debug   ",
        "      --long-name-without-words string",
      ].join("\n"),
    );
    assert.deepEqual(Object.fromEntries(table.kinds), {
      "add-host": "value",
      pull: "optional",
      quiet: "switch",
      creds: "value",
      sbom: "value",
      "shm-size": "value",
      debug: "switch",
      "long-name-without-words": "value",
    });
    assert.deepEqual(Object.fromEntries(table.letters), { q: "quiet", D: "debug" });
  });
});
