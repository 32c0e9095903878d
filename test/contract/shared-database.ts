/** What every database that servers share must do, beyond the contracts of what is kept in it. */

import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { migrateKeyTable, openKeyTable } from "../../src/server/signer/open-key-table.ts";
import { keyTableContract } from "./key-table.ts";
import { metadataStoreContract } from "./metadata-store.ts";
import { certificates } from "../support/certificates.ts";
import { tlsSettings, type Database } from "../support/database.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import type { MetadataStore } from "../../src/server/storage/metadata-store.ts";
import type { NewFile } from "../../src/server/storage/stored-file.ts";
import { waitUntil } from "../support/processes.ts";
import { migrateMetadataStore, openMetadataStore } from "../../src/server/storage/open-metadata-store.ts";

const at = new Date("2026-11-23T04:00:00Z");

function file(role: string, version: number, text = `${role} ${version}`): NewFile {
  const bytes = Buffer.from(text);
  return { role, version, bytes, sha256: sha256Hex(bytes) };
}

async function publish(store: MetadataStore, gun: string, version: number, text?: string): Promise<void> {
  const base = version === 1 ? undefined : file("timestamp", version - 1).sha256;
  await store.publish({ gun, base, files: [file("targets", version, text), file("timestamp", version)], at });
}

/** Runs every story of one engine, and the contracts, on servers made by `start`. */
export function sharedDatabaseContract(
  name: string,
  peer: "postgres" | "mariadb",
  start: (scope: Scope, settings?: readonly string[]) => Promise<Database>,
): void {
  describeTls(name, peer, start);
  describe(`databases in ${name}`, { skip: missingPeers([peer]) }, () => {
    const scope = new Scope(peer);
    let server: Database;
    let databases = 0;
    let contractUrl = "";
    before(async () => {
      server = await start(scope);
      await server.create("contract", "select 1");
      contractUrl = server.url("contract");
      await Promise.all([migrateMetadataStore(contractUrl), migrateKeyTable(contractUrl)]);
    });
    after(() => scope.close());

    async function newDatabase(): Promise<string> {
      const database = `store${(databases += 1)}`;
      await server.create(database, "select 1");
      return database;
    }

    async function open(t: TestContext, url: string): Promise<MetadataStore> {
      const store = await openMetadataStore(url);
      t.after(() => store.close());
      return store;
    }

    keyTableContract(name, async (t) => {
      await server.sql("contract", emptyKeys);
      const table = await openKeyTable(contractUrl);
      t.after(() => table.close());
      return table;
    });

    metadataStoreContract(name, async (t) => {
      await server.sql("contract", emptyMetadata);
      return open(t, contractUrl);
    });

    it("makes its schema once, however many replicas start at the same time", async (t) => {
      const url = server.url(await newDatabase());
      const steps = await Promise.all(Array.from({ length: 6 }, () => migrateMetadataStore(url)));
      assert.deepEqual(
        steps.filter((count) => count > 0),
        [4],
      );
      const store = await open(t, url);
      await publish(store, "g", 1);
    });

    it("is used by an account that may not change its tables, once another one has made them", async (t) => {
      const database = await newDatabase();
      const url = server
        .url(database)
        .replace(/\/\/postgres@|^notary@/u, (account) => account.replace(/\w+@/u, "clerk@"));
      await server.sql(database, grants[peer](database));
      await assert.rejects(openMetadataStore(url), { code: "STORAGE_FAILED" });
      await migrateMetadataStore(server.url(database));
      await server.sql(database, rightsInTables[peer](database));
      await publish(await open(t, url), "g", 1);
    });

    it("counts what an earlier release stored, also while one still runs", async (t) => {
      const database = await newDatabase();
      const first = await openMetadataStore(server.url(database));
      for (const gun of ["a/one", "a/two", "a/three"]) await publish(first, gun, 1, "x".repeat(1000));
      await first.close();
      await server.sql(
        database,
        "drop table tagseal_collection_sizes; drop table tagseal_proposals; update tagseal_schema set version = 2 where component = 'metadata'",
      );
      const store = await open(t, server.url(database));
      const bytes = 1000 + Buffer.byteLength("timestamp 1");
      assert.deepEqual(await store.usage("a"), { repositories: 3, bytes: 3 * bytes });
      // What such a release deletes leaves a size behind, and what it makes has none until something of it is forgotten.
      await server.sql(
        database,
        `delete from tagseal_files where gun = 'a/one'; delete from tagseal_collections where gun = 'a/one';
         delete from tagseal_collection_sizes where gun = 'a/two';`,
      );
      assert.equal((await store.usage("a")).repositories, 2);
      await publish(store, "a/one", 1, "y".repeat(1000));
      await store.forget("a/two", []);
      assert.deepEqual(await store.usage("a"), { repositories: 3, bytes: 3 * bytes });
    });

    it("keeps limits that many publishers reach through several replicas", async (t) => {
      const url = server.url(await newDatabase());
      const stores = [await open(t, url), await open(t, url), await open(t, url)];
      const size = file("targets", 1, "x".repeat(1000)).bytes.length + file("timestamp", 1).bytes.length;
      for (const [prefix, limit] of [
        ["counted", { repositories: 5 }],
        ["weighed", { bytes: 5 * size + 10 }],
      ] as const) {
        const files = [file("targets", 1, "x".repeat(1000)), file("timestamp", 1)];
        const publications = Array.from({ length: 18 }, (_, number) => {
          return { gun: `${prefix}/${number}`, base: undefined, files, at, limits: [{ prefix, ...limit }] };
        });
        const outcomes = await Promise.allSettled(
          stores.flatMap((store, index) =>
            publications.filter((_, number) => number % 3 === index).map((publication) => store.publish(publication)),
          ),
        );
        const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
        assert.deepEqual(new Set(refused), new Set(["LIMIT_REACHED"]));
        assert.deepEqual(await stores[0]?.usage(prefix), { repositories: 5, bytes: 5 * size });
      }
    });

    it("refuses a schema that a later release wrote", async () => {
      const database = await newDatabase();
      await migrateMetadataStore(server.url(database));
      await server.sql(database, "update tagseal_schema set version = 99 where component = 'metadata'");
      const opening = openMetadataStore(server.url(database));
      await assert.rejects(opening, { code: "SERVER_CONFIGURATION", message: /version 99/u });
    });

    it("I7: of publishers through several replicas exactly one wins each version", async (t) => {
      const url = server.url(await newDatabase());
      const stores = [await open(t, url), await open(t, url), await open(t, url)];
      for (let version = 1; version <= 5; version += 1) {
        const rivals = stores.map((store, index) => publish(store, "g", version, `by ${index}`));
        const outcomes = await Promise.allSettled(rivals);
        assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
        for (const outcome of outcomes)
          assert.ok(outcome.status === "fulfilled" || outcome.reason.code === "STORAGE_CONFLICT");
      }
    });

    it("publishes nothing that the changefeed has no position for", async (t) => {
      const database = await newDatabase();
      const store = await open(t, server.url(database));
      await publish(store, "g", 1);
      await server.sql(database, "delete from tagseal_change_position");
      await assert.rejects(publish(store, "g", 2), { code: "STORAGE_FAILED", message: /no position/u });
      assert.equal((await store.current("g", "timestamp"))?.version, 1);
    });

    it("notifies caches of every change of a collection, by any server, and of no other collection", async (t) => {
      const url = server.url(await newDatabase());
      const [one, two] = [await open(t, url), await open(t, url)];
      await publish(one, "other", 1);
      const other = (await two.revision(["other"])) as ReadonlyMap<string, string>;
      const seen = new Set<string | undefined>();
      const steps: readonly (() => Promise<unknown>)[] = [
        async () => {},
        () => publish(one, "g", 1),
        () => publish(one, "g", 2),
        () => one.forget("g", [file("targets", 1)]),
        () => one.restore("g", [{ ...file("targets", 1), createdAt: at }]),
      ];
      for (const step of steps) {
        await step();
        const revision = ((await two.revision(["g", "other"])) as ReadonlyMap<string, string>).get("g");
        const timestamp = await two.current("g", "timestamp");
        assert.equal(revision?.split(" ").at(-1), timestamp?.sha256);
        seen.add(revision);
      }
      assert.equal(seen.size, steps.length);
      await one.remove("g", at);
      const left = (await two.revision(["g", "other"])) as ReadonlyMap<string, string>;
      assert.deepEqual([...left], [...other]);
    });

    for (const what of ["publication", "deletion"] as const) {
      it(`I7: knows a ${what} as its own when the answer to the commit was lost`, async (t) => {
        const database = await newDatabase();
        const direct = await open(t, server.url(database));
        const proxy = await startProxy(t, server.port);
        const store = await open(t, server.url(database).replace(String(server.port), String(proxy.port)));
        await publish(store, "g", 1);
        proxy.loseAnswerTo("COMMIT");
        await (what === "publication" ? publish(store, "g", 2) : store.remove("g", at));
        assert.equal((await direct.changes({ from: 0, limit: 9, backwards: false })).length, 2);
        const timestamp = await direct.current("g", "timestamp");
        assert.equal(timestamp?.version, what === "publication" ? 2 : undefined);
      });
    }

    it("fails soon while the database is away, and continues by itself when it is back", async (t) => {
      const database = await newDatabase();
      const store = await open(t, server.url(database));
      await publish(store, "g", 1);
      for (const signal of [undefined, "SIGKILL"] as const) {
        await server.stop(signal);
        // A killed PostgreSQL leaves processes behind that answer for a moment.
        const isAway = (): Promise<boolean> =>
          Promise.resolve(store.revision(["g"])).then(
            () => false,
            () => true,
          );
        await waitUntil("the last of its processes has ended", isAway);
        for (const attempt of [() => publish(store, "g", 2), () => store.check(), () => store.current("g", "root")])
          await assert.rejects(attempt, { code: "STORAGE_FAILED" });
        await assert.rejects(async () => store.revision(["g"]), { code: "STORAGE_FAILED" });
        await server.start();
        await assert.doesNotReject(async () => eventually(() => store.check()));
        assert.equal((await store.current("g", "timestamp"))?.version, 1);
      }
      await publish(store, "g", 2);
    });

    it("goes to the next host of its address when the first one does not answer", async (t) => {
      const url = server.url(await newDatabase());
      const proxy = await startProxy(t, server.port);
      const two = `127.0.0.1:${proxy.port},127.0.0.1:${server.port}`;
      const store = await open(t, url.replace(`127.0.0.1:${server.port}`, two));
      await publish(store, "g", 1);
      proxy.cut();
      await publish(store, "g", 2);
      assert.equal((await store.current("g", "timestamp"))?.version, 2);
    });

    it("names the database without its password when it cannot get in", async () => {
      const url = peer === "postgres" ? "postgres" : "mysql";
      const opening = openMetadataStore(`${url}://nobody:secret@127.0.0.1:${server.port}/absent`);
      await assert.rejects(opening, (error: Error) => {
        assert.match(error.message, /nobody@127\.0\.0\.1/u);
        assert.doesNotMatch(error.message, /secret/u);
        return true;
      });
    });
  });
}

