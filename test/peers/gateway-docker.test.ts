/** dockerd and Compose behind a gateway: images that are named by it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { refusedImages } from "../support/gateway-cases.ts";
import { gatewayEngineStory } from "../support/gateway-engine-story.ts";
import { findGoPeer } from "../support/go-peers.ts";
import {
  type Finished,
  layoutBlobs,
  missingPeers,
  runOk,
  Scope,
  startDockerd,
  tagsealCommand,
} from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const skip = missingPeers(["docker", "dockerd", "skopeo", "compose", "compose 5", "openssl", "machine"]);
const composes = { "compose 1": "docker-compose", "compose 5": findGoPeer("docker-compose") ?? "docker-compose" };

describe("dockerd behind a gateway", { skip }, () => {
  const scope = new Scope("gateway-docker");
  const story = gatewayEngineStory(scope);
  let env: Environment;

  before(async () => {
    const engine = await startDockerd(scope, { machine: story.machine, network: "none" });
    mkdirSync(scope.path("home"));
    env = { DOCKER_HOST: engine.host, HOME: scope.path("home"), DOCKER_BUILDKIT: "0" };
  });
  after(async () => await scope.close());

  const run = async (...command: readonly string[]): Promise<Finished> => await story.run(command, env);

  async function ok(...command: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(...command);
    assert.equal(code, 0, `${command.join(" ")}: ${stderr}`);
    return stdout;
  }

  /** Where Compose finds a service with this image. */
  function project(image: string): string {
    const directory = scope.path("project");
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, "docker-compose.yml"),
      `version: "3"\nservices:\n  app:\n    image: ${image}\n    command: none\n`,
    );
    writeFileSync(join(directory, "Dockerfile"), `FROM ${image}\nLABEL a=b\n`);
    return directory;
  }

  /** What the engine gives for an image, by the digests that the blobs have. */
  async function saved(image: string): Promise<ReadonlyMap<string, Buffer>> {
    const directory = scope.path("saved");
    mkdirSync(directory, { recursive: true });
    await ok("docker", "save", "-o", `${directory}.tar`, image);
    await runOk("tar", ["-xf", `${directory}.tar`, "-C", directory]);
    const files = globSync(`${directory}/{*.json,*/layer.tar}`).map((path) => readFileSync(path));
    return new Map(files.map((bytes) => [createHash("sha256").update(bytes).digest("hex"), bytes]));
  }

  it("I9: does not pull before it knows the authority of the gateway's certificate, and does with what is configured", async () => {
    const image = story.byGateway("team/app:v1");
    const [text] = await story.refusals(image, async () => await run("docker", "pull", image));
    assert.match(text ?? "", /certificate signed by unknown authority/u);
    await story.configure("docker");
    await ok("docker", "pull", image);
    await ok("docker", "rmi", "-f", image);
  });

  it("pulls what was signed after the registry's tags were moved, byte for byte", async () => {
    for (const [repository, digest] of [
      ["team/app", story.single],
      ["team/multi", story.multi],
    ] as const) {
      const image = story.byGateway(`${repository}:v1`);
      const asked = await story.asked(async () => await ok("docker", "pull", image));
      assert.deepEqual(
        asked.filter((line) => line.includes("/manifests/v1")),
        [],
      );
      const through = await ok("docker", "inspect", "-f", "{{.Id}} {{.RepoDigests}}", image);
      assert.ok(through.includes(digest), through);
      story.assertHeld(repository, await saved(image), "contents");
      await ok("docker", "rmi", "-f", image);
      const direct = `${story.byRegistry(repository)}@${digest}`;
      await ok("docker", "pull", direct);
      assert.equal(through.split(" ", 1)[0], (await ok("docker", "inspect", "-f", "{{.Id}}", direct)).trim());
      await ok("docker", "rmi", "-f", direct);
    }
  });

  for (const [name, compose] of Object.entries(composes))
    it(`${name} starts what was signed after the registry's tag was moved`, async () => {
      const image = story.byGateway("team/app:v1");
      const file = join(project(image), "docker-compose.yml");
      await ok(compose, "-f", file, "pull");
      assert.ok((await ok("docker", "inspect", "-f", "{{.RepoDigests}}", image)).includes(story.single));
      story.assertHeld("team/app", await saved(image), "contents");
      await ok(compose, "-f", file, "up", "--no-start");
      const container = (await ok(compose, "-f", file, "ps", "-a", "-q")).trim();
      await ok("docker", "cp", `${container}:/content.txt`, scope.path("content"));
      assert.equal(readFileSync(scope.path("content"), "utf8"), "one");
      await ok(compose, "-f", file, "rm", "-f", "-s");
      await ok("docker", "rmi", "-f", image);
    });

  for (const [name, row] of Object.entries(refusedImages)) {
    it(`I9: is refused an image that is ${name}, also by Compose, and nothing of it is fetched`, async () => {
      const refused = story.refused(row).replace(story.byRegistry(""), story.byGateway(""));
      const file = join(project(refused), "docker-compose.yml");
      const shown = await story.refusals(
        refused,
        async () => await run("docker", "pull", refused),
        ...Object.values(composes).map((compose) => async () => await run(compose, "-f", file, "pull")),
      );
      for (const text of shown) {
        assert.match(text, row.words);
        if (row.status === undefined)
          assert.match(text, /pull access denied for .* or may require 'docker login': denied: /u);
      }
    });
  }

  it("I9: no client is given a blob or a manifest of the registry that nothing signed lists", async () => {
    for (const name of layoutBlobs(scope.path("layout-raw")).keys())
      for (const kind of ["blobs", "manifests"]) {
        const url = `${story.url.origin}/v2/${story.byGateway("team/app").slice(story.host.length + 1)}/${kind}/sha256:${name}`;
        const ask = async (): Promise<Finished> => await run("curl", "-sS", "--fail", "--cacert", story.ca, url);
        const [text] = await story.refusals(`team/app@sha256:${name}`, ask);
        assert.match(text ?? "", /error: 403/u);
      }
  });

  it("I9: is refused an unsigned image however it fetches it", async () => {
    const refused = story.byGateway("team/app:raw");
    const directory = project(refused);
    const file = join(directory, "docker-compose.yml");
    const attempts = [
      ["docker", "run", refused],
      ["docker", "build", directory],
      ...Object.values(composes).map((compose) => [compose, "-f", file, "up", "--no-start"]),
    ].map((command) => async () => await run(...command));
    for (const text of await story.refusals(refused, ...attempts)) assert.match(text, /No valid trust data for raw/u);
  });

  it("asks the registry for an image that is named by it: the limit that the page states", async () => {
    const image = story.byRegistry("team/app:raw");
    const asked = await story.asked(async () => await ok("docker", "pull", image));
    assert.ok(asked.some((line) => line.includes("/manifests/raw")));
  });

  it("I9: doctor shows that docker obeys the gateway for its names, and asks registries for theirs", async () => {
    const probe = ["--gateway", story.url.origin, "--engine", "docker", "--registry", story.story.registry.host];
    const { code, stdout } = await run(tagsealCommand, "doctor", ...probe, "--json");
    assert.equal(code, 0, stdout);
    const { findings } = JSON.parse(stdout) as { findings: { level: string; message: string }[] };
    assert.deepEqual(
      findings.map(({ level }) => level),
      ["ok", "ok", "warning"],
    );
    assert.match(findings[2]?.message ?? "", /docker asks .* itself for images that are named by it/u);
  });

  it("I9: stops where the gateway does not answer", async () => {
    const image = story.byGateway("team/app:v1").replace(story.host, story.nowhere.host);
    const [text] = await story.refusals(image, async () => await run("docker", "pull", image));
    assert.match(text ?? "", /connection refused/u);
  });
});
