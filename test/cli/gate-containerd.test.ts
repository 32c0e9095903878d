/** containerd's image verifier: what it is answered, and the script that starts it. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { programNamed } from "../../src/cli/program.ts";
import { run, tagsealCommand } from "../support/peers.ts";
import { startSilentServer } from "../support/silent-server.ts";
import { CliSandbox, type Outcome } from "./cli-sandbox.ts";

const mediaType = "application/vnd.oci.descriptor.v1+json";

describe("the image verifier of containerd", () => {
  const stage = CliSandbox.forSuite("gate-containerd");
  let gun: string;
  let one: string;
  let two: string;

  before(async () => {
    gun = stage.repository();
    await stage.publish(await stage.image("1"), `${gun}:v1`);
    await stage.publish(await stage.image("2"), `${gun}:v2`);
    [one, two] = (await Promise.all(
      ["v1", "v2"].map(async (tag) => (await stage.ok(["verify", `${gun}:${tag}`])).stdout.trim()),
    )) as [string, string];
  });

  /** A call as containerd makes it, in this process. */
  async function ask(
    name: string,
    digest: string,
    how: { env?: Record<string, string>; more?: string[] } = {},
  ): Promise<Outcome> {
    const { env = stage.stranger(), more = [] } = how;
    const { io, stdout, stderr } = captured({ env, now: () => new Date() });
    const input = `${JSON.stringify({ mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 })}\n`;
    const prompter = { ...io.prompter, readAll: async () => input };
    const argv = ["gate", "containerd", ...more, "-name", name, "-digest", digest, "-stdin-media-type", mediaType];
    const code = await main(argv, { ...io, prompter });
    return { code, stdout: stdout(), stderr: stderr() };
  }

  function policyOf(env: Record<string, string>, policy: unknown): Record<string, string> {
    const path = join(env["DOCKER_CONFIG"] ?? "", "trust", "policy.json");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof policy === "string" ? policy : JSON.stringify(policy));
    return env;
  }

  it("I5: allows a tag at the digest that is signed for it, and no other", async () => {
    const allowed = await ask(`${gun}:v1`, one);
    assert.deepEqual([allowed.code, allowed.stdout], [0, "it is signed by the repository key\n"]);
    const moved = await ask(`${gun}:v1`, two);
    assert.equal(moved.code, 1);
    assert.match(moved.stdout, /^[^\n]*\[TAG_DIGEST_MISMATCH\]\n$/u);
    const unsigned = await ask(`${gun}:v9`, one);
    assert.equal(unsigned.code, 1);
    assert.match(unsigned.stdout, /^[^\n]*v9[^\n]*\[TAG_NOT_SIGNED\]\n$/u);
    assert.match((await ask(`${gun}/other:v1`, one)).stdout, /\[REPOSITORY_NOT_SIGNED\]/u);
  });

  it("decides about a name with a digest as the policy says", async () => {
    const unsigned = `sha256:${"3".repeat(64)}`;
    assert.equal((await ask(`${gun}@${unsigned}`, unsigned)).code, 0);
    const strict = { version: 1, default: { firstUse: true } };
    const env = policyOf(stage.stranger(), strict);
    assert.match((await ask(`${gun}@${unsigned}`, unsigned, { env })).stdout, /\[TAG_NOT_SIGNED\]/u);
    assert.equal((await ask(`${gun}@${one}`, one, { env })).code, 0);
  });

  it("reports what a rule in audit mode would refuse, and allows it", async () => {
    const env = policyOf(stage.stranger(), { version: 1, default: { firstUse: true, mode: "audit" } });
    const { code, stdout } = await ask(`${gun}:v1`, two, { env });
    assert.equal(code, 0);
    assert.match(stdout, /would refuse this \(mode "audit"\)/u);
  });

  it("I9: refuses on standard output whatever goes wrong", async () => {
    const broken = policyOf(stage.stranger(), "{");
    assert.match((await ask(`${gun}:v1`, one, { env: broken })).stdout, /\[POLICY_INVALID\]/u);
    const cases: readonly (readonly [string[], RegExp])[] = [
      [["-platform", "linux"], /unknown (?:shorthand )?flag/u],
      [["--timeout", "soon"], /--timeout: expected a length of time/u],
      [["extra"], /accepts no arguments/u],
    ];
    for (const [more, reason] of cases) {
      const { code, stdout } = await ask(`${gun}:v1`, one, { more });
      assert.equal(code, 1, more.join(" "));
      assert.match(stdout, reason);
    }
  });

  it("I9: refuses by itself when the trust server is silent, before containerd would", async () => {
    const silent = await startSilentServer();
    const env = { ...stage.stranger(), DOCKER_CONTENT_TRUST_SERVER: silent.url };
    const startedAt = Date.now();
    const { code, stdout } = await ask(`${gun}:v1`, one, { env, more: ["--timeout", "1s"] });
    silent.close();
    assert.ok(Date.now() - startedAt < 5_000);
    assert.equal(code, 1);
    assert.match(stdout, /no answer within 1 s.*\[NETWORK_TIMEOUT\]/u);
  });

  /** The directory of verifiers, and the installing command as a user of this checkout starts it. */
  async function install(binDir: string, ...words: readonly string[]): Promise<Outcome> {
    const { io, stdout, stderr } = captured({ env: stage.stranger(), now: () => new Date() });
    const argv = ["gate", "containerd", ...(words.length === 0 ? ["--install"] : words), "--bin-dir", binDir];
    const code = await main(argv, { ...io, program: programNamed("tagseal", [tagsealCommand]) });
    return { code, stdout: stdout(), stderr: stderr() };
  }

  it("installs a script that containerd can start with nothing in its environment", async () => {
    const binDir = stage.path("bin dir");
    const path = join(binDir, "tagseal");
    assert.match((await install(binDir)).stdout, /^Installed \S/u);
    assert.equal(statSync(path).mode & 0o777, 0o755);
    const input = JSON.stringify({ digest: one });
    const called = async (digest: string) =>
      await run(path, ["-name", `${gun}:v1`, "-digest", digest, "-stdin-media-type", mediaType], { input });
    const allowed = await called(one);
    assert.deepEqual([allowed.code, allowed.stdout], [0, "it is signed by the repository key\n"], allowed.stderr);
    assert.equal((await called(two)).code, 1);
    const huge = await run(path, ["-name", `${gun}:v1`, "-digest", one, "-stdin-media-type", mediaType], {
      input: `{"digest":"${one}","annotations":{"a":"${"a".repeat(1_000_000)}"}}`,
    });
    assert.equal(huge.code, 1);
    assert.match(huge.stdout, /more than 65536 bytes/u);
  });

  it("replaces its own script only, and removes no other", async () => {
    const binDir = stage.path("verifiers");
    const path = join(binDir, "tagseal");
    await install(binDir);
    const script = readFileSync(path, "utf8");
    writeFileSync(path, script.replace("exec ", "exec /usr/bin/env "));
    assert.match((await install(binDir)).stdout, /^Installed/u);
    assert.match((await install(binDir, "--uninstall")).stdout, /^Removed/u);
    assert.equal(existsSync(path), false);
    assert.match((await install(binDir, "--uninstall")).stdout, /^Not installed/u);
    writeFileSync(path, "#!/bin/sh\nexit 1\n");
    for (const word of ["--install", "--uninstall"]) {
      const { code, stderr } = await install(binDir, word);
      assert.equal(code, 1);
      assert.match(stderr, /is not Tagseal's/u);
    }
    assert.equal(readFileSync(path, "utf8"), "#!/bin/sh\nexit 1\n");
  });

  it("says why its script cannot be removed", async (t) => {
    const binDir = stage.path("kept");
    await install(binDir);
    const { code: frozen } = await run("chattr", ["+i", binDir]).catch(() => ({ code: 1 }));
    if (frozen !== 0) return t.skip("this file system has no immutable directories");
    const { code, stderr } = await install(binDir, "--uninstall");
    await run("chattr", ["-i", binDir]);
    assert.equal(code, 1);
    assert.match(stderr, /^cannot remove .*kept\/tagseal: .*\[FILE_UNWRITABLE\]/su);
  });

  it("refuses a directory in which every user can put a program", async () => {
    const binDir = stage.path("open-to-all");
    mkdirSync(binDir);
    chmodSync(binDir, 0o777);
    const { code, stderr } = await install(binDir);
    assert.equal(code, 1);
    assert.match(stderr, /every user can write to .*\[FILE_UNWRITABLE\]/su);
    assert.equal(existsSync(join(binDir, "tagseal")), false);
  });
});
