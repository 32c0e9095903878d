/** Multi-architecture images: signed as a whole, used as a whole or one platform at a time. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type LayoutIndex, writeIndexLayout } from "../support/peers.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

describe("a multi-architecture image", () => {
  const stage = CliSandbox.forSuite("platforms");
  let index: LayoutIndex;
  let app: string;

  const manifestOf = (platform: string): string => {
    const found = index.platforms.get(platform);
    assert.ok(found !== undefined, platform);
    return found;
  };

  before(async () => {
    index = await writeIndexLayout(stage.path("index"), "multi");
    app = `${stage.repository("team/multi")}:1`;
    await stage.ok(["push", "-q", "--from", `oci:${stage.path("index")}`, app]);
  });

  it("is signed as a whole", async () => {
    assert.equal((await stage.ok(["verify", app])).stdout, `${index.index.digest}\n`);
  });

  it("I5: gives each platform's image from the signed index", async () => {
    for (const platform of ["linux/amd64", "linux/arm64/v8"]) {
      const { stdout } = await stage.ok(["verify", "--platform", platform, app]);
      assert.equal(stdout, `${manifestOf(platform)}\n`);
    }
    const both = json(await stage.ok(["verify", "--json", "--platform", "linux/arm64", app])) as Record<
      string,
      unknown
    >;
    assert.equal(both["digest"], index.index.digest);
    assert.equal(both["platformDigest"], manifestOf("linux/arm64/v8"));
  });

  it("says which platforms there are when one is missing", async () => {
    const { code, stderr } = await stage.run(["verify", "--platform", "linux/s390x", app]);
    assert.equal(code, 1);
    assert.match(stderr, /\[PLATFORM_NOT_FOUND\]/);
    assert.match(stderr, /linux\/arm64/);
  });

  it("is fetched whole, or one platform's image", async () => {
    const blob = (directory: string, digest: string): string => join(directory, "blobs", ...digest.split(":"));
    const whole = stage.path("whole");
    await stage.ok(["pull", "-q", "--to", `oci:${whole}`, app]);
    for (const digest of [index.index.digest, manifestOf("linux/amd64"), manifestOf("linux/arm64/v8")]) {
      assert.ok(existsSync(blob(whole, digest)), digest);
    }
    const one = stage.path("one");
    const pulled = await stage.ok(["pull", "--json", "--platform", "linux/arm64", "--to", `oci:${one}`, app]);
    assert.equal((json(pulled) as { pulled: string }).pulled, manifestOf("linux/arm64/v8"));
    assert.ok(existsSync(blob(one, manifestOf("linux/arm64/v8"))));
    assert.equal(existsSync(blob(one, manifestOf("linux/amd64"))), false);
  });

  it("refuses a platform that is none", async () => {
    const { code, stderr } = await stage.run(["verify", "--platform", "linux/", app]);
    assert.equal(code, 1);
    assert.match(stderr, /\[USAGE\]/);
  });
});

describe("several repositories in one command", () => {
  it("shows in JSON which were signed before one failed", async () => {
    await using stage = await CliSandbox.start("several");
    const image = await stage.image("1");
    const [good, bad] = [stage.repository("team/good"), stage.repository("team/bad")];
    await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${image.directory}`, `${good}:1`]);
    const names = [`${good}:1@${image.manifestDigest}`, `${bad}:1@${image.manifestDigest}`];
    const outcome = await stage.run(["sign", "--json", ...names]);
    assert.equal(outcome.code, 1);
    const [first, second] = json(outcome) as { gun: string; error?: { code: string } }[];
    assert.deepEqual([first?.gun, first?.error], [good, undefined]);
    assert.deepEqual([second?.gun, second?.error?.code], [bad, "REGISTRY_NOT_FOUND"]);
  });
});
