/** A publisher's and a reader's day with images on disk and in a registry, no engine anywhere. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import type { DemoImage } from "../../src/sandbox/demo-image.ts";
import { CliSandbox, json } from "./cli-sandbox.ts";

describe("publishing and consuming without an engine", () => {
  const stage = CliSandbox.forSuite("publish");
  let image: DemoImage;
  let app: string;

  before(async () => {
    image = await stage.image("1.0");
    app = stage.repository();
  });

  it("does not see an unsigned image", async () => {
    await stage.ok(["push", "--disable-content-trust", "--from", `oci:${image.directory}`, `${app}:1.0`]);
    for (const argv of [
      ["verify", `${app}:1.0`],
      ["list", app],
      ["pull", "--to", `oci:${stage.path("nothing")}`, `${app}:1.0`],
    ]) {
      const { code, stdout, stderr } = await stage.run(argv);
      assert.equal(code, 2, argv.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, /\[REPOSITORY_NOT_SIGNED\]/);
    }
  });

  it("prints docker's lines when it pushes and signs for the first time", async () => {
    const { stdout, stderr } = await stage.ok(["push", "--from", `oci:${image.directory}`, `${app}:1.0`]);
    assert.equal(
      stdout,
      `1.0: digest: ${image.manifestDigest} size: ${image.manifestSize}\nSigning and pushing trust metadata\nFinished initializing "${app}"\nSuccessfully signed ${app}:1.0\n`,
    );
    assert.match(stderr, new RegExp(`^The push refers to repository \\[${app}\\]\\n`));
    assert.match(stderr, /: Layer already exists\n/);
  });

  it("prints only the image with --quiet", async () => {
    const { stdout, stderr } = await stage.ok(["push", "-q", "--from", `oci:${image.directory}`, `${app}:1.0`]);
    assert.equal(stdout, `${app}:1.0@${image.manifestDigest}\n`);
    assert.equal(stderr, "");
  });

  it("verifies: the digest alone on standard output", async () => {
    const { stdout } = await stage.ok(["verify", `${app}:1.0`]);
    assert.equal(stdout, `${image.manifestDigest}\n`);
  });

  it("shows whom it trusts on first contact, and never again", async () => {
    const env = stage.stranger("first-contact");
    const first = await stage.ok(["verify", `${app}:1.0`], { env });
    assert.match(first.stderr, /^First contact with .*\n {2}root certificate [0-9a-f]{64}\n$/);
    assert.equal((await stage.ok(["verify", `${app}:1.0`], { env })).stderr, "");
  });

  it("refuses a tag that is signed for another digest than the one named", async () => {
    const other = `sha256:${"1".repeat(64)}`;
    const { code, stdout, stderr } = await stage.run(["verify", `${app}:1.0@${other}`]);
    assert.equal(code, 3);
    assert.equal(stdout, "");
    assert.match(stderr, /\[TAG_DIGEST_MISMATCH\]/);
    assert.equal((await stage.ok(["verify", `${app}:1.0@${image.manifestDigest}`])).code, 0);
  });

  it("signs several tags of one repository in one step, and lists them in natural order", async () => {
    const tags = ["v10", "v2", "latest"].map((tag) => `${app}:${tag}@${image.manifestDigest}`);
    const { stdout } = await stage.ok(["sign", ...tags]);
    assert.equal(stdout, tags.map((tag) => `Signed ${tag} (targets)\n`).join(""));
    assert.equal((await stage.ok(["list", "-q", app])).stdout, "1.0\nlatest\nv2\nv10\n");
    assert.deepEqual(
      (json(await stage.ok(["list", "--json", app])) as { tag: string }[]).map(({ tag }) => tag),
      ["1.0", "latest", "v2", "v10"],
    );
  });

  it("takes latest where no tag is given", async () => {
    assert.equal((await stage.ok(["verify", app])).stdout, `${image.manifestDigest}\n`);
  });

  it("signs nothing without a digest, unless told to take the registry's, which it then shows", async () => {
    const refused = await stage.run(["sign", `${app}:1.0`]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /--from-registry/);
    const { stderr } = await stage.ok(["sign", "--from-registry", `${app}:1.0`]);
    assert.equal(stderr, `${app}:1.0 is ${image.manifestDigest} in the registry now\n`);
  });

  it("does not sign a digest that the registry does not serve", async () => {
    const { code, stderr } = await stage.run(["sign", `${app}:ghost@sha256:${"2".repeat(64)}`]);
    assert.equal(code, 1);
    assert.match(stderr, /\[REGISTRY_NOT_FOUND\]/);
    assert.equal((await stage.run(["verify", `${app}:ghost`])).code, 2);
  });

  it("fetches what was signed, byte for byte", async () => {
    const target = stage.path("pulled");
    const { stdout } = await stage.ok(["pull", "--to", `oci:${target}`, `${app}:1.0`]);
    assert.equal(stdout, `${app}:1.0@${image.manifestDigest}\n`);
    for (const digest of [image.manifestDigest, image.layerDigest]) {
      const blob = join("blobs", ...digest.split(":"));
      assert.deepEqual(readFileSync(join(target, blob)), readFileSync(join(image.directory, blob)));
    }
  });

  it("I5: fetches the signed image although the registry moved the tag", async () => {
    const evil = await stage.image("evil");
    await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${evil.directory}`, `${app}:1.0`]);
    const { stdout } = await stage.ok(["pull", "-q", "--to", `docker-archive:${stage.path("a.tar")}`, `${app}:1.0`]);
    assert.equal(stdout, `${app}:1.0@${image.manifestDigest}\n`);
  });

  it("fetches a digest by itself without asking for a signature: the name is exact", async () => {
    const offline = { ...stage.stranger("by-digest"), DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" };
    const argv = ["pull", "-q", "--to", `oci:${stage.path("by-digest-image")}`, `${app}@${image.manifestDigest}`];
    assert.equal((await stage.ok(argv, { env: offline })).stdout, `${app}@${image.manifestDigest}\n`);
  });

  it("chooses a platform, and refuses one the image is not for", async () => {
    const fits = await stage.run(["verify", "--platform", "linux/amd64", `${app}:1.0`]);
    const other = await stage.run(["verify", "--platform", "linux/riscv64", `${app}:1.0`]);
    assert.ok(fits.code === 0 || process.arch !== "x64");
    assert.equal(other.code, 1);
    assert.match(other.stderr, /\[PLATFORM_NOT_FOUND\]/);
  });

  it("I4: uses cached data with a warning when the server is away, and refuses it when asked to", async () => {
    const env = { ...stage.sandbox.environment, DOCKER_CONTENT_TRUST_SERVER: "https://127.0.0.1:1" };
    const cached = await stage.ok(["verify", "-q", `${app}:1.0`], { env });
    assert.match(cached.stderr, /^warning: /);
    const refused = await stage.run(["verify", "--max-staleness", "0", `${app}:1.0`], { env });
    assert.notEqual(refused.code, 0);
    assert.equal(refused.stdout, "");
  });

  it("I4: refuses what has expired", async () => {
    const later = (): Date => new Date(Date.now() + 30 * 86_400_000);
    const { code, stderr } = await stage.run(["verify", `${app}:1.0`], { now: later });
    assert.equal(code, 3);
    assert.match(stderr, /\[METADATA_EXPIRED\]/);
  });

  it("says the same in JSON", async () => {
    const verified = json(await stage.ok(["verify", "--json", `${app}:1.0`])) as Record<string, unknown>;
    assert.equal(verified["digest"], image.manifestDigest);
    assert.equal(verified["image"], `${app}:1.0@${image.manifestDigest}`);
    const pushed = await stage.ok(["push", "--json", "--from", `oci:${image.directory}`, `${app}:json`]);
    assert.deepEqual(json(pushed), {
      image: `${app}:json@${image.manifestDigest}`,
      gun: app,
      tag: "json",
      digest: image.manifestDigest,
      size: image.manifestSize,
      signed: true,
    });
    assert.equal(pushed.stderr, "");
    const failed = await stage.run(["verify", "--json", `${app}:nosuch`]);
    assert.equal((json(failed) as { error: { code: string } }).error.code, "TAG_NOT_SIGNED");
    assert.match(failed.stderr, /^No valid trust data for nosuch\n/);
  });

  it("cannot push a digest, or without a source", async () => {
    const digest = await stage.run(["push", "--from", "oci:x", `${app}:1@${image.manifestDigest}`]);
    assert.match(digest.stderr, /^cannot push a digest reference\n/);
    assert.match(
      (await stage.run(["push", `${app}:1`])).stderr,
      /Without an engine.*--from oci:DIR.*\[ENGINE_NOT_FOUND\]/,
    );
    assert.match(
      (await stage.run(["pull", `${app}:1`])).stderr,
      /Without an engine.*--to oci:DIR.*\[ENGINE_NOT_FOUND\]/,
    );
    assert.match(
      (await stage.run(["pull", "--to", "tar:x", `${app}:1`])).stderr,
      /^--to: "tar:x" cannot hold an image/,
    );
    assert.match(
      (await stage.run(["push", "--from", `oci:${stage.path("nosuch")}`, `${app}:1`])).stderr,
      /\[FILE_UNREADABLE\]/,
    );
  });
});
