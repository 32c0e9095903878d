import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetadataError } from "../../errors.ts";
import { parseDigest } from "../../reference/digest.ts";
import { parseInvocation } from "../command-line/invocation.ts";
import type { BaseImageSource } from "./base-image.ts";
import { pinnedName } from "./pinned-name.ts";
import { buildPlatforms, refuseUnfollowedFlags } from "./build-flags.ts";
import { trustImageFlags } from "./image-flags.ts";

const digest = parseDigest(`sha256:${"a".repeat(64)}`);

interface Asked {
  readonly engine?: "docker" | "podman";
  readonly env?: Readonly<Record<string, string>>;
}

async function flags(line: string, { engine = "docker", env = {} }: Asked = {}) {
  const warnings: string[] = [];
  const images: BaseImageSource = {
    resolve: async (reference) => {
      if (reference.repository.includes("evil")) throw new MetadataError("TAG_NOT_SIGNED", "No valid trust data");
      return { reference, digest, name: pinnedName(engine, reference, digest) };
    },
    configurations: async () => [],
  };
  const invocation = await parseInvocation(["build", ...line.split(" "), "."], engine);
  const settings = { kind: engine, env, images, warn: (message: string) => warnings.push(message) };
  const { changed, contexts, firstBase } = await trustImageFlags(invocation, settings);
  return {
    contexts,
    firstBase,
    changed: changed.flatMap(([name, values]) => values.map((value) => `--${name}=${value}`)),
    warnings,
  };
}

