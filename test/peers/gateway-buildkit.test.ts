/** BuildKit and buildx behind a gateway: images that are named by it, and the source policy that `gateway configure` writes, which renames the others. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { refusedImages } from "../support/gateway-cases.ts";
import { gatewayEngineStory } from "../support/gateway-engine-story.ts";
import { findGoPeer } from "../support/go-peers.ts";
import {
  type Buildkit,
  type Finished,
  installBuildx,
  layoutBlobs,
  missingPeers,
  Scope,
  startBuildkitd,
} from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const skip = missingPeers(["buildkit", "buildx", "skopeo", "openssl", "machine"]);

describe("BuildKit behind a gateway", { skip }, () => {
  const scope = new Scope("gateway-buildkit");
  const story = gatewayEngineStory(scope);
  let buildkit: Buildkit;
  let env: Environment;

  before(async () => {
    await story.configure("buildkit");
    buildkit = await startBuildkitd(scope, { machine: story.machine });
    env = await installBuildx(scope, scope.path("docker"), buildkit);
  });
  after(async () => await scope.close());

  /** The source policy that is configured. */
  const sourcePolicy = (): string => story.machine.path("/etc/buildkit/tagseal-gateway.json");

  /** The source policy for a gateway that is not there. */
  async function policyOfNowhere(): Promise<string> {
    const root = scope.path("nowhere");
    await story.configure("buildkit", { root, gateway: story.nowhere });
    return join(root, "etc/buildkit/tagseal-gateway.json");
  }

  /** A directory with a Dockerfile. */
  function context(...lines: readonly string[]): string {
    const directory = scope.path("context");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "Dockerfile"), `${lines.join("\n")}\n`);
    return directory;
  }

  /** Builds what is only this image, into an OCI layout in a file. */
  async function buildctl(image: string, policy: string | undefined): Promise<Finished> {
    const place = context(`FROM ${image}`, "LABEL a=b");
    const source = ["--frontend", "dockerfile.v0", "--local", `context=${place}`, "--local", `dockerfile=${place}`];
    const rules = policy === undefined ? [] : ["--source-policy-file", policy];
    const out = ["--no-cache", "--output", `type=oci,dest=${scope.path("out.tar")}`, "--progress", "plain"];
    const buildctlPath = findGoPeer("buildctl") ?? "buildctl";
    return await story.run([buildctlPath, "--addr", buildkit.address, "build", ...source, ...rules, ...out]);
  }

  async function buildx(image: string, policy: string): Promise<Finished> {
    const place = context(`FROM ${image}`, "LABEL a=b");
    const args = ["build", "--no-cache", "--output", `type=oci,dest=${scope.path("out.tar")}`, place];
    const buildxPath = findGoPeer("buildx") ?? "buildx";
    return await story.run([buildxPath, ...args], { ...env, EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: policy });
  }

  it("builds from what was signed after the registry's tags were moved, byte for byte", async () => {
    const policy = sourcePolicy();
    for (const [image, digest] of [
      [story.byRegistry("team/app:v1"), story.single],
      [story.byRegistry("team/multi:v1"), story.multi],
      [story.byGateway("team/multi:v1"), story.multi],
    ] as const) {
      const asked = await story.asked(async () => {
        const { code, stderr } = await buildctl(image, policy);
        assert.equal(code, 0, stderr);
        assert.ok(stderr.includes(`${story.byGateway("").slice(0, -1)}/`) && stderr.includes(digest), stderr);
      });
      assert.deepEqual(
        asked.filter((line) => line.includes("/manifests/v1")),
        [],
      );
    }
    for (const repository of ["team/app", "team/multi"] as const)
      story.assertHeld(repository, layoutBlobs(buildkit.contents));
    const { code, stderr } = await buildx(story.byRegistry("team/app:v1"), policy);
    assert.equal(code, 0, stderr);
  });

  for (const [name, row] of Object.entries(refusedImages)) {
    it(`I9: is refused an image that is ${name}, and nothing of it is fetched`, async () => {
      const image = story.refused(row);
      const [byBuildctl = "", byBuildx = ""] = await story.refusals(
        image,
        async () => await buildctl(image, sourcePolicy()),
        async () => await buildx(image, sourcePolicy()),
      );
      for (const text of [byBuildctl, byBuildx]) {
        if (row.status === undefined) assert.match(text, /403 Forbidden/u);
        assert.match(text, row.words);
      }
    });
  }

  it("I9: is refused an unsigned image with buildx, by the gateway's name, and in a # syntax= line", async () => {
    const image = story.byRegistry("team/app:raw");
    const policy = sourcePolicy();
    const texts = await story.refusals(
      image,
      async () => await buildx(image, policy),
      async () => await buildctl(story.byGateway("team/app:raw"), undefined),
      async () => {
        const place = context(`# syntax=${image}`, `FROM ${story.byRegistry("team/app:v1")}`);
        const args = ["build", "--no-cache", "--output", `type=oci,dest=${scope.path("out.tar")}`, place];
        const command = [findGoPeer("buildx") ?? "buildx", ...args];
        return await story.run(command, { ...env, EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: policy });
      },
    );
    for (const text of texts) assert.match(text, /No valid trust data for raw/u);
  });

  it("I9: goes neither past a gateway that does not answer nor to a registry that the policy does not name", async () => {
    const image = story.byRegistry("team/app:v1");
    const nowhere = await policyOfNowhere();
    const [silence = "", denied = ""] = await story.refusals(
      image,
      async () => await buildctl(image, nowhere),
      async () => await buildctl(image.replace("127.0.0.1", "localhost"), sourcePolicy()),
    );
    assert.match(silence, /gateway\.example\.com:9.*connection refused/u);
    assert.match(denied, /source .*denied by policy/u);
  });
});
