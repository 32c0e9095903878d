/** Keys of a service behind a helper program: the example of the documents, and helpers that misbehave. */
import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { ExecDriver } from "../../src/keys/exec/exec-driver.ts";
import { openShell, type Shell } from "../support/shell.ts";
import { CliSandbox } from "./cli-sandbox.ts";

const example = resolve(import.meta.dirname, "../../docs/examples/tagseal-key-openssl");

describe("key helpers", { skip: missingPeers(["openssl", "jq"]) }, () => {
  const scope = new Scope("key-helpers");
  const helpers = scope.path("helpers");
  const keys = scope.path("keys");
  let sandbox: CliSandbox;
  let shell: Shell;

  before(async () => {
    sandbox = await CliSandbox.start("key-helpers-sandbox");
    for (const directory of [helpers, keys]) mkdirSync(directory);
    cpSync(example, join(helpers, "tagseal-key-openssl"));
    shell = openShell(scope, [], { ...sandbox.stranger("owner"), OPENSSL_KEYS: keys });
  });
  after(async () => {
    await sandbox[Symbol.asyncDispose]();
    await scope.close();
  });

  const inPath = (lines: string): string => `PATH=${helpers}:$PATH\n${lines}`;

  /** A helper made of these lines of sh. */
  function helper(name: string, lines: string): ExecDriver {
    writeFileSync(join(helpers, `tagseal-key-${name}`), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(helpers, `tagseal-key-${name}`), 0o755);
    const env = {
      PATH: [helpers, process.env["PATH"]].join(delimiter),
      TAGSEAL_TOKEN_PIN: "2468",
      AWS_SECRET_ACCESS_KEY: "for the helper",
    };
    return new ExecDriver({ env });
  }

  it("make a root key and a signer's key that sign, as the page says", async () => {
    await shell.run(inPath(documentedLines("docs/keys.md", "Keys of a key service")));
    assert.ok(existsSync(join(keys, "release-root.pem")));
    const repository = sandbox.repository("helpers/app");
    const image = await sandbox.image("helped");
    await shell.run(
      inPath(`export DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=repository
tagseal trust key generate --algorithm rsa --store exec:openssl bob
tagseal trust signer add --key alice.pub alice ${repository}
tagseal trust signer add --key bob.pub bob ${repository}
tagseal push --from oci:${image.directory} ${repository}:1`),
    );
    await sandbox.ok(["verify", `${repository}:1`], { env: sandbox.stranger("reader") });
    const { stdout } = await sandbox.ok(["trust", "inspect", repository], { env: sandbox.stranger("inspector") });
    assert.match(stdout, /"alice",\s+"bob"/u);
    await assert.rejects(
      shell.run(inPath("tagseal trust key link --role carol exec:openssl/nobody")),
      /\[KEY_NOT_FOUND\]/u,
    );
  });

  it("I6: see no secret of Tagseal's, and that of their service", async () => {
    const seen = scope.path("seen");
    await assert.rejects(helper("looking", `env > ${seen}; exit 1`).find("exec:looking/k"), {
      code: "KEY_SERVICE_FAILED",
    });
    const environment = readFileSync(seen, "utf8");
    assert.ok(!environment.includes("2468"));
    assert.match(environment, /^AWS_SECRET_ACCESS_KEY=for the helper$/mu);
  });

  for (const [what, lines, code] of [
    ["is silent about why it failed", "exit 3", "KEY_SERVICE_FAILED"],
    ["gives a reason", `echo '{"error":"unavailable","message":"log in first"}'; exit 1`, "KEY_SERVICE_UNAVAILABLE"],
    ["gives a reason that is unknown", `echo '{"error":"PIN_WRONG"}'; exit 1`, "KEY_SERVICE_FAILED"],
    ["answers text", "echo hello", "KEY_SERVICE_FAILED"],
    ["answers an array", "echo '[]'", "KEY_SERVICE_FAILED"],
    ["answers without a public key", `echo '{"key":"k"}'`, "KEY_SERVICE_FAILED"],
    ["answers with a public key that is none", `echo '{"key":"k","publicKey":"x"}'`, "KEY_SERVICE_FAILED"],
    ["answers without end", "yes 2>/dev/null", "KEY_SERVICE_FAILED"],
  ] as const) {
    it(`fail with ${code} when one ${what}`, async () => {
      await assert.rejects(helper("odd", lines).find("exec:odd/k"), { code });
    });
  }

  it("are named when they are not installed", async () => {
    await assert.rejects(new ExecDriver({ env: { PATH: helpers } }).find("exec:nowhere/k"), {
      code: "KEY_SERVICE_UNAVAILABLE",
      message: "The key helper tagseal-key-nowhere is not installed",
    });
    for (const uri of ["exec:", "exec:../x", "exec:A/k", "exec:a b/k"])
      await assert.rejects(new ExecDriver({ env: {} }).find(uri), { code: "KEY_URI_INVALID" });
  });
});
