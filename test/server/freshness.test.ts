/** I4: timestamps are signed again before a reader finds them expired, with any number of replicas. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { TagsealError } from "../../src/errors.ts";
import { defaultLifetimes, type Lifetimes } from "../../src/server/freshness/lifetimes.ts";
import type { KeeperParts } from "../../src/server/freshness/freshness-keeper.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { openReplica, type Replica } from "./replica.ts";
import { serve, type TestServer } from "./running-server.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

const hourMs = 3_600_000;

interface World {
  readonly server: TestServer;
  readonly now: () => Date;
  readonly later: (hours: number) => void;
  readonly publish: (gun: string, snapshotBy?: "server" | "client") => Promise<UploadingPublisher>;
  readonly replica: (options?: Partial<KeeperParts> & { readonly lifetimes?: Lifetimes }) => Promise<Replica>;
  readonly versions: (gun: string) => Promise<{ timestamp: number; snapshot: number }>;
  /** what is left of the current timestamp, in milliseconds */
  readonly lifeLeft: (gun: string) => Promise<number>;
}

/** A server that does nothing by itself, a clock, and replicas on the same directory. */
async function world(t: TestContext, lifetimes: Lifetimes = defaultLifetimes): Promise<World> {
  const clock = { ms: new Date("2026-11-23T04:00:00Z").getTime() };
  const now = (): Date => new Date(clock.ms);
  const server = await serve(t, { now, lifetimes, upkeep: false });
  const replica: World["replica"] = (options = {}) =>
    openReplica(t, server.dataDir, { now, lifetimes, random: () => 0, ...options });
  const reading = await replica();
  const version = async (gun: string, role: string): Promise<number> => {
    const file = await reading.store.current(gun, role);
    return file === undefined ? 0 : parseMetadata(role, file.bytes).body.version;
  };
  const lifeLeft = async (gun: string): Promise<number> => {
    const file = await reading.store.current(gun, "timestamp");
    assert.ok(file);
    return parseMetadata("timestamp", file.bytes).body.expiresAt.getTime() - clock.ms;
  };
  return {
    server,
    now,
    lifeLeft,
    later: (hours) => (clock.ms += hours * hourMs),
    publish: (gun, snapshotBy) => new UploadingPublisher(server.url, gun, now).begin(snapshotBy),
    replica,
    versions: async (gun) => ({
      timestamp: await version(gun, "timestamp"),
      snapshot: await version(gun, "snapshot"),
    }),
  };
}

async function workThrough({ keeper }: Replica): Promise<void> {
  while (await keeper.step());
}

