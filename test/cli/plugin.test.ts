/** Tagseal as docker's plugin: what docker asks it, and what it then does. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { programNamed } from "../../src/cli/program.ts";
import { docker29SearchPath } from "../support/dockers.ts";
import { findExecutable, missingPeers, run, Scope, tagsealCommand } from "../support/peers.ts";

const plugin = async (...argv: string[]) => await pluginOf("/nonexistent", ...argv);

async function pluginOf(configuration: string, ...argv: string[]) {
  const { io, stdout, stderr } = captured({
    env: { DOCKER_CONFIG: configuration },
    now: () => new Date(),
    program: programNamed("/x/cli-plugins/docker-trust", []),
  });
  const code = await main(argv, io);
  return { code, stdout: stdout(), stderr: stderr() };
}

describe("the docker-trust plugin", () => {
  it("says what it is", async () => {
    const { code, stdout } = await plugin("docker-cli-plugin-metadata");
    assert.equal(code, 0);
    const { Version: version, ...rest } = JSON.parse(stdout) as Record<string, string>;
    assert.deepEqual(rest, {
      SchemaVersion: "0.1.0",
      Vendor: "Tagseal",
      ShortDescription: "Manage trust on Docker images",
    });
    assert.match(version ?? "", /^v\d+\.\d+\.\d+/);
  });

  it("does what docker hands it, docker's global flags included", async () => {
    assert.match((await plugin("trust", "--help")).stdout, /^Usage: {2}docker trust COMMAND\n/);
    const { code, stderr } = await plugin("--context", "x", "-l", "debug", "--tlsverify", "trust", "revoke");
    assert.equal(code, 1);
    assert.match(stderr, /^docker: 'docker trust revoke' requires 1 argument\n\nUsage: {2}docker trust revoke /);
  });

  it("works by hand, too", async () => {
    assert.match((await plugin()).stderr, /^Usage: {2}docker trust COMMAND\n/);
    assert.match((await plugin("sign", "--help")).stdout, /^Usage: {2}docker trust sign /);
  });

  it("completes commands, with what they do", async () => {
    assert.equal(
      (await plugin("__complete", "trust", "si")).stdout,
      "signer\tManage entities who can sign Docker images\nsign\tSign an image\n:4\n",
    );
    assert.equal(
      (await plugin("__completeNoDesc", "--context", "x", "trust", "signer", "")).stdout,
      "add\nlist\nremove\n:4\n",
    );
  });

  it("completes the IDs of the keys of this machine, with what they are for, and unlocks none", async () => {
    await using scope = new Scope("plugin-keys");
    const keys = join(scope.directory, "trust/private");
    mkdirSync(keys, { recursive: true, mode: 0o700 });
    const [root, targets] = ["a0".repeat(32), "a1".repeat(32)] as const;
    const pem = (headers: string) =>
      `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${headers}\n\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n`;
    writeFileSync(join(keys, `${root}.key`), pem("role: root"), { mode: 0o600 });
    writeFileSync(join(keys, `${targets}.key`), pem("gun: localhost:5000/app\nrole: targets"), { mode: 0o600 });
    const offers = async (...words: readonly string[]) =>
      (await pluginOf(scope.directory, "__complete", "trust", "key", ...words)).stdout;
    const both = `${root}\troot\n${targets}\trepository of localhost:5000/app\n`;
    assert.equal(await offers("show", ""), `${both}:4\n`);
    assert.equal(await offers("remove", root, "a1"), `${targets}\trepository of localhost:5000/app\n:4\n`);
    assert.equal(await offers("rotate", "--replace", "a"), `${both}:4\n`);
    assert.equal(await offers("rotate", "--key", "a0"), `${root}\troot\n:0\n`);
    assert.equal(await offers("rotate", "a"), ":4\n");
  });

  it("completes flags, and leaves files to the shell", async () => {
    assert.match((await plugin("__complete", "trust", "revoke", "--y")).stdout, /^--yes\t.*\n:4\n$/);
    assert.equal((await plugin("__completeNoDesc", "trust", "key", "load", "")).stdout, ":0\n");
    assert.equal((await plugin("__completeNoDesc", "trust", "sign", "")).stdout, ":4\n");
  });
});

const docker = findExecutable("docker");

describe("a link called docker-trust", () => {
  const scope = new Scope("plugin");
  after(() => scope.close());

  it("is the plugin", async () => {
    mkdirSync(scope.path("cli-plugins"));
    symlinkSync(tagsealCommand, scope.path("cli-plugins", "docker-trust"));
    const { stdout } = await run(scope.path("cli-plugins", "docker-trust"), ["docker-cli-plugin-metadata"]);
    assert.equal((JSON.parse(stdout) as { Vendor: string }).Vendor, "Tagseal");
  });

  it("is found and run by docker 29, which has no such command", { skip: missingPeers(["docker 29"]) }, async () => {
    const asked = { env: { DOCKER_CONFIG: scope.directory, PATH: docker29SearchPath } };
    const { code, stderr } = await run("docker", ["trust", "inspect"], asked);
    assert.equal(code, 1);
    assert.match(stderr, /^docker: 'docker trust inspect' requires at least 1 argument/);
    const help = await run("docker", ["--help"], asked);
    assert.match(help.stdout, /^ {2}trust\* +Manage trust on Docker images$/mu);
  });

  it(
    "is taken for a plugin by docker",
    { skip: docker === undefined ? "not on this machine: docker" : false },
    async () => {
      // Under a name that is no command of docker's: docker 28 prefers its own `trust`.
      const { stdout } = await run(docker ?? "", ["--help"], { env: { DOCKER_CONFIG: scope.directory } });
      assert.match(stdout, /\btrust\*?\b.*Manage trust on Docker images|plugin "trust" duplicates builtin/);
    },
  );
});