/** A failed attempt is remembered for half a second. */
async function eventually(work: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 20_000; ;) {
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

type ByPeer = Readonly<Record<"postgres" | "mariadb", (database: string) => string>>;

const grants: ByPeer = {
  postgres: (database) => `create role clerk login; grant connect on database ${database} to clerk`,
  mariadb: (database) => `create user clerk@'127.0.0.1'; grant select on ${database}.* to clerk@'127.0.0.1'`,
};

const rightsInTables: ByPeer = {
  postgres: () => "grant select, insert, update, delete on all tables in schema public to clerk",
  mariadb: (database) => `grant select, insert, update, delete on ${database}.* to clerk@'127.0.0.1'`,
};

const emptyKeys = ["keys", "derivation_secret", "key_assignments"]
  .map((table) => `delete from tagseal_${table};`)
  .join(" ");
const emptyMetadata = `delete from tagseal_files; delete from tagseal_deleted_files; delete from tagseal_collections; delete from tagseal_collection_sizes; delete from tagseal_proposals; delete from tagseal_changes;
  update tagseal_change_position set last_change = 0;`;

function describeTls(
  name: string,
  peer: "postgres" | "mariadb",
  start: (scope: Scope, settings: readonly string[]) => Promise<Database>,
): void {
  describe(`${name} over TLS`, { skip: missingPeers([peer, "openssl"]) }, () => {
    const scope = new Scope(`${peer}-tls`);
    let server: Database;
    let ca: string;
    before(async () => {
      const tls = await tlsSettings(scope, peer === "postgres" ? "postgres" : "mysql");
      ca = tls.ca;
      server = await start(scope, tls.settings);
      await server.create("trust", mustEncrypt[peer]);
    });
    after(() => scope.close());

    const url = (host: string, parameters: string): string => {
      const account = peer === "postgres" ? "postgres://postgres" : "mysql://clerk";
      return `${account}@${host}:${server.port}/trust?${parameters}`;
    };

    it("connects only to the server whose certificate the authority has signed", async () => {
      assert.equal(await migrateMetadataStore(url("localhost", `sslmode=verify-full&sslrootcert=${ca}`)), 4);
      const stranger = await certificates(scope, "stranger");
      const opening = migrateMetadataStore(url("localhost", `sslmode=verify-full&sslrootcert=${stranger.ca}`));
      await assert.rejects(opening, { code: "STORAGE_FAILED", message: /certificate/u });
      await assert.rejects(migrateMetadataStore(url("localhost", "sslmode=verify-full")), { code: "STORAGE_FAILED" });
    });

    it("encrypts without verifying the server only when asked to", async () => {
      assert.equal(await migrateMetadataStore(url("127.0.0.1", "sslmode=require")), 0);
    });

    it("says that TLS is wanted when the server has none", async () => {
      await using plainScope = new Scope(`${peer}-plain`);
      const plain = await start(plainScope, peer === "postgres" ? [] : ["--skip-ssl"]);
      const address = url("127.0.0.1", "sslmode=require").replace(String(server.port), String(plain.port));
      await assert.rejects(migrateMetadataStore(address), { code: "STORAGE_FAILED", message: /SSL|secure/u });
    });
  });
}

/** An account that is let in over TLS alone; PostgreSQL would need a file for that. */
const mustEncrypt = {
  postgres: "select 1",
  mariadb:
    "create user clerk@'127.0.0.1' require ssl; grant all on trust.* to clerk@'127.0.0.1'; create user clerk@localhost require ssl; grant all on trust.* to clerk@localhost",
} as const;
