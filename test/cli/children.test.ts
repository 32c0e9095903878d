/** I6: what the programs that Tagseal starts see of its environment, written down by programs in their places. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { CliSandbox } from "./cli-sandbox.ts";

const ours = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "hidden passphrase",
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "hidden passphrase",
  DOCKER_CONTENT_TRUST_DELEGATION_PASSPHRASE: "hidden passphrase",
  NOTARY_CUSTOM_PASSPHRASE: "hidden passphrase",
  NOTARY_AUTH: "hidden",
  NOTARY_SIGNER_ALIAS1: "hidden",
  TAGSEAL_NEW_PASSPHRASE: "hidden",
  TAGSEAL_PASSPHRASE: "hidden",
  TAGSEAL_TOMORROW_TOKEN: "hidden",
  TAGSEAL_TOMORROW_PIN: "hidden",
  TAGSEAL_DB_URL: "mysql://root:hidden@db/x",
  NOTARY_MIRROR_STORAGE_DB_URL: "postgres://notary:hidden@db/notary",
  NOTARY_TOMORROW_SECRET: "hidden",
};
const others = {
  DATABASE_PASSWORD: "of a database",
  WAREHOUSE_DB_URL: "postgres://app:of a database@db/app",
  NPM_TOKEN: "of a package registry",
  DOCKER_AUTH_CONFIG: '{"auths":{}}',
};
const cloud = { AWS_SECRET_ACCESS_KEY: "of a cloud" };

const sandbox = CliSandbox.forSuite("children");
let programs: string;

/** A program that writes its environment down before it does `then`. */
function recording(name: string, then: string): void {
  const path = join(programs, name);
  writeFileSync(path, `#!/bin/sh\n/usr/bin/env >>"$0.seen"\n${then}\n`);
  chmodSync(path, 0o755);
}

before(async () => {
  programs = sandbox.path("programs");
  mkdirSync(programs);
  for (const engine of ["docker", "podman"]) recording(engine, "exit 0");
  recording("docker-credential-recording", `echo '{"Username":"me","Secret":"of the helper"}'`);
  recording("git", "exit 1");
  recording("passphrase", "echo a passphrase of ours");
});

/** Runs a command line and returns the environment of `program`; every secret has the word "hidden" or "of a" in its value. */
async function seenBy(program: string, argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const record = join(programs, `${program}.seen`);
  rmSync(record, { force: true });
  const all = { ...sandbox.sandbox.environment, ...ours, ...others, ...cloud, HOME: sandbox.directory };
  await sandbox.run(argv, { env: { ...all, PATH: programs, ...env } });
  assert.ok(existsSync(record), `${program} was not started by: ${argv.join(" ")}`);
  const seen = readFileSync(record, "utf8");
  assert.match(seen, /^PATH=/m);
  return seen;
}

describe("I6: no passphrase of ours is in the environment of", () => {
  for (const [program, line, env] of [
    ["docker", "ps", {}],
    ["docker", "ps --help", {}],
    ["docker", "run x", { DOCKER_CONTENT_TRUST: "0" }],
    ["docker", "compose ls", {}],
    ["docker", "run --disable-content-trust x", { DOCKER_CONTENT_TRUST: "1" }],
    ["docker", "run x@sha256:".padEnd(77, "0"), { DOCKER_CONTENT_TRUST: "1" }],
    ["docker", "run --mystery x", { DOCKER_CONTENT_TRUST: "1" }],
    ["podman", "--engine podman ps", {}],
    ["podman", "--engine podman run x@sha256:".padEnd(93, "0"), { DOCKER_CONTENT_TRUST: "1" }],
    ["docker", "doctor", {}],
  ] as const) {
    it(`an engine, and everything else is: ${line.slice(0, 40)}`, async () => {
      const seen = await seenBy(program, line.split(" "), env);
      assert.doesNotMatch(seen, /hidden/);
      if (line === "doctor") return;
      for (const name of Object.keys({ ...others, ...cloud })) assert.match(seen, new RegExp(`^${name}=`, "m"));
    });
  }

  it("an engine, but for the one that its command line names for a container", async () => {
    const off = { DOCKER_CONTENT_TRUST: "0" };
    assert.match(
      await seenBy("docker", ["run", "-e", "NOTARY_SIGNER_ALIAS1", "x"], off),
      /^NOTARY_SIGNER_ALIAS1=hidden/m,
    );
  });

  it("a credential helper, which has its cloud's login and no other", async () => {
    const config = sandbox.stranger("helped");
    writeFileSync(join(config["DOCKER_CONFIG"] ?? "", "config.json"), '{"credsStore":"recording"}');
    const { DOCKER_CONFIG = "" } = config;
    const seen = await seenBy("docker-credential-recording", ["trust", "sign", `${sandbox.repository()}:1`], {
      DOCKER_CONFIG,
    });
    assert.doesNotMatch(seen, /hidden|of a database|of a package registry|DOCKER_AUTH_CONFIG/);
    assert.match(seen, /of a cloud/);
  });

  it("a passphrase command, which has its cloud's login and no other", async () => {
    const { directory } = await sandbox.image("1");
    const line = `push --from oci:${directory} ${sandbox.repository("team/commanded")}:1 --passphrase-command passphrase`;
    const seen = await seenBy("passphrase", line.split(" "));
    assert.doesNotMatch(seen, /hidden|of a database|of a package registry|DOCKER_AUTH_CONFIG/);
    assert.match(seen, /of a cloud/);
    assert.match(seen, /^TAGSEAL_KEY_ROLE=/m);
  });

  it("git, which has no other program's secret either", async () => {
    const line = "build --disable-content-trust=false https://git.invalid/x.git";
    const seen = await seenBy("git", line.split(" "), { GIT_PASSWORD: "of git" });
    assert.doesNotMatch(seen, /hidden|of a database|of a package registry|of a cloud|DOCKER_AUTH_CONFIG/);
    assert.match(seen, /of git/);
  });
});
