/** The current directory, which may be an untrusted checkout, must not change what the command does. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { freePort, run, Scope, tagsealCommand } from "../support/peers.ts";

describe("files in the working directory", () => {
  const scope = new Scope("surroundings");
  after(() => scope.close());

  it("add nothing to the environment and no code", async () => {
    const port = await freePort();
    writeFileSync(scope.path(".env"), "DOCKER_CONTENT_TRUST_SERVER=https://elsewhere.example:1\n");
    writeFileSync(scope.path("bunfig.toml"), 'preload = ["./preloaded.js"]\n');
    writeFileSync(scope.path("preloaded.js"), 'console.log("preloaded");\n');
    writeFileSync(scope.path("package.json"), '{"type":"commonjs"}\n');
    const { code, stdout, stderr } = await run(tagsealCommand, ["verify", `localhost:${port}/team/app:1.0`], {
      cwd: scope.directory,
      env: { HOME: scope.directory },
    });
    assert.equal(code, 4);
    assert.equal(stdout, "");
    assert.match(stderr, new RegExp(`cannot reach localhost:${port} `));
  });
});
