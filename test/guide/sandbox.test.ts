/** The sandbox as the documents start it: in one terminal, with the lines it prints pasted into another. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { exportsIn } from "../support/sandbox.ts";
import { Scope } from "../support/peers.ts";
import { openShell } from "../support/shell.ts";

const scope = new Scope("sandbox-guide");
after(async () => await scope.close());
const shell = openShell(scope);

const ready = (log: () => string): boolean => log().includes("Ctrl-C ends it");

it("README: gives what an image is pushed to, signed, verified and fetched with", async () => {
  const sandbox = await shell.start("sandbox", documentedLines("README.md", "I publish"), { ready });
  const env = exportsIn(sandbox.log());
  const { stdout } = await shell.run(documentedLines("README.md", "I publish", 2), { env });
  assert.match(stdout, /^Successfully signed \S+\/team\/app:1\.0$[\s\S]*^sha256:[0-9a-f]{64}$/mu);
  assert.ok(existsSync(join(shell.directory, "app.tar")));
  assert.equal(await sandbox.stop("SIGINT"), 0);
  rmSync(join(shell.directory, "sandbox"), { recursive: true });
});

it("docs/getting-started.md: points other programs at itself, and leaves nothing behind", async () => {
  const sandbox = await shell.start("sandbox", documentedLines("docs/getting-started.md", "A sandbox"), { ready });
  const { REGISTRY, DOCKER_CONFIG, DOCKER_CONTENT_TRUST_SERVER } = exportsIn(sandbox.log());
  assert.ok([REGISTRY, DOCKER_CONFIG, DOCKER_CONTENT_TRUST_SERVER].every((value) => value !== undefined));
  const image = / oci:(\S+)/u.exec(sandbox.log())?.[1] ?? "";
  assert.ok(existsSync(image), sandbox.log());
  assert.equal(await sandbox.stop("SIGINT"), 0);
  assert.ok(!existsSync(image));
});

it("docs/commands.md: plays its demonstration, and stays in the given directory", async () => {
  const sandbox = await shell.start("sandbox", documentedLines("docs/commands.md", "tagseal sandbox"), { ready });
  assert.equal(await sandbox.stop("SIGINT"), 0);
  assert.ok(existsSync(join(shell.directory, "sandbox")));
});
