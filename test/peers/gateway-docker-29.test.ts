/**
 * docker 29 behind a gateway: its daemon reads the same files as containerd, so images that are named by their registry are covered, too. The daemon
 * takes minutes to build and is built by name only: `npm run peers -- dockerd`. Where it is not, there is nothing to test.
 */
import assert from "node:assert/strict";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { refusedImages } from "../support/gateway-cases.ts";
import { gatewayEngineStory } from "../support/gateway-engine-story.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { type Finished, layoutBlobs, missingPeers, Scope, startDockerd, tagsealCommand } from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const skip = missingPeers(["docker 29", "containerd 2", "skopeo", "openssl", "machine"]);

if (findGoPeer("dockerd") !== undefined)
  describe("docker 29 behind a gateway", { skip }, () => {
    const scope = new Scope("gateway-docker-29");
    const story = gatewayEngineStory(scope);
    const docker = findGoPeer("docker") ?? "docker";
    let env: Environment;

    before(async () => {
      await story.configure("docker");
      const engine = await startDockerd(scope, { machine: story.machine, network: "none", version: 29 });
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

    /** The directory with the blobs that its containerd holds. */
    function contents(): string {
      const [blobs = ""] = globSync(scope.path("dockerd/data/**/io.containerd.content.v1.content/blobs"));
      return dirname(blobs);
    }

    it("pulls by the registry's name and by the gateway's what was signed after the registry's tags were moved, byte for byte", async () => {
      assert.match(await ok(docker, "info", "-f", "{{json .DriverStatus}}"), /io\.containerd\.snapshotter/u);
      for (const [repository, digest] of [
        ["team/app", story.single],
        ["team/multi", story.multi],
      ] as const)
        for (const image of [story.byRegistry(`${repository}:v1`), story.byGateway(`${repository}:v1`)]) {
          const asked = await story.asked(async () => await ok(docker, "pull", image));
          assert.deepEqual(
            asked.filter((line) => line.includes("/manifests/v1")),
            [],
          );
          assert.ok((await ok(docker, "inspect", "-f", "{{.RepoDigests}}", image)).includes(digest));
          story.assertHeld(repository, layoutBlobs(contents()));
        }
    });

    for (const [name, row] of Object.entries(refusedImages)) {
      it(`I9: is refused an image that is ${name}, by both names, and nothing of it is fetched`, async () => {
        const image = story.refused(row);
        const byGateway = image.replace(story.byRegistry(""), story.byGateway(""));
        const texts = await story.refusals(
          image,
          async () => await run(docker, "pull", image),
          async () => await run(docker, "pull", byGateway),
        );
        for (const text of texts) {
          assert.match(text, row.words);
          if (row.status === undefined) assert.match(text, /^Error response from daemon: error from registry: /u);
        }
      });
    }

    it("I9: is refused an unsigned image for a container and for a build", async () => {
      const image = story.byRegistry("team/app:raw");
      const directory = scope.path("project");
      mkdirSync(directory);
      writeFileSync(join(directory, "Dockerfile"), `FROM ${image}\nLABEL a=b\n`);
      const texts = await story.refusals(
        image,
        async () => await run(docker, "run", image),
        async () => await run(docker, "build", directory),
      );
      for (const text of texts) assert.match(text, /No valid trust data for raw/u);
    });

    it("I9: doctor shows that docker obeys the gateway, for the names of registries, too", async () => {
      const probe = ["--gateway", story.url.origin, "--engine", "docker", "--registry", story.story.registry.host];
      const { stdout } = await run(tagsealCommand, "doctor", ...probe, "--json");
      const { findings } = JSON.parse(stdout) as { findings: { level: string; message: string }[] };
      assert.deepEqual(
        findings.map(({ level }) => level),
        ["ok", "ok", "ok"],
        stdout,
      );
    });

    it("I9: stops where the gateway does not answer", async () => {
      await story.configure("docker", { gateway: story.nowhere });
      const image = story.byRegistry("team/app:v1");
      const [text] = await story.refusals(image, async () => await run(docker, "pull", image));
      assert.match(text ?? "", /connection refused/u);
    });
  });
