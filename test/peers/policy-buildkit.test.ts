/** The source policy that Tagseal writes, in today's BuildKit: builds use what was signed, and fetch nothing that is not named. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CliSandbox } from "../cli/cli-sandbox.ts";
import { type Buildkit, installBuildx, startBuildkitd } from "../support/buildkitd.ts";
import { type Registry, startDockerRegistry } from "../support/docker-registry.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { freePort, missingPeers, run, Scope, type Finished } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const skip = missingPeers(["registry", "buildkit", "buildx"]);

describe("the source policy of policy buildkit", { skip }, () => {
  const scope = new Scope("policy-buildkit");
  const stage = CliSandbox.forSuite("policy-buildkit-trust");
  let registry: Registry;
  let buildkit: Buildkit;
  let buildx: Environment;
  let base: string;
  let digest: string;
  let sourcePolicy: string;

  before(async () => {
    registry = await startDockerRegistry(scope);
    base = `${registry.host}/team/base`;
    const [one, two] = [await stage.image("1"), await stage.image("2")];
    digest = one.manifestDigest;
    await stage.publish(one, `${base}:v1`, `${registry.host}/team/frontend:1`);
    // stolen registry credentials: the tag is moved, and another one appears that was not signed
    for (const name of [`${base}:v1`, `${registry.host}/team/raw:1`])
      await stage.ok(["push", "-q", "--disable-content-trust", "--from", `oci:${two.directory}`, name]);
    buildkit = await startBuildkitd(scope, { insecure: [registry.host] });
    mkdirSync(scope.path("docker"));
    buildx = await installBuildx(scope, scope.path("docker"), buildkit);
    sourcePolicy = await written([`${base}:v1`]);
  });
  after(async () => await scope.close());

  async function written(images: readonly string[], ...flags: readonly string[]): Promise<string> {
    const out = scope.path(`${stage.fresh("source-policy")}.json`);
    await stage.ok(["policy", "buildkit", ...flags, "--out", out, ...images]);
    return out;
  }

  function context(dockerfile: string): string {
    const directory = scope.path(stage.fresh("context"));
    mkdirSync(directory);
    writeFileSync(join(directory, "Dockerfile"), dockerfile);
    return directory;
  }

  interface Build extends Finished {
    /** what the image says of itself */
    readonly message: string;
    /** what was asked of the registry meanwhile */
    readonly requests: readonly string[];
  }

  async function observed(work: (output: string) => Promise<Finished>): Promise<Build> {
    const before = registry.process.log().length;
    const output = scope.path(stage.fresh("output"));
    const finished = await work(output);
    const message = finished.code === 0 ? readFileSync(join(output, "app/message.txt"), "utf8").trim() : "";
    const requests =
      registry.process
        .log()
        .slice(before)
        .match(/"(?:GET|HEAD) \/v2\/team\/\S+/gu) ?? [];
    return { ...finished, message, requests };
  }

  async function buildxBuild(dockerfile: string): Promise<Build> {
    const env = { ...buildx, EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: sourcePolicy };
    const directory = context(dockerfile);
    return await observed(async (output) => {
      const line = ["build", "--no-cache", "--output", `type=local,dest=${output}`, directory];
      return await run(findGoPeer("buildx") ?? "buildx", line, { env });
    });
  }

  async function buildctl(dockerfile: string, policy = sourcePolicy): Promise<Build> {
    const directory = context(dockerfile);
    const files = ["--local", `context=${directory}`, "--local", `dockerfile=${directory}`];
    return await observed(async (output) => {
      const how = [
        "--source-policy-file",
        policy,
        "--no-cache",
        "--progress=plain",
        "--output",
        `type=local,dest=${output}`,
      ];
      const line = ["--addr", buildkit.address, "build", "--frontend", "dockerfile.v0", ...files, ...how];
      return await run(findGoPeer("buildctl") ?? "buildctl", line);
    });
  }

  it("I5: puts the signed digest in the place of a tag that was moved, in buildctl and buildx", async () => {
    const built = await buildctl(`FROM ${base}:v1\nCOPY Dockerfile /\n`);
    assert.deepEqual([built.code, built.message], [0, "image 1"], built.stderr);
    assert.ok(
      built.requests.some((line) => line.endsWith(`/manifests/${digest}`)),
      built.requests.join("\n"),
    );
    assert.deepEqual(
      built.requests.filter((line) => /manifests\/v1/u.test(line)),
      [],
    );
    const again = await buildxBuild(`FROM ${base}:v1 AS a\nFROM scratch\nCOPY --from=a / /\n`);
    assert.deepEqual([again.code, again.message], [0, "image 1"], again.stderr);
    assert.deepEqual(
      again.requests.filter((line) => /manifests\/v1/u.test(line)),
      [],
    );
  });

  it("would be needed: without it BuildKit builds from the moved tag", async () => {
    const open = scope.path("open.json");
    writeFileSync(open, '{"version": 1, "rules": []}');
    assert.equal((await buildctl(`FROM ${base}:v1\n`, open)).message, "image 2");
  });

  it("takes the signed digest as it is, and no other", async () => {
    for (const name of [`${base}:v1@${digest}`, `${base}@${digest}`])
      assert.equal((await buildctl(`FROM ${name}\nCOPY Dockerfile /\n`)).message, "image 1", name);
    const other = (await stage.image("2")).manifestDigest;
    for (const name of [`${base}:v1@${other}`, `${base}@${other}`, `${base}:v2`, base])
      assert.match((await buildctl(`FROM ${name}\nCOPY Dockerfile /\n`)).stderr, /denied by policy/u, name);
  });

  it("I9: denies every source that is not named, and nothing of it is fetched", async () => {
    const raw = `${registry.host}/team/raw:1`;
    let fetched = 0;
    const files = createServer((_request, response) => {
      fetched += 1;
      response.end("content");
    });
    const port = await freePort();
    await new Promise<void>((resolve) => files.listen(port, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${port}/file`;
    try {
      for (const dockerfile of [
        `FROM ${raw}\nCOPY Dockerfile /\n`,
        `FROM ${base}:v1\nCOPY --from=${raw} / /\n`,
        `# syntax=${raw}\nFROM ${base}:v1\n`,
        `# syntax=${registry.host}/team/frontend:1\nFROM ${base}:v1\n`,
        `FROM ${base}:v1\nADD ${url} /\n`,
        `FROM ${base}:v1\nADD ${url}.git /\n`,
      ]) {
        const denied = await buildctl(dockerfile);
        assert.notEqual(denied.code, 0, dockerfile);
        assert.match(denied.stderr, /denied by policy/u, dockerfile);
        assert.deepEqual(
          denied.requests.filter((line) => !line.includes("/team/base/")),
          [],
          dockerfile,
        );
      }
      assert.match((await buildxBuild(`FROM ${raw}\nCOPY Dockerfile /\n`)).stderr, /denied by policy/u);
      assert.equal(fetched, 0);
      const allowing = await written([`${base}:v1`], "--allow", "http");
      const built = await buildctl(`FROM ${base}:v1\nADD ${url} /\n`, allowing);
      assert.deepEqual([built.code, built.message, fetched > 0], [0, "image 1", true], built.stderr);
    } finally {
      files.close();
    }
  });

  it("names a front-end as any image: its signed digest is asked for", async () => {
    const policy = await written([`${base}:v1`, `${registry.host}/team/frontend:1`]);
    const { requests, stderr } = await buildctl(`# syntax=${registry.host}/team/frontend:1\nFROM ${base}:v1\n`, policy);
    // the image holds no front-end, so the build fails after it was fetched
    assert.doesNotMatch(stderr, /denied by policy/u);
    assert.ok(
      requests.some((line) => line.includes(`/team/frontend/manifests/${digest}`)),
      stderr,
    );
    assert.deepEqual(
      requests.filter((line) => line.includes("/team/frontend/manifests/1")),
      [],
    );
  });
});
