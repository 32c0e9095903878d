import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "../../encoding/json.ts";
import { parseInvocation } from "../command-line/invocation.ts";
import { PrivateDirectory } from "../image-build/private-directory.ts";
import { checkedBuild, requestedBuild, type RequestedBuild } from "./service-build.ts";

async function request(build: JsonObject, line = "compose build", more: JsonObject = {}): Promise<RequestedBuild> {
  return await requestedBuild({ build, ...more }, await parseInvocation(line.split(" "), "docker"));
}

const context = import.meta.dirname;

describe("the build of a service", () => {
  it("is read as the flags of docker buildx build", async () => {
    const build = {
      context,
      dockerfile: "docker/File",
      args: { A: "1", B: null, C: "x=y z" },
      additional_contexts: { base: "docker-image://app:1", other: "service:other" },
      cache_from: ["app:cache"],
      target: "run",
    };
    const { invocation, inline } = await request(build, "-H unix:///x compose build --builder b --build-arg A=2", {
      platform: "linux/arm64",
    });
    const expected = [
      "-H unix:///x buildx build --build-arg=A=1 --build-arg=C=x=y z --build-arg=A=2",
      "--build-context=base=docker-image://app:1 --build-context=other=. --cache-from=app:cache --platform=linux/arm64",
      `--target=run --builder=b --file=${context}/docker/File -- ${context}`,
    ];
    assert.equal(invocation.argv.join(" "), expected.join(" "));
    assert.equal(inline, undefined);
  });

  it("has a Dockerfile in the project", async () => {
    const { invocation, inline } = await request({ context, dockerfile_inline: "FROM x\n" });
    assert.deepEqual(invocation.flags.get("file"), ["-"]);
    assert.equal(inline, "FROM x\n");
  });

  for (const [build, message] of [
    [{ frontend: "x" }, /^build\.frontend may bring in/u],
    [{ sbom: "true" }, /^build\.sbom starts a scanner/u],
    [{ provenance: "mode=max,type=sbom,generator=evil" }, /^build\.provenance starts a scanner/u],
    [{ provenance: "${target.web.args.A}" }, /which buildx reads as a template$/u],
    [{ target: '${"x"}' }, /which buildx reads as a template$/u],
    [{ context: '${"x"}' }, /which buildx reads as a template$/u],
    [{ additional_contexts: { x: "%{if true}docker-image://y%{endif}" } }, /which buildx reads as a template$/u],
    [{ additional_contexts: { '${"x"}': "." } }, /which buildx reads as a template$/u],
    [{ args: { '${"BUILDKIT_SYNTAX"}': "evil" } }, /which buildx reads as a template$/u],
    [{ cache_from: ['${"evil"}'] }, /which buildx reads as a template$/u],
    [{ cache_from: "evil" }, /^build\.cache_from of it is not understood/u],
    [{ args: ["A=1"] }, /^build\.args of it is not understood/u],
  ] as const) {
    it(`I9: is refused when it is not understood: ${JSON.stringify(build)}`, async () => {
      const given = structuredClone(build) as JsonObject;
      await assert.rejects(request({ context, ...given }), { code: "COMPOSE_REFUSED", message });
    });
  }

  it("I9: takes no build argument from the environment of compose", async () => {
    await assert.rejects(request({ context }, "compose build --build-arg A"), {
      message: /^--build-arg A has no value$/u,
    });
  });

  async function written(dockerfile: string, changed: readonly (readonly [string, readonly string[]])[] = []) {
    const build = {
      context,
      dockerfile: "File",
      args: { A: "1" },
      additional_contexts: { base: "docker-image://app:1", other: "service:other" },
      secrets: [{ source: "s" }],
    };
    const requested = await request(build);
    const bytes = Buffer.from(dockerfile);
    const prepared = { context, file: "/private/File", input: undefined, dockerfile: { bytes, images: [] } };
    const directory = new PrivateDirectory();
    try {
      const checked = checkedBuild({ build }, requested, { prepared, changed }, directory);
      return { checked: JSON.parse(JSON.stringify(checked)) as JsonObject, directory: directory.path() };
    } finally {
      directory.remove();
    }
  }

  it("is written back with the checked Dockerfile and digests", async () => {
    const { checked } = await written("FROM app@digest\n", [
      ["build-context", ["base=docker-image://app@digest", "other=."]],
      ["build-arg", ["A=1", "BUILDKIT_SYNTAX=x@digest"]],
    ]);
    assert.deepEqual(checked, {
      context,
      dockerfile_inline: "FROM app@digest\n",
      args: { A: "1", BUILDKIT_SYNTAX: "x@digest" },
      additional_contexts: { base: "docker-image://app@digest", other: "service:other" },
      cache_from: [],
      secrets: [{ source: "s" }],
    });
  });

  for (const dockerfile of ["FROM x\nRUN echo ${A}\n", "FROM x\nRUN curl -w '%{http_code}'\n"]) {
    it(`I9: keeps a Dockerfile in its file that buildx could read in another way: ${JSON.stringify(dockerfile)}`, async () => {
      const { checked, directory } = await written(dockerfile);
      assert.equal(checked["dockerfile"], "/private/File");
      assert.equal("dockerfile_inline" in checked, false);
      const contexts = { base: "docker-image://app:1", other: "service:other", "tagseal-dockerfile": directory };
      assert.deepEqual(checked["additional_contexts"], contexts);
    });
  }
});
