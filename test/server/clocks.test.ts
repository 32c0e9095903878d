/** I4: servers whose clock is wrong, in separate processes, and readers that remember what they saw. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openMetadataStore } from "../../src/server/storage/open-metadata-store.ts";
import { startMariadb, startPostgres, type Database } from "../support/database.ts";
import { ask } from "../support/https-request.ts";
import { movableClock } from "../support/movable-clock.ts";
import { client, missingPeers, startTagsealServer, type Client } from "../support/peers.ts";
import { Scope, waitUntil } from "../support/processes.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";
import { startReplica } from "./shared-store-story.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const daySeconds = 86_400;
const scope = new Scope("clocks");
after(() => scope.close());

interface Timestamp {
  readonly version: number;
  /** milliseconds from now on, by the right clock */
  readonly lifeLeft: number;
}

function timestampIn(text: string): Timestamp {
  const { signed } = JSON.parse(text) as { readonly signed: { readonly version: number; readonly expires: string } };
  return { version: signed.version, lifeLeft: Date.parse(signed.expires) - Date.now() };
}

interface Server {
  readonly url: string;
  readonly text: (path: string) => Promise<string>;
}

async function clockFault({ text }: Server): Promise<string | undefined> {
  const { reasons } = JSON.parse(await text("/_tagseal/ready")) as {
    readonly reasons: Readonly<Record<string, string>>;
  };
  return reasons["clock"];
}

async function skewSeconds({ text }: Server): Promise<number> {
  return Number(/^tagseal_server_clock_skew_seconds (\S+)$/mu.exec(await text("/metrics"))?.[1]);
}

function assertNear(found: number, expected: number, within: number): void {
  assert.ok(Math.abs(found - expected) <= within, `${found}, expected ${expected} ± ${within}`);
}

const servers = missingPeers(["notary", "docker 28", "faketime", "openssl"]);