describe("keeping timestamps fresh", () => {
  it("gives a timestamp a day by default, and signs it again in the second half of it", async (t) => {
    const { publish, replica, later, versions, now, server } = await world(t);
    await publish("a/app");
    const one = await replica();
    await workThrough(one);
    assert.equal(one.keeper.status().nextExpiryMs, 24 * hourMs);
    later(11.9);
    await workThrough(one);
    assert.deepEqual(await versions("a/app"), { timestamp: 1, snapshot: 1 });
    later(0.2);
    await workThrough(one);
    assert.deepEqual(await versions("a/app"), { timestamp: 2, snapshot: 1 });
    assert.equal(one.keeper.status().nextExpiryMs, 24 * hourMs);
    assert.deepEqual(await readTags(server.url, "a/app", now()), ["v1"]);
  });

  it("signs a snapshot again too, long before clients begin to warn", async (t) => {
    const { publish, replica, later, versions } = await world(t);
    await publish("a/app");
    const one = await replica();
    later((1095 - 209) * 24);
    await workThrough(one);
    assert.deepEqual(await versions("a/app"), { timestamp: 2, snapshot: 2 });
    assert.ok((one.keeper.status().nextExpiryMs ?? 0) > 23 * hourMs);
  });

  it("leaves a snapshot whose key is the owner's, and renews its timestamp", async (t) => {
    const { publish, replica, later, versions } = await world(t);
    await publish("a/app", "client");
    const one = await replica();
    for (let day = 0; day < 3; day += 1) {
      later((1095 - 200) * 8 + 13);
      await workThrough(one);
    }
    assert.deepEqual(await versions("a/app"), { timestamp: 4, snapshot: 1 });
    assert.equal(one.keeper.status().owners, 0);
  });

  it("counts a collection whose root has expired as its owner's, not as a failure", async (t) => {
    const { publish, replica, later } = await world(t);
    await publish("a/app");
    const one = await replica();
    later(3700 * 24);
    await publish("b/app");
    await workThrough(one);
    const { owners, failuresInARow, nextExpiryMs } = one.keeper.status();
    assert.deepEqual(
      { owners, failuresInARow, nextExpiryMs },
      { owners: 1, failuresInARow: 0, nextExpiryMs: 24 * hourMs },
    );
  });

  it("finds collections that came since, moves with publications, and forgets deleted ones", async (t) => {
    const { publish, replica, later, versions, server } = await world(t);
    const one = await replica();
    await workThrough(one);
    const publisher = await publish("a/app");
    await publish("b/app");
    later(7);
    await workThrough(one);
    await publisher.addTag("v2");
    await fetch(`${server.url}/v2/b/app/_trust/tuf/`, { method: "DELETE" });
    later(6);
    await workThrough(one);
    assert.equal((await versions("a/app")).timestamp, 2);
    assert.equal(one.keeper.status().watched, 1);
    later(6.5);
    await workThrough(one);
    assert.equal((await versions("a/app")).timestamp, 3);
  });

  it("works in batches and with a bounded memory, and still comes to everything in time", async (t) => {
    const { publish, replica, later, versions } = await world(t);
    const guns = Array.from({ length: 130 }, (_, index) => `many/app-${index}`);
    await Promise.all(guns.map((gun) => publish(gun)));
    const one = await replica({ maxWatched: 20, random: Math.random });
    let mostSteps = 0;
    for (let hour = 0; hour < 16; hour += 1) {
      let steps = 1;
      while (await one.keeper.step()) steps += 1;
      mostSteps = Math.max(mostSteps, steps);
      assert.ok(one.keeper.status().watched <= 20);
      later(1);
    }
    for (const gun of guns) assert.equal((await versions(gun)).timestamp, 2, gun);
    assert.ok(mostSteps > 1);
  });

  it("does it once when two replicas come together", async (t) => {
    const { publish, replica, later, versions } = await world(t);
    const guns = ["a/app", "b/app", "c/app", "d/app"];
    for (const gun of guns) await publish(gun);
    const replicas = [await replica(), await replica()];
    later(13);
    await Promise.all(replicas.map(workThrough));
    for (const gun of guns) assert.equal((await versions(gun)).timestamp, 2);
    assert.equal(
      replicas.reduce((sum, { keeper }) => sum + keeper.counts.renewed, 0),
      guns.length,
    );
    assert.ok(replicas.every(({ keeper }) => keeper.counts.failed === 0 && keeper.status().late === 0));
  });

  it("does not let one damaged collection keep it from the others", async (t) => {
    const { publish, replica, later, versions } = await world(t);
    for (const gun of ["a/app", "b/app"]) await publish(gun);
    const one = await replica();
    const base = (await one.store.current("a/app", "timestamp"))?.sha256;
    const rubbish = { role: "timestamp", version: 2, sha256: "a".repeat(64), bytes: Buffer.from("{") };
    await one.store.publish({ gun: "a/app", base, files: [rubbish], at: new Date() });
    later(13);
    await workThrough(one);
    assert.equal((await versions("b/app")).timestamp, 2);
    assert.ok(one.lines.some(({ event, gun }) => event === "cannot read a stored timestamp" && gun === "a/app"));
  });
});