describe("images in a build's flags", () => {
  const rows: readonly (readonly [line: string, changed: readonly string[], asked?: Asked])[] = [
    ["--rm", []],
    [
      "--build-context a=. --build-context b=https://x/y.git",
      ["--build-context=a=.", "--build-context=b=https://x/y.git"],
    ],
    ["--build-context a=docker-image://base:1", [`--build-context=a=docker-image://base@${digest}`]],
    [
      "--build-context a=docker-image://base:1",
      [`--build-context=a=docker-image://docker.io/library/base@${digest}`],
      { engine: "podman" },
    ],
    ["--build-context a=docker-image://scratch", ["--build-context=a=docker-image://scratch"]],
    [`--build-context a=oci-layout://dir@${digest}`, [`--build-context=a=oci-layout://dir@${digest}`]],
    ["--cache-from base:1", [`--cache-from=base@${digest}`]],
    ["--cache-from type=registry,ref=base:1", [`--cache-from=type=registry,ref=base@${digest}`]],
    [
      "--build-arg A=1 --build-arg BUILDKIT_SYNTAX=front:1",
      ["--build-arg=A=1", `--build-arg=BUILDKIT_SYNTAX=front@${digest}`],
    ],
    [
      "--build-arg BUILDKIT_SYNTAX",
      [`--build-arg=BUILDKIT_SYNTAX=front@${digest}`],
      { env: { BUILDKIT_SYNTAX: "front:1" } },
    ],
    ["--build-arg BUILDKIT_SYNTAX", []],
    ["--sbom true", [`--sbom=generator=docker/buildkit-syft-scanner@${digest}`]],
    ["--sbom false", ["--sbom=false"]],
    ["--sbom generator=scan:1", [`--sbom=generator=scan@${digest}`]],
    ["--attest type=sbom", [`--attest=type=sbom,generator=docker/buildkit-syft-scanner@${digest}`]],
    [
      "--attest type=sbom,disabled=true --attest type=provenance,mode=max",
      ["--attest=type=sbom,disabled=true", "--attest=type=provenance,mode=max"],
    ],
    ["--provenance mode=max", ["--provenance=mode=max"]],
    ["--provenance mode=max,type=sbom,generator=scan:1", [`--provenance=mode=max,type=sbom,generator=scan@${digest}`]],
    ["--from base:1", [`--from=docker.io/library/base@${digest}`], { engine: "podman" }],
    ["--from scratch", ["--from=scratch"], { engine: "podman" }],
    [
      "--build-context a=container-image://base:1 --build-context b=docker://base:1",
      [
        `--build-context=a=container-image://docker.io/library/base@${digest}`,
        `--build-context=b=docker://docker.io/library/base@${digest}`,
      ],
      { engine: "podman" },
    ],
    ["--build-context a=oci-layout://dir:tag", ["--build-context=a=oci-layout://dir:tag"], { engine: "podman" }],
  ];
  for (const [line, changed, asked] of rows) {
    it(`${line} ${JSON.stringify(asked ?? {})}`, async () =>
      assert.deepEqual((await flags(line, asked)).changed, changed));
  }

  const refused: readonly (readonly [line: string, message: RegExp, asked?: Asked])[] = [
    ["--build-context a=docker-image://evil", /--build-context: evil: No valid trust data$/],
    ["--build-context a=container-image://base:1", /is not understood/],
    ["--build-context a=docker://evil", /--build-context: evil: /, { engine: "podman" }],
    ["--build-context a::linux/amd64=docker-image://base", /one platform only/],
    ["--build-context a=oci-layout://dir:tag", /names no digest/],
    ["--build-context a=docker-archive://x", /is not understood/],
    ["--build-context a", /expected NAME=VALUE/],
    ["--cache-from evil", /--cache-from: evil: /],
    ["--cache-from type=registry,ref=evil", /--cache-from: evil: /],
    ["--cache-from type=registry", /is not understood/],
    ['--cache-from "type=registry",ref=evil', /quotes/],
    ["--build-arg BUILDKIT_SYNTAX=evil", /BUILDKIT_SYNTAX: evil: /],
    ["--sbom generator=evil", /--sbom: evil: /],
    // buildx writes a type before the value, and the last type counts
    ["--provenance mode=max,type=sbom,generator=evil", /--provenance: evil: /],
    ["--from evil", /--from: evil: /, { engine: "podman" }],
    ["--from ctx --build-context ctx=docker://base:1", /--from ctx is a build context, too/, { engine: "podman" }],
  ];
  for (const [line, message, asked] of refused) {
    it(`I9: refuses ${line}`, async () => {
      await assert.rejects(flags(line, asked), message);
    });
  }

  it("warns of caches, which are never signed", async () => {
    const { warnings, changed } = await flags("--cache-from type=gha");
    assert.deepEqual(changed, ["--cache-from=type=gha"]);
    assert.match(warnings.join(), /type=gha is not covered/);
  });

  it("shows what replaces which name", async () => {
    const { contexts, firstBase } = await flags("--build-context a=docker://base:1 --build-context b=. --from base:2", {
      engine: "podman",
    });
    assert.deepEqual([...contexts.keys()], ["a", "b"]);
    assert.deepEqual(
      [...contexts.values()].map(({ kind }) => kind),
      ["image", "files"],
    );
    assert.ok(firstBase !== "scratch" && firstBase?.name === `docker.io/library/base@${digest}`);
  });

  it("I9: refuses what it cannot follow", async () => {
    for (const given of [
      "--build-arg-file=x",
      "--cache-from=base",
      "--mount=type=bind,from=evil,target=/x",
      "--source-policy-file=x",
      "--all-platforms",
      "--sbom-scanner-image=evil",
      "--sbom-output=file",
    ]) {
      const podman = await parseInvocation(["build", given, "."], "podman");
      assert.throws(() => refuseUnfollowedFlags(podman, "podman", {}), /cannot be used under content trust/, given);
    }
    const several = await parseInvocation(["build", "-f", "a", "-f", "b", "."], "podman");
    assert.throws(() => refuseUnfollowedFlags(several, "podman", {}), /several -f/);
    const learnt = await parseInvocation(["build", "--new", "x", "."], "docker", async () => "  --new string   text\n");
    assert.throws(() => refuseUnfollowedFlags(learnt, "docker", {}), /--new cannot be used/);
    const docker = await parseInvocation(["build", "."], "docker");
    const env = { EXPERIMENTAL_BUILDKIT_SOURCE_POLICY: "policy.json" };
    assert.throws(() => refuseUnfollowedFlags(docker, "docker", env), /may replace images/);
    refuseUnfollowedFlags(docker, "docker", {});
    const policy = await parseInvocation(["build", "--policy", "filename=x.rego", "."], "docker");
    assert.throws(() => refuseUnfollowedFlags(policy, "docker", {}), /--policy cannot be used/);
  });

  it("knows the platforms that are asked for", async () => {
    const docker = await parseInvocation(["build", "--platform", "linux/amd64,linux/arm64", "."], "docker");
    assert.deepEqual(buildPlatforms(docker, "docker", {}), ["linux/amd64", "linux/arm64"]);
    const none = await parseInvocation(["build", "."], "docker");
    assert.deepEqual(buildPlatforms(none, "docker", { DOCKER_DEFAULT_PLATFORM: "linux/s390x" }), ["linux/s390x"]);
    const podman = await parseInvocation(["build", "--arch", "arm", "--variant", "v7", "."], "podman");
    assert.deepEqual(buildPlatforms(podman, "podman", {}), []);
    const both = ["build", "--os", "linux", "--override-arch", "arm", "--variant", "v7", "."];
    assert.deepEqual(buildPlatforms(await parseInvocation(both, "podman"), "podman", {}), ["linux/arm/v7"]);
  });
});
