import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { client, missingPeers, Scope, startDockerd, startDockerRegistry, startNotary } from "./peers.ts";

describe("peers", () => {
  it("runs the reference server on PostgreSQL", { skip: missingPeers(["notary", "postgres"]) }, async () => {
    await using scope = new Scope("postgres");
    const server = await startNotary(scope, { store: "postgres" });
    const user = client(scope, { server });
    await user.notaryOk(["init", "example.com/app", "-p"]);
    assert.match((await user.notaryOk(["list", "example.com/app"])).stdout, /No targets present/u);
  });

  it("runs the reference server on MariaDB", { skip: missingPeers(["notary", "mariadb"]) }, async () => {
    await using scope = new Scope("mariadb");
    const server = await startNotary(scope, { store: "mysql" });
    const user = client(scope, { server });
    await user.notaryOk(["init", "example.com/app", "-p"]);
    assert.match((await user.notaryOk(["list", "example.com/app"])).stdout, /No targets present/u);
  });

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
