import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openSharedMemory, type SharedMemory } from "../../src/shared-memory/open-shared-memory.ts";
import type { TrustCache } from "../../src/trust/ports.ts";
import { trustCacheContract } from "../contract/trust-cache.ts";
import { type Database, startMariadb, startPostgres } from "../support/database.ts";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import { Scope } from "../support/processes.ts";
import { missingPeers } from "../support/requirements.ts";

const role = (version: number, text = ""): Buffer =>
  Buffer.from(JSON.stringify({ signed: { text, version }, signatures: [] }));
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

for (const [kind, start, needed] of [
  ["postgres", startPostgres, "postgres"],
  ["mysql", startMariadb, "mariadb"],
] as const) {
  describe(`the shared memory of gateways in ${kind}`, { skip: missingPeers([needed]) }, () => {
    const scope = new Scope(`shared-memory-${kind}`);
    const story = gatewayStory();
    const opened: SharedMemory[] = [];
    let at = Date.parse("2026-11-29T10:00:00Z");
    let server: Database;
    let machines = 0;
    const open = async (now = () => new Date(at)): Promise<SharedMemory> => {
      const memory = await openSharedMemory(server.url("memory"), now);
      opened.push(memory);
      return memory;
    };
    before(async () => {
      server = await start(scope);
      await server.create("memory", "select 1");
    });
    after(async () => {
      for (const memory of opened) await memory.close();
      await scope.close();
    });

    trustCacheContract(kind, async () => {
      const [memory, gun] = [await open(), `registry.example/app-${(machines += 1)}`];
      return () => memory.cacheFor(gun);
    });

    it("I3: a replica that was overtaken on its way does not take the memory back, and is refused itself", async () => {
      const [one, other] = [await open(), await open()];
      const [slow, fast] = [one.cacheFor("overtaken"), other.cacheFor("overtaken")];
      await slow.store("timestamp", role(5));
      await Promise.all([slow.load("timestamp"), fast.load("timestamp")]);
      await fast.store("timestamp", role(8));
      for (const late of [role(7), role(8, "another")])
        await assert.rejects(slow.store("timestamp", late), { code: "METADATA_CACHE_CORRUPT" });
      assert.equal(text(await (await open()).cacheFor("overtaken").load("timestamp")), text(role(8)));
      await slow.store("timestamp", role(9));
      assert.equal(text(await fast.load("timestamp")), text(role(9)));
    });

    it("I3: replicas that meet a repository for the first time at once agree on one root", async () => {
      const caches = await Promise.all(["a", "b", "c", "d"].map(async () => (await open()).cacheFor("first meeting")));
      await Promise.all(caches.map(async (cache) => await cache.load("root")));
      const outcomes = await Promise.allSettled(
        caches.map(async (cache, index) => await cache.store("root", role(1, `root ${index}`))),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      const kept = await caches[0]?.load("root");
      const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
      assert.equal(text(kept), text(role(1, `root ${winner}`)));
    });

    it("keeps the root that is replaced, and says when a timestamp was first and last seen", async () => {
      const cache: TrustCache = (await open()).cacheFor("kept");
      await cache.store("root", role(1));
      await cache.load("root");
      await cache.store("root", role(2));
      assert.equal(text(await cache.pastRoot?.(1)), text(role(1)));
      const first = new Date(at);
      await cache.store("timestamp", role(1));
      at += 60_000;
      const later = (await open()).cacheFor("kept");
      await later.load("timestamp");
      await later.confirm?.("timestamp");
      assert.deepEqual(await cache.firstSeenAt?.("timestamp"), first);
      assert.deepEqual(await cache.confirmedAt?.("timestamp"), new Date(at));
    });

    it("I3: what was changed in the database is not a fresh start", async () => {
      const cache = (await open()).cacheFor("changed");
      await cache.store("timestamp", role(3));
      await server.sql("memory", "update tagseal_remembered set version = 1, data = 'x' where gun = 'changed'");
      await assert.rejects(cache.load("timestamp"), { code: "METADATA_CACHE_CORRUPT" });
    });

    it("I3: a gateway on an empty machine notices that the trust server went back; without its database it serves nothing", async () => {
      await story.publish("replica/app", "v1");
      const person = await story.trust.person();
      const gateway = async (): Promise<StoryGateway> => {
        const memory = await open(() => new Date());
        return await story.gateway({
          memory,
          openTrust: async ({ identity }) =>
            await person.open(identity.repository, {
              reference: identity,
              access: "read",
              mustRemember: true,
              cache: memory.cacheFor(`${identity.registry}/${identity.repository}`),
            }),
        });
      };
      const status = async (asked: StoryGateway): Promise<number> =>
        (await asked.ask("replica/app", "manifests/v1")).status;
      assert.equal(await status(await gateway()), 200);
      const gun = `${story.registry.host}/replica/app`;
      const remembered = await (await open()).cacheFor(gun).load("timestamp");
      const { signed } = JSON.parse(text(remembered) ?? "") as { signed: { version: number } };
      // another replica accepted something newer: what the server has now is older
      const newer = (await open()).cacheFor(gun);
      await newer.load("timestamp");
      const ahead = { ...JSON.parse(text(remembered) ?? ""), signed: { ...signed, version: signed.version + 1 } };
      await newer.store("timestamp", Buffer.from(JSON.stringify(ahead)));
      assert.notEqual(await status(await gateway()), 200);
      const [again] = [await (await open()).cacheFor(gun).load("timestamp")];
      assert.equal(text(again), JSON.stringify(ahead), "the memory stays as it is");
      await newer.store("timestamp", remembered ?? Buffer.of());
      const running = await gateway();
      assert.equal(await status(running), 200);
      await server.stop("SIGKILL");
      const cold = await running.ask("never/asked", "manifests/v1");
      assert.deepEqual([cold.status, cold.headers.get("retry-after")], [503, "5"]);
      const ready = await fetch(`${running.url}/readyz`);
      assert.equal(ready.status, 503);
      await server.start();
      assert.equal(await status(await gateway()), 200);
    });
  });
}