describe("a server with one clock", { skip: servers }, () => {
  const gun = "localhost:5999/team/app";
  const clock = movableClock(scope, "embedded");
  let server: Server & { readonly data: string; readonly stop: () => Promise<unknown>; readonly log: () => string };
  let user: Client;
  let other: Client;

  async function start(data?: string): Promise<void> {
    const env = { ...clock.env, TAGSEAL_SIGNER_PASSPHRASE: "correct horse battery staple" };
    const { url, ca, process, ...started } = await startTagsealServer(scope, {
      env,
      ...(data === undefined ? {} : { data, port: Number(new URL(server.url).port) }),
    });
    server = {
      url,
      data: started.data,
      text: async (path) => (await ask(ca, "GET", url + path)).body.toString(),
      stop: () => process.stop(),
      log: () => process.log(),
    };
    user = client(scope, { server: { url, ca, port: started.port }, name: "user" });
    other = client(scope, { server: { url, ca, port: started.port }, name: "other" });
  }

  const timestamp = async (): Promise<Timestamp> =>
    timestampIn(await server.text(`/v2/${gun}/_trust/tuf/timestamp.json`));

  /** Readers with warm caches read it now, one of each program. */
  async function assertAllRead(tags: readonly string[]): Promise<void> {
    for (const seen of [tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal])
      assert.deepEqual(Object.keys(await seen(user, gun)), tags, seen.name);
  }

  before(async () => {
    await start();
    await user.notaryOk(["init", gun, "-p"]);
    await user.notaryOk(["addhash", gun, "v1", "1", "--sha256", "a".repeat(64), "-p"]);
    await assertAllRead(["v1"]);
  });

  async function letSignAhead(): Promise<Timestamp> {
    clock.move(365 * daySeconds);
    await assertAllRead(["v1"]);
    const ahead = await timestamp();
    assertNear(ahead.lifeLeft, 366 * daySeconds * 1000, 300_000);
    return ahead;
  }

  it("signs again, before any reader gets it, what it signed while the clock was a year ahead for seconds", async () => {
    const first = await timestamp();
    const ahead = await letSignAhead();
    await waitUntil("the log tells", async () => /"event":"the clock was set","seconds":3153\d{4}/u.test(server.log()));
    clock.move(0);
    const right = await timestamp();
    assertNear(right.lifeLeft, daySeconds * 1000, 300_000);
    assert.ok(first.version < ahead.version && ahead.version < right.version);
    await assertAllRead(["v1"]);
  });

  it("finds what it signed ahead when it starts, says so, and signs it again without a reader", async () => {
    const ahead = await letSignAhead();
    await server.stop();
    clock.move(0);
    await start(server.data);
    await waitUntil("the clock shows", async () => (await clockFault(server)) !== undefined, 5000);
    assert.match((await clockFault(server)) ?? "", /the clock is behind, or was ahead then$/u);
    await assertAllRead(["v1"]);
    await waitUntil("the log tells", async () => /"event":"fault","part":"clock"/u.test(server.log()));
    await waitUntil("it was signed again", async () => (await clockFault(server)) === undefined);
    const right = await timestamp();
    assertNear(right.lifeLeft, daySeconds * 1000, 300_000);
    assert.equal(right.version, ahead.version + 1);
    assert.equal(await skewSeconds(server), 0);
    await assertAllRead(["v1"]);
  });

  it("differs from the reader's own clock: a reader that is ahead sees both", async () => {
    const own = movableClock(scope, "reader");
    own.move(10 * daySeconds);
    const { code, stderr } = await user.tagseal(["list", gun], { env: own.env });
    assert.equal(code, 3);
    assert.match(stderr, /timestamp expired at .*METADATA_EXPIRED/su);
    assert.match(stderr, /This machine's clock says \S+, the trust server's \S+: this machine is (9|10) d ahead\./u);
    own.move(-10 * daySeconds);
    const behind = await other.tagseal(["list", gun], { env: own.env });
    assert.notEqual(behind.code, 0);
    assert.match(behind.stderr, /not valid yet \(is this machine's clock right\?\)/u);
  });

  it("says so when it starts behind what it signed, signs nothing that has ended, and blames no certificate", async () => {
    const before = await timestamp();
    await server.stop();
    clock.move(-10 * daySeconds);
    await start(server.data);
    await waitUntil("the clock shows", async () => (await clockFault(server)) !== undefined);
    assert.match(
      (await clockFault(server)) ?? "",
      /^this server's clock says \S+, but a timestamp was signed at \S+: the clock is behind/u,
    );
    assertNear(await skewSeconds(server), -10 * daySeconds, 300);
    const { code, stderr, stdout } = await other.notary(["init", "localhost:5999/team/new", "-p"]);
    assert.notEqual(code, 0);
    assert.match(stderr + stdout, /this server's clock says .*, but certificate .* is not valid before/su);
    await assertAllRead(["v1"]);
    assert.equal((await timestamp()).version, before.version);
    await server.stop();
    clock.move(0);
    await start(server.data);
    assert.equal(await clockFault(server), undefined);
    await user.notaryOk(["addhash", gun, "v2", "1", "--sha256", "b".repeat(64), "-p"]);
    await assertAllRead(["v1", "v2"]);
  });
});

describe("a replica whose clock differs from the database's", { skip: missingPeers(["postgres", "faketime"]) }, () => {
  const gun = "team/app";
  const clock = movableClock(scope, "replica");
  let database: Database;
  let right: Server;
  let wrong: Server;

  const open = (url: string): Server => ({ url, text: async (path) => (await fetch(url + path)).text() });
  before(async () => {
    database = await startPostgres(scope);
    await database.create("clocks", "select 1");
    const url = database.url("clocks");
    right = open((await startReplica(scope, url)).url);
    wrong = open((await startReplica(scope, url, {}, clock.env)).url);
  });

  for (const [what, seconds] of [
    ["a year ahead", 365 * daySeconds],
    ["ten days behind", -10 * daySeconds],
  ] as const)
    it(`${what}: shows, signs nothing by it, publishes nothing, and reading continues`, async () => {
      const name = `${gun}-${what.replaceAll(" ", "-")}`;
      const publisher = await new UploadingPublisher(wrong.url, name).begin();
      const published = async (): Promise<Timestamp> =>
        timestampIn(await right.text(`/v2/${name}/_trust/tuf/timestamp.json`));
      const first = await published();
      clock.move(seconds);
      await waitUntil("the clock shows", async () => (await clockFault(wrong)) !== undefined);
      assert.match(
        (await clockFault(wrong)) ?? "",
        /^this server's clock says \S+, but its database's says \S+: \d+ s (ahead of|behind) it$/u,
      );
      assertNear(await skewSeconds(wrong), seconds, 5);
      assert.equal(await clockFault(right), undefined);
      const refused = await publisher.addTag("v2");
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get("Retry-After"), "60");
      assert.match(await refused.text(), /this server's clock says/u);
      assert.deepEqual(await readTags(wrong.url, name), ["v1"]);
      const elsewhere = await publisher.resumedAt(right.url);
      assert.equal((await elsewhere.addTag("v2")).status, 200);
      assert.deepEqual(await readTags(wrong.url, name), ["v1", "v2"]);
      await waitUntil("a few looks at what is due", async () => (await fetch(tufUrl(wrong.url, name))).status > 0);
      const last = await published();
      assert.equal(last.version, first.version + 1);
      assertNear(last.lifeLeft, daySeconds * 1000, 300_000);
      clock.move(0);
      await waitUntil("all is well", async () => (await clockFault(wrong)) === undefined);
      assert.equal((await (await publisher.resumedAt(wrong.url)).addTag("v3")).status, 200);
    });
});

describe("the clock of a database", () => {
  const withinMs = 5000;
  const other = new Scope("clock-zones");
  after(() => other.close());

  async function assertRight(database: Database, url: string): Promise<void> {
    await database.create("clock", "select 1");
    const store = await openMetadataStore(url);
    try {
      const time = await store.time?.();
      assertNear(time?.getTime() ?? Number.NaN, Date.now(), withinMs);
    } finally {
      await store.close();
    }
  }

  it("is read, whatever its time zone: PostgreSQL", { skip: missingPeers(["postgres"]) }, async () => {
    const database = await startPostgres(other, ["-c", "timezone=Asia/Kathmandu"]);
    await assertRight(database, database.url("clock"));
  });

  it("…MariaDB", { skip: missingPeers(["mariadb"]) }, async () => {
    const database = await startMariadb(scope, ["--default-time-zone=+05:45"]);
    await assertRight(database, `mysql://root@127.0.0.1:${database.port}/clock?sslmode=disable`);
  });
});
