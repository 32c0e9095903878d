/** A trust directory that cannot be written: what is said is true, and a variable refuses it. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it, type TestContext } from "node:test";
import { mountingNeedsRoot, type OwnFileSystem, ownFileSystem } from "../support/file-systems.ts";
import { CliSandbox } from "./cli-sandbox.ts";

describe("a trust directory that cannot be written", () => {
  const cli = CliSandbox.forSuite("unwritable");
  let image: string;

  before(async () => {
    image = `${cli.repository()}:v1`;
    await cli.publish(await cli.image("v1"), image);
  });

  /** A user whose configuration directory is on a separate file system. */
  function user(t: TestContext, name: string): { disk: OwnFileSystem; env: Record<string, string> } | undefined {
    const disk = ownFileSystem(t, 256);
    if (disk === undefined) {
      t.skip(mountingNeedsRoot);
      return undefined;
    }
    cpSync(cli.stranger(name)["DOCKER_CONFIG"] ?? "", disk.directory, { recursive: true });
    return { disk, env: { ...cli.sandbox.environment, DOCKER_CONFIG: disk.directory } };
  }

  it("says that the root is trusted for this command only, once, and why", async (t) => {
    const found = user(t, "read-only");
    if (found === undefined) return;
    found.disk.makeReadOnly();
    for (let use = 0; use < 2; use += 1) {
      const { stdout, stderr } = await cli.ok(["verify", image], { env: found.env });
      assert.match(stdout, /^sha256:/u);
      assert.match(stderr, /^First contact with .*: its root key is trusted for this command only/mu);
      assert.doesNotMatch(stderr, /from now on/u);
      assert.match(
        stderr,
        /^warning: this machine cannot remember what it verified, so the next command will trust any root again: .*read-only file system$/mu,
      );
      assert.equal(stderr.match(/^warning: /gmu)?.length, 1, stderr);
    }
  });

  it("says so on a full disk, too, and leaves nothing half written", async (t) => {
    const found = user(t, "full");
    if (found === undefined) return;
    try {
      writeFileSync(join(found.disk.directory, "ballast"), Buffer.alloc(256 * 1024));
    } catch {
      // what was written before the disk was full is the ballast
    }
    const { stderr } = await cli.ok(["verify", image], { env: found.env });
    assert.match(stderr, /trusted for this command only/u);
    assert.match(stderr, /no space left on device/u);
    const left = readdirSync(found.disk.directory, { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      left.filter((name) => /\.(?:tmp|lock)$/u.test(name)),
      [],
    );
  });

  it("is refused where a variable says so, before anything is handed out", async (t) => {
    const found = user(t, "insisting");
    if (found === undefined) return;
    found.disk.makeReadOnly();
    const env = { ...found.env, TAGSEAL_REQUIRE_TRUST_DIRECTORY: "1" };
    for (const command of [
      ["verify", image],
      ["list", cli.repository()],
      ["trust", "inspect", image],
    ]) {
      const { code, stdout, stderr } = await cli.run(command, { env });
      assert.equal(code, 1, command.join(" "));
      assert.doesNotMatch(stdout, /sha256:/u);
      assert.match(stderr, /cannot remember what it verified: .*read-only file system/u);
      assert.doesNotMatch(stderr, /First contact/u);
    }
    const { code, stderr } = await cli.run(["verify", image], {
      env: { ...env, TAGSEAL_REQUIRE_TRUST_DIRECTORY: "maybe" },
    });
    assert.equal(code, 1);
    assert.match(stderr, /neither true nor false/u);
  });

  it("is no trouble as long as there is nothing new to remember", async (t) => {
    const found = user(t, "seeded");
    if (found === undefined) return;
    await cli.ok(["verify", image], { env: found.env });
    found.disk.makeReadOnly();
    const env = { ...found.env, TAGSEAL_REQUIRE_TRUST_DIRECTORY: "1" };
    assert.equal((await cli.ok(["verify", image], { env })).stderr, "");
  });

  it("cannot publish: without a lock and without memory nothing is signed", async (t) => {
    const found = user(t, "publisher");
    if (found === undefined) return;
    cpSync(join(cli.sandbox.environment["DOCKER_CONFIG"] ?? "", "trust"), join(found.disk.directory, "trust"), {
      recursive: true,
    });
    found.disk.makeReadOnly();
    const { code, stderr } = await cli.run(["sign", "--from-registry", image], { env: found.env });
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /cannot lock .*: read-only file system\nhint: Make the trust directory writable, or set DOCKER_CONFIG/u,
    );
    found.disk.makeWritable();
    await cli.ok(["sign", "--from-registry", image], { env: found.env });
  });
});
