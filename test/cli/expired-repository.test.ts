/** I4: a repository whose signatures have expired: refused to every reader, repaired by every command that signs. */
import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { CliSandbox, type Outcome } from "./cli-sandbox.ts";

const dayMs = 86_400_000;
const start = Date.now();
let time = start;
const now = (): Date => new Date(time);

describe("I4: a repository that has expired", () => {
  const stage = CliSandbox.forSuite("expired-repository", now);
  let one: DemoImage;
  let two: DemoImage;
  let app: string;

  const ok = (...argv: readonly string[]): Promise<Outcome> => stage.ok(argv, { now });
  const digestOf = async (image: string): Promise<string> => (await ok("verify", "-q", image)).stdout.trim();

  before(async () => {
    one = await stage.image("1");
    two = await stage.image("2");
    await ok("trust", "key", "generate", "alice", "--dir", stage.directory);
    await ok("trust", "key", "generate", "bob", "--dir", stage.directory);
  });

  beforeEach(async () => {
    time = start;
    app = stage.repository(stage.fresh("expired/app"));
    await ok("push", "-q", "--from", `oci:${one.directory}`, `${app}:v1`);
  });

  /** Three years later. What the registry has under the tag by then is another image. */
  const expire = async (): Promise<void> => {
    await ok("push", "-q", "--disable-content-trust", "--from", `oci:${two.directory}`, `${app}:v1`);
    time = start + 1_100 * dayMs;
    for (const argv of [
      ["verify", `${app}:v1`],
      ["list", app],
      ["trust", "inspect", app],
    ]) {
      const { code, stderr } = await stage.run(argv, { now });
      assert.equal(code, argv[0] === "trust" ? 1 : 3, argv.join(" "));
      assert.match(stderr, /\[METADATA_EXPIRED\]/u);
    }
  };

  const repairs: readonly (readonly [name: string, argv: () => readonly string[]])[] = [
    ["sign", () => ["sign", `${app}:v1@${one.manifestDigest}`]],
    ["push", () => ["push", "--from", `oci:${two.directory}`, `${app}:v2`]],
    ["trust sign", () => ["trust", "sign", `${app}:v1`]],
    ["trust signer add", () => ["trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app]],
  ];
  for (const [name, argv] of repairs) {
    it(`is repaired by ${name}, with a warning, and means what it meant`, async () => {
      await expire();
      const { stderr } = await ok(...argv());
      assert.match(stderr, /targets expired at .*signing it again/u);
      assert.equal(stderr.match(/signing it again/gu)?.length, 1, "said once");
      assert.equal(await digestOf(`${app}:v1`), one.manifestDigest);
    });
  }

  it("is repaired by trust revoke, which removes only what it was asked to", async () => {
    await ok("sign", `${app}:v2@${one.manifestDigest}`);
    await expire();
    await ok("trust", "revoke", `${app}:v2`);
    assert.equal(await digestOf(`${app}:v1`), one.manifestDigest);
  });

  it("is repaired by trust signer remove", async () => {
    for (const name of ["alice", "bob"])
      await ok("trust", "signer", "add", "--key", stage.path(`${name}.pub`), name, app);
    await ok("trust", "sign", `${app}:v1`);
    time = start + 1_100 * dayMs;
    await ok("trust", "signer", "remove", "--force", "bob", app);
    await ok("trust", "sign", `${app}:v1`);
    assert.equal(await digestOf(`${app}:v1`), one.manifestDigest);
  });

  it("keeps the digest when only the signers' files have expired", async () => {
    await ok("trust", "signer", "add", "--key", stage.path("alice.pub"), "alice", app);
    await ok("trust", "sign", `${app}:v1`);
    time = start + 500 * dayMs;
    await ok("trust", "signer", "add", "--key", stage.path("bob.pub"), "bob", app);
    await ok("push", "-q", "--disable-content-trust", "--from", `oci:${two.directory}`, `${app}:v1`);
    time = start + 1_100 * dayMs;
    const { stdout } = await ok("trust", "sign", `${app}:v1`);
    assert.match(stdout, /^Existing signatures for tag v1/mu);
    assert.equal(await digestOf(`${app}:v1`), one.manifestDigest);
  });

  it("is not repaired without its keys", async () => {
    await expire();
    const env = stage.stranger();
    const { code, stderr } = await stage.run(["trust", "sign", `${app}:v1`], { now, env });
    assert.equal(code, 1);
    assert.match(stderr, /\[SIGNING_KEY_MISSING\]/u);
  });

  it("is handed over all the same", async () => {
    await expire();
    assert.match((await ok("import", "hand-over", app)).stdout, /is handed over already/u);
  });

  it("doctor says how: the command works when pasted", async () => {
    await expire();
    const { stdout } = await stage.run(["doctor", "--json"], { now });
    const { findings } = JSON.parse(stdout) as { findings: readonly { message: string; fix?: string }[] };
    const fix = findings.find(({ message }) => message.includes(`targets of ${app} expired`))?.fix ?? "";
    const [list = "", repair = ""] = fix.split(" || ");
    assert.equal((await stage.run(list.split(" ").slice(1), { now })).code, 3);
    await ok(...repair.split(" ").slice(1));
    assert.equal(await digestOf(`${app}:v1`), one.manifestDigest);
  });
});
