/** Engines behind a gateway that passes their logins on: without a login they pull what the registry gives to everyone, with one what it gives to them. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Containerd, startContainerd } from "../support/containerd.ts";
import { gatewayEngineStory } from "../support/gateway-engine-story.ts";
import { findGoPeer } from "../support/go-peers.ts";
import { type Finished, installBuildx, missingPeers, Scope, startBuildkitd, startDockerd } from "../support/peers.ts";
import { podmanEnvironment } from "../support/podman.ts";
import type { Environment } from "../support/processes.ts";
import type { Peer } from "../support/requirements.ts";

const password = "wonderland";
const alice = `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`;

/** An engine with or without alice's login. */
interface Client {
  pull(image: string, isLoggedIn: boolean): Promise<Finished>;
}

type EngineName = "docker" | "docker 29" | "podman" | "containerd 2" | "buildx";

/** Of what is public and of what is private. */
const [open, closed] = ["team/app", "team/multi"];

const engines: Readonly<Record<EngineName, readonly Peer[]>> = {
  docker: ["docker", "dockerd"],
  "docker 29": ["docker", "docker 29", "dockerd"],
  podman: ["podman"],
  "containerd 2": ["containerd 2"],
  buildx: ["buildkit", "buildx", "docker"],
};

describe(
  "engines behind a gateway that passes their logins on",
  {
    skip: missingPeers(["skopeo", "openssl", "machine"]),
  },
  () => {
    const scope = new Scope("gpt");
    const story = gatewayEngineStory(scope, { passThrough: true });
    /** what the registry was shown */
    const shown: (string | undefined)[] = [];
    before(() => {
      const { hooks } = story.story.registry;
      const { intercept } = hooks;
      hooks.intercept = async (request, response) => {
        const { url = "", headers } = request;
        shown.push(headers.authorization);
        await intercept?.(request, response);
        if (!url.startsWith(`/v2/${closed}/`) || headers.authorization === alice) return false;
        response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
        return true;
      };
    });
    beforeEach(() => (shown.length = 0));
    after(async () => await scope.close());

    const clients: Record<EngineName, () => Promise<Client>> = {
      docker: async () => await dockerClient("docker"),
      "docker 29": async () => await dockerClient(findGoPeer("docker") ?? "docker"),
      async podman() {
        await Promise.resolve();
        mkdirSync(story.machine.path(`/etc/containers/certs.d/${story.host}`), { recursive: true });
        await story.configure("podman");
        const env = { ...podmanEnvironment(scope, []), HOME: scope.directory, CONTAINERS_REGISTRIES_CONF: undefined };
        return {
          pull: async (image, isLoggedIn) => {
            const login = isLoggedIn ? ["--creds", `alice:${password}`] : [];
            return await story.run(["podman", "pull", ...login, image], env);
          },
        };
      },
      async "containerd 2"() {
        await story.configure("containerd");
        const hosts = "/etc/containerd/certs.d";
        const containerd: Containerd = await startContainerd(scope, { hostsDir: hosts, machine: story.machine });
        return {
          pull: async (image, isLoggedIn) => {
            const login = isLoggedIn ? ["--user", `alice:${password}`] : [];
            const flags = ["--hosts-dir", hosts, "--snapshotter", "native"];
            return await containerd.ctr(["images", "pull", ...flags, ...login, image]);
          },
        };
      },
      async buildx() {
        await story.configure("buildkit");
        const buildkit = await startBuildkitd(scope, { machine: story.machine });
        const env = await installBuildx(scope, scope.path("buildx"), buildkit);
        return {
          async pull(image, isLoggedIn) {
            const directory = scope.path("context");
            mkdirSync(directory, { recursive: true });
            writeFileSync(join(directory, "Dockerfile"), `FROM ${image}\nLABEL a=b\n`);
            logIn(env["DOCKER_CONFIG"] ?? "", isLoggedIn);
            const out = ["--no-cache", "--output", `type=oci,dest=${scope.path("out.tar")}`];
            // buildx gets the token itself, and knows the authorities of its machine only
            const trusting = { ...env, SSL_CERT_FILE: story.ca };
            return await story.run([findGoPeer("buildx") ?? "buildx", "build", ...out, directory], trusting);
          },
        };
      },
    };

    let engine: Promise<{ readonly host: string }> | undefined;

    async function dockerClient(docker: string): Promise<Client> {
      await story.configure("docker");
      engine ??= startDockerd(scope, { machine: story.machine, network: "none" });
      const config = scope.path("docker-config");
      const env: Environment = { DOCKER_HOST: (await engine).host, HOME: scope.directory, DOCKER_CONFIG: config };
      const login = [docker, "login", "--username", "alice", "--password", password, story.host];
      return {
        async pull(image, isLoggedIn) {
          const { code, stderr } = await story.run(isLoggedIn ? login : [docker, "logout", story.host], env);
          assert.equal(code, 0, stderr);
          const pulled = await story.run([docker, "pull", image], env);
          await story.run([docker, "rmi", "-f", image], env);
          return pulled;
        },
      };
    }

    function logIn(directory: string, isLoggedIn: boolean): void {
      const auths = isLoggedIn ? { [story.host]: { auth: alice.slice("Basic ".length) } } : {};
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, "config.json"), JSON.stringify({ auths }));
    }

    for (const name of ["docker", "docker 29", "podman", "containerd 2", "buildx"] as const)
      it(
        `I10: ${name} pulls what is public without a login, what is private with one, and what is not signed never`,
        {
          skip: missingPeers(engines[name]),
        },
        async () => {
          const client = await clients[name]();
          const named = (image: string): string =>
            name === "containerd 2" ? story.byRegistry(image) : story.byGateway(image);
          const pull = async (image: string, isLoggedIn: boolean): Promise<Finished> =>
            await client.pull(named(image), isLoggedIn);
          const ok = async (image: string, isLoggedIn: boolean): Promise<void> => {
            const { code, stdout, stderr } = await pull(image, isLoggedIn);
            assert.equal(code, 0, stdout + stderr);
          };
          await ok(`${open}:v1`, false);
          assert.deepEqual([...new Set(shown)], [undefined]);
          const refused = await pull(`${closed}:v1`, false);
          assert.notEqual(refused.code, 0);
          assert.match(refused.stderr, /unauthorized|insufficient_scope|401|authentication required|denied/iu);
          await ok(`${closed}:v1`, true);
          assert.ok(shown.includes(alice));
          await ok(`${open}:v1`, true);
          const unsigned = await pull("team/app:raw", true);
          assert.notEqual(unsigned.code, 0);
          assert.match(unsigned.stderr, /No valid trust data for raw/u);
        },
      );
  },
);
