/** Wherever docker's engine is, and whatever login the registry wants: docker-shaped commands go where docker goes. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { frontDockers, type FrontDocker } from "../support/dockers.ts";
import { installSsh, overTcp, overTls } from "../support/engine-doors.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import {
  missingPeers,
  readText,
  Scope,
  startDockerRegistry,
  startTokenServer,
  type Client,
  type Registry,
} from "../support/peers.ts";
import type { Environment, Finished } from "../support/processes.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox"]);

/** htpasswd line for alice / wonderland */
const account = "alice:$2b$05$abcdefghijklmnopqrstuuA0vov2GDneHB3.8.cv9UF9g.RdvScIW\n";

describe("connections", { skip: missing }, () => {
  const scope = new Scope("front-connections");
  let world: FrontWorld;

  before(async () => {
    world = await startFrontWorld(scope);
  });
  after(async () => await scope.close());

  for (const docker of frontDockers) {
    const skip = missingPeers(docker.peers);
    describe(`to the engine, with docker ${docker.version}`, { skip }, () => toTheEngine(docker));
  }

  function toTheEngine(docker: FrontDocker): void {
    let user: Client;
    let signed: string;
    let unsigned: string;

    before(async () => {
      user = world.user(`engine-${docker.version}`, docker.env);
      signed = `${world.registry.host}/engine-${docker.version}/app:v1`;
      unsigned = `${world.registry.host}/engine-${docker.version}/app:v2`;
      await world.publish(user, "one", signed);
      await world.publish(user, "two", unsigned, "unsigned");
    });

    /** Pull, run and push work this way, the unsigned image does not, and the engine it went to has what was pulled. */
    async function works(env: Environment, ...flags: readonly string[]): Promise<void> {
      const call = (...args: readonly string[]): Promise<Finished> =>
        user.tagseal([...flags, ...args], { env: { ...trustOn, DOCKER_HOST: undefined, ...env } });
      await world.forgetBelow(world.registry.host);
      const pulled = await call("pull", signed);
      assert.equal(pulled.code, 0, pulled.stderr);
      assert.ok((await world.imageId(signed)) !== undefined);
      const ran = await call("run", "--rm", "--network", "none", signed);
      assert.equal(ran.stdout, "image one\n", ran.stderr);
      const pushed = await call("push", signed);
      assert.match(pushed.stdout, /Successfully signed/u, pushed.stderr);
      assert.match((await call("pull", unsigned)).stderr, /No valid trust data for v2/u);
      assert.equal((await call("images", "-q", signed)).code, 0);
    }

    it("by -H and --host", async () => {
      await works({}, "-H", world.engine.host);
      await works({}, `--host=${world.engine.host}`, "--log-level", "error");
    });

    it("by TCP", async () => {
      await works({ DOCKER_HOST: await overTcp(scope, world.engine) });
    });

    it("by TLS with a client certificate", async () => {
      const env = await overTls(scope, world.engine, `tls-${docker.version}`);
      await works(env);
      const stranger = { ...trustOn, ...env, DOCKER_CERT_PATH: undefined, DOCKER_TLS_VERIFY: undefined };
      assert.notEqual((await user.tagseal(["pull", signed], { env: stranger })).code, 0);
    });

    it("by a context: in use, in the environment, on the line", async () => {
      await user.dockerOk(["context", "create", "elsewhere", "--docker", `host=${world.engine.host}`]);
      await works({ DOCKER_CONTEXT: "elsewhere" });
      await works({}, "--context", "elsewhere");
      await user.dockerOk(["context", "use", "elsewhere"], { env: { DOCKER_HOST: undefined } });
      await works({});
      await user.dockerOk(["context", "use", "default"], { env: { DOCKER_HOST: undefined } });
    });

    it("by ssh", async () => {
      const { directory, log } = installSsh(scope, world.engine, `ssh-${docker.version}`);
      await works({ DOCKER_HOST: "ssh://someone@far.example", PATH: `${directory}:${process.env["PATH"]}:/usr/sbin` });
      assert.match(readText(log), /far\.example.*docker system dial-stdio/u);
    });

    it("that is not there fails as docker does, and says so before anything is signed", async () => {
      const env = { ...trustOn, DOCKER_HOST: "unix:///absent/docker.sock" };
      for (const args of [
        ["push", signed],
        ["pull", signed],
        ["create", signed],
      ]) {
        const finished = await user.tagseal(args, { env });
        assert.equal(finished.code, 1, args.join(" "));
        assert.match(finished.stderr, /Cannot connect to the Docker daemon at unix:\/\/\/absent\/docker\.sock/u);
        assert.doesNotMatch(finished.stdout, /Successfully signed/u);
      }
    });
  }

  describe("to a registry that wants a login", () => {
    /** Pushes and pulls with the login that `docker login` stored, and not without it. */
    async function works(registry: Registry, name: string): Promise<void> {
      const image = `${registry.host}/team/app:v1`;
      const alice = world.user(`${name}-alice`);
      await alice.dockerOk(["login", "-u", "alice", "--password-stdin", registry.host], { input: "wonderland" });
      await alice.dockerOk(["tag", "made:one", image]);
      const pushed = await alice.tagseal(["push", image], { env: trustOn });
      assert.equal(pushed.code, 0, pushed.stderr);
      await world.forgetBelow(registry.host);
      const pulled = await alice.tagseal(["pull", image], { env: trustOn });
      assert.equal(pulled.code, 0, pulled.stderr);
      assert.match((await alice.dockerOk(["pull", image], { env: trustOn })).stdout, /Pull \(1 of 1\)/u);

      const stranger = world.user(`${name}-stranger`);
      await alice.dockerOk(["tag", "made:two", image]);
      const refused = await stranger.tagseal(["push", image], { env: trustOn });
      assert.equal(refused.code, 1, refused.stdout);
      assert.doesNotMatch(refused.stdout, /Successfully signed/u);
      assert.doesNotMatch(refused.stdout + refused.stderr + pushed.stdout + pushed.stderr, /wonderland/u);
      rmSync(alice.dockerConfig, { recursive: true });
    }

    it("by password", async () => {
      await works(await startDockerRegistry(scope, { htpasswd: account }), "password");
    });

    it("by token", async () => {
      const { realm, service, issuer, rootcertbundle } = await startTokenServer(scope, { alice: "wonderland" });
      await works(await startDockerRegistry(scope, { token: { realm, service, issuer, rootcertbundle } }), "token");
    });
  });
});
