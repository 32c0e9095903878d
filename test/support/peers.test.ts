import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  buildImage,
  client,
  installBuildx,
  missingPeers,
  runOnTerminal,
  Scope,
  startBuildkitd,
  startDockerd,
  startDockerRegistry,
  startNotary,
  startTokenServer,
} from "./peers.ts";

describe("peers", () => {
  for (const [title, peer, store] of [
    ["PostgreSQL", "postgres", "postgres"],
    ["MariaDB", "mariadb", "mysql"],
  ] as const) {
    it(`runs the reference server on ${title}`, { skip: missingPeers(["notary", peer]) }, async () => {
      await using scope = new Scope(peer);
      const server = await startNotary(scope, { store });
      const user = client(scope, { server });
      await user.notaryOk(["init", "example.com/app", "-p"]);
      assert.match((await user.notaryOk(["list", "example.com/app"])).stdout, /No targets present/u);
    });
  }

  it(
    "builds with today's BuildKit, through docker and buildx",
    { skip: missingPeers(["docker 28", "buildkit", "buildx"]) },
    async () => {
      await using scope = new Scope("buildkit");
      const user = client(scope);
      const env = {
        ...(await installBuildx(scope, user.dockerConfig, await startBuildkitd(scope))),
        DOCKER_BUILDKIT: "1",
      };
      const built = await user.dockerOk(["build", "-"], { env, input: "FROM scratch\nCOPY <<EOF /x\ny\nEOF\n" });
      assert.match(built.stderr, /COPY <<EOF \/x/u);
    },
  );

  it(
    "pushes an image under content trust with the real docker",
    { skip: missingPeers(["notary", "docker", "dockerd", "registry"]) },
    async () => {
      await using scope = new Scope("docker");
      const server = await startNotary(scope);
      const registry = await startDockerRegistry(scope);
      const engine = await startDockerd(scope);
      const user = client(scope, { server, engine });
      await user.dockerOk(["import", "-", `${registry.host}/app:1`], { input: Buffer.alloc(1024) });
      const pushed = await user.dockerOk(["push", `${registry.host}/app:1`], { env: { DOCKER_CONTENT_TRUST: "1" } });
      assert.match(pushed.stdout, /Successfully signed/u);
    },
  );
});

describe("registries that ask who is there", () => {
  const peers = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox"]);

  it("lets docker push with a token and refuses it without", { skip: peers }, async () => {
    await using scope = new Scope("token");
    const tokens = await startTokenServer(scope, { alice: "wonderland" });
    const { realm, service, issuer, rootcertbundle } = tokens;
    const registry = await startDockerRegistry(scope, { token: { realm, service, issuer, rootcertbundle } });
    const user = client(scope, { engine: await startDockerd(scope) });
    await buildImage(scope, user, `${registry.host}/app:1`, "one");
    assert.notEqual((await user.docker(["push", `${registry.host}/app:1`])).code, 0);
    await user.dockerOk(["login", "-u", "alice", "--password-stdin", registry.host], { input: "wonderland" });
    await user.dockerOk(["push", `${registry.host}/app:1`]);
    assert.ok(tokens.requests.some((request) => request.startsWith("GET alice repository:app:")));
  });
});

describe("terminals", () => {
  it("answers prompts, with echo off where the program turned it off", { skip: missingPeers(["python"]) }, async () => {
    const script =
      'printf "Name: "; read a; printf "Secret: "; stty -echo; read b; stty echo; echo; echo "$a/$b" | wc -c; exit 3';
    const answers = [
      { when: "Name: $", send: "alice\r" },
      { when: "Secret: $", send: "wonderland\r" },
    ];
    const session = await runOnTerminal("sh", ["-c", script], answers);
    assert.deepEqual(session, { code: 3, screen: "Name: alice\nSecret: \n17\n", unused: 0 });
  });
});