describe("a signer that fails", () => {
  it("shows with half of every timestamp's life to go, is not asked all the time, and is made up for once it is back", async (t) => {
    const { publish, replica, later, versions } = await world(t);
    const guns = ["a/app", "b/app", "c/app", "d/app", "e/app"];
    for (const gun of guns) await publish(gun);
    const one = await replica();
    await workThrough(one);
    one.breakSigner(new TagsealError("STORAGE_FAILED", "the signer is gone"));
    later(12.1);
    await workThrough(one);
    assert.equal(one.keeper.counts.failed, 3);
    const line = one.lines.find(({ event }) => event === "cannot renew a timestamp in time");
    assert.equal(line?.["level"], "error");
    assert.equal(line["error"], "the signer is gone");
    assert.equal(line["secondsLeft"], 11.9 * 3600);
    await workThrough(one);
    assert.equal(one.keeper.counts.failed, 3, "not again within a minute");
    assert.equal(one.keeper.status().late, 0);
    later(6);
    await workThrough(one);
    assert.equal(one.keeper.status().late, guns.length);
    assert.equal(one.keeper.status().nextExpiryMs, 5.9 * hourMs);
    one.breakSigner(undefined);
    later(0.5);
    await workThrough(one);
    for (const gun of guns) assert.equal((await versions(gun)).timestamp, 2, gun);
    const { late, failuresInARow } = one.keeper.status();
    assert.deepEqual({ late, failuresInARow }, { late: 0, failuresInARow: 0 });
  });
});

describe("a clock that was ahead", () => {
  const yearHours = 365 * 24;

  it("I4: does not turn freshness off: what it signed is signed again, with the right end and rising versions", async (t) => {
    const { publish, replica, later, versions, lifeLeft, now, server } = await world(t);
    const publisher = await publish("a/app");
    await publish("b/app");
    const one = await replica();
    await workThrough(one);
    later(yearHours);
    await workThrough(one);
    await publisher.addTag("v2");
    later(-yearHours);
    assert.deepEqual(await versions("a/app"), { timestamp: 3, snapshot: 2 });
    assert.equal(await lifeLeft("b/app"), (yearHours + 24) * hourMs);
    const two = await replica();
    await workThrough(two);
    assert.deepEqual(await versions("a/app"), { timestamp: 4, snapshot: 3 });
    assert.deepEqual(await versions("b/app"), { timestamp: 3, snapshot: 1 });
    assert.equal(await lifeLeft("a/app"), 24 * hourMs);
    assert.equal(await lifeLeft("b/app"), 24 * hourMs);
    assert.deepEqual(await readTags(server.url, "a/app", now()), ["v1", "v2"]);
    await workThrough(two);
    assert.deepEqual(await versions("a/app"), { timestamp: 4, snapshot: 3 }, "once is enough");
  });

  it("I4: is made up for before a reader sees what it signed", async (t) => {
    const { publish, replica, later, versions, lifeLeft, now, server } = await world(t);
    await publish("a/app");
    const one = await replica();
    later(yearHours);
    await workThrough(one);
    later(-yearHours);
    assert.deepEqual(await readTags(server.url, "a/app", now()), ["v1"]);
    assert.deepEqual(await versions("a/app"), { timestamp: 3, snapshot: 1 });
    assert.equal(await lifeLeft("a/app"), 24 * hourMs);
  });

  it("shows while something from the future is current", async (t) => {
    const { publish, replica, later, now } = await world(t);
    await publish("a/app");
    const one = await replica();
    later(yearHours);
    await workThrough(one);
    later(-yearHours);
    assert.equal((one.keeper.status().newestSignedAt ?? 0) - now().getTime(), yearHours * hourMs);
    await workThrough(one);
    assert.equal(one.keeper.status().newestSignedAt, now().getTime());
  });

  it("is not mistaken for a replica that gives its timestamps another lifetime: both take their time", async (t) => {
    const { publish, replica, later, versions } = await world(t);
    await publish("a/app");
    const longer = { timestampMs: 14 * 24 * hourMs, snapshotMs: defaultLifetimes.snapshotMs };
    const [day, fortnight] = [await replica(), await replica({ lifetimes: longer })];
    for (let round = 0; round < 5; round += 1) {
      await workThrough(fortnight);
      await workThrough(day);
    }
    assert.equal((await versions("a/app")).timestamp, 2);
    later(6.1);
    await workThrough(day);
    assert.equal((await versions("a/app")).timestamp, 3);
  });
});
