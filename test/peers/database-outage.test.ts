/**
 * A database dies, or hangs, and the server that readers are sent to was behind: docker, notary and Tagseal, each with what it has seen through
 * another server, continue from their caches. None of them reports an attack.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { startPostgres, type Database } from "../support/database.ts";
import { trustOn } from "../support/docker-words.ts";
import { healthy } from "../support/notary-server.ts";
import {
  buildImage,
  client,
  missingPeers,
  Scope,
  startDockerd,
  startDockerRegistry,
  startTagsealServer,
  waitUntil,
  type Client,
  type Engine,
  type Registry,
} from "../support/peers.ts";
import type { Finished } from "../support/processes.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "notary", "postgres", "openssl", "busybox"]);

/** What a reader says that takes what it got for something worse than old. */
const alarm = /malicious|rollback|lower than|attack|invalid|corrupt/iu;

type Server = Awaited<ReturnType<typeof startTagsealServer>>;

describe("readers with caches, sent to a server that was behind", { skip: missing }, () => {
  const scope = new Scope("outage");
  let database: Database;
  let engine: Engine;
  let registry: Registry;
  before(async () => {
    [database, engine, registry] = await Promise.all([
      startPostgres(scope),
      startDockerd(scope),
      startDockerRegistry(scope),
    ]);
  });
  after(async () => await scope.close());

  async function startServers(name: string): Promise<{ ahead: Server; behind: Server }> {
    await database.create(name, "select 1");
    const env = { TAGSEAL_SIGNER_PASSPHRASE: "correct horse battery staple" };
    const args = ["--database", database.url(name)];
    const ahead = await startTagsealServer(scope, { args, env });
    return { ahead, behind: await startTagsealServer(scope, { args, env }) };
  }

  /** One person's commands, sent to one server or the other: the trust directory is the same. */
  function reader(name: string, server: Server): Client {
    return client(scope, { name, server, engine });
  }

  async function expectCalm(what: string, run: Promise<Finished>): Promise<void> {
    const startedAt = performance.now();
    const { code, stdout, stderr } = await run;
    assert.doesNotMatch(stdout + stderr, alarm, what);
    assert.equal(code, 0, `${what}: ${stdout}${stderr}`);
    assert.ok(performance.now() - startedAt < 60_000, `${what} took ${performance.now() - startedAt} ms`);
  }

  for (const [name, begin, end] of [
    ["hangs", async () => database.hang(), async () => database.goOn()],
    ["dies", () => database.stop("SIGKILL"), () => database.start()],
  ] as const)
    it(`I4: continue from what they have seen when the database ${name}`, async () => {
      const { ahead, behind } = await startServers(name);
      const image = `${registry.host}/${name}/app`;
      const publisher = client(scope, { name: `publisher-${name}`, server: ahead, engine });
      const readers = ["docker", "notary", "tagseal"].map((tool) => `${tool}-${name}`);
      const [docker = "", notary = "", tagseal = ""] = readers;
      const publish = async (tag: string): Promise<void> => {
        await buildImage(scope, publisher, `${image}:${tag}`, `${name}${tag}`);
        await publisher.dockerOk(["push", `${image}:${tag}`], { env: trustOn });
      };
      await publish("v1");
      // The server that will be behind has all of version 1 in memory.
      const first = await tagsSeenByTagseal(client(scope, { name: `first-${name}`, server: behind }), image);
      assert.deepEqual(Object.keys(first), ["v1"]);
      await publish("v2");
      await reader(docker, ahead).dockerOk(["pull", `${image}:v2`], { env: trustOn });
      const seen = await tagsSeenByDocker(reader(docker, ahead), image);
      assert.deepEqual(Object.keys(seen), ["v1", "v2"]);
      assert.deepEqual(await tagsSeenByNotary(reader(notary, ahead), image), seen);
      assert.deepEqual(await tagsSeenByTagseal(reader(tagseal, ahead), image), seen);
      writeFileSync(scope.path("note"), "note");

      await begin();
      try {
        const pull = reader(docker, behind).docker(["pull", `${image}:v2`], { env: trustOn });
        await expectCalm("docker pull", pull);
        await expectCalm("docker trust inspect", reader(docker, behind).docker(["trust", "inspect", image]));
        assert.deepEqual(await tagsSeenByDocker(reader(docker, behind), image), seen);
        await expectCalm("notary list", reader(notary, behind).notary(["list", image]));
        assert.deepEqual(await tagsSeenByNotary(reader(notary, behind), image), seen);
        await expectCalm("tagseal verify", reader(tagseal, behind).tagseal(["verify", `${image}:v2`]));
        assert.deepEqual(await tagsSeenByTagseal(reader(tagseal, behind), image), seen);
      } finally {
        await end();
      }
      for (const server of [ahead, behind]) await waitUntil("it is found again", () => healthy(server.url, server.ca));
      await publisher.notaryOk(["-s", ahead.url, "add", "-p", image, "v3", scope.path("note")]);
      for (const tags of [
        await tagsSeenByDocker(reader(docker, behind), image),
        await tagsSeenByNotary(reader(notary, behind), image),
        await tagsSeenByTagseal(reader(tagseal, behind), image),
      ])
        assert.deepEqual(Object.keys(tags), ["v1", "v2", "v3"]);
    });
});
