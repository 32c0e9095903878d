import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseInvocation } from "../command-line/invocation.ts";
import type { Engine } from "../engine.ts";
import { buildKitVersions, frontEndVersion } from "./buildkit-version.ts";

/** What docker prints, by its arguments; anything else fails. */
async function versions(
  line: string,
  answers: Readonly<Record<string, string>>,
): Promise<readonly number[] | undefined> {
  const run = async (args: readonly string[]): ReturnType<Engine["run"]> => {
    const stdout = answers[args.join(" ")];
    return { exitCode: stdout === undefined ? 1 : 0, stdout: stdout ?? "", stderr: "" };
  };
  return await buildKitVersions({ run }, await parseInvocation(line.split(" "), "docker"));
}

const withBuildx = { "build --help": "Usage:  docker buildx build [OPTIONS] PATH | URL | -" };
const server = "version --format {{.Server.Version}}";

describe("which BuildKit builds", () => {
  it("is said by buildx for the builder it has chosen", async () => {
    const one = "Name: default\nNodes:\nName: default\nBuildKit version: v0.17.2\n";
    assert.deepEqual(await versions("build .", { ...withBuildx, "buildx inspect": one, [server]: "20.10.5" }), [17]);
    const two = `${one}Buildkit: 0.12.5\n`;
    assert.deepEqual(await versions("buildx build --builder b .", { "buildx inspect b": two }), [17, 12]);
  });

  it("is not known when one of its nodes does not know its own", async () => {
    const text = "BuildKit version: v0.17.2\nBuildKit version: v0.0.0+unknown\n";
    assert.equal(await versions("buildx build .", { "buildx inspect": text }), undefined);
    assert.equal(await versions("build .", { ...withBuildx, [server]: "28.0.0" }), undefined);
  });

  it("follows from the engine's version where docker builds without buildx", async () => {
    assert.deepEqual(
      await versions("build .", { "build --help": "Usage:  docker build", [server]: "20.10.24+dfsg1\n" }),
      [8],
    );
    assert.deepEqual(await versions("build .", { [server]: "31.1.0" }), [17]);
    assert.equal(await versions("build .", { [server]: "dev" }), undefined);
    assert.equal(await versions("build .", {}), undefined);
  });

  const frontEnds: readonly (readonly [image: string, version: number | undefined])[] = [
    ["docker/dockerfile:1", 17],
    ["docker/dockerfile", 17],
    ["docker.io/docker/dockerfile:1.4", 10],
    ["docker/dockerfile:1.7.1-labs", 13],
    ["docker/dockerfile:experimental", undefined],
    ["example.com/docker/dockerfile:1", undefined],
    ["docker/dockerfile-upstream:master", undefined],
  ];
  for (const [image, version] of frontEnds) {
    it(`of the front-end ${image} is ${version ?? "not known"}`, () => assert.equal(frontEndVersion(image), version));
  }
});
