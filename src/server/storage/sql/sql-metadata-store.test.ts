import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDatabaseAddress } from "./database-address.ts";
import { loadPostgresEngine } from "./postgres-engine.ts";
import { SqlDatabase } from "./sql-database.ts";
import type { SqlConnection, SqlEngine } from "./sql-engine.ts";
import { SqlMetadataStore } from "./sql-metadata-store.ts";

/** A store on one server with one file, which may be cut off from the servers with the current state. */
async function storeOnOne(): Promise<{ store: SqlMetadataStore; server: { isPrimary: boolean; hasFile: boolean } }> {
  const server = { isPrimary: true, hasFile: true };
  const row = { gun: "g", role: "root", version: 1, sha256: "a".repeat(64), data: Buffer.from("{}"), created_at: 0 };
  const connection = (): SqlConnection => ({
    isOpen: true,
    isPrimary: server.isPrimary,
    guard: { begun: [], ending: [] },
    run: async () => ({ rows: (server.hasFile ? [row] : []) as never[], affected: 0 }),
    close: () => {},
  });
  const engine: SqlEngine = Object.assign(Object.create(await loadPostgresEngine()), {
    connect: async () => connection(),
  });
  const place = { address: parseDatabaseAddress("postgres://db/x"), tls: async () => undefined };
  return { server, store: new SqlMetadataStore(new SqlDatabase(engine, place)) };
}

const failed = { code: "STORAGE_FAILED" };

describe("a store on a database", () => {
  it("I3: reads files from a server that is cut off by their checksum only", async (t) => {
    const { store, server } = await storeOnOne();
    t.after(() => store.close());
    server.isPrimary = false;
    assert.equal((await store.byChecksum("g", "root", "a".repeat(64)))?.version, 1);
    await assert.rejects(store.current("g", "root"), failed);
    await assert.rejects(store.byVersion("g", "root", 1), failed);
    await assert.rejects(store.changes({ from: 0, limit: 1, backwards: true }), failed);
    await assert.rejects(store.guns("", 1), failed);
    await assert.rejects(store.versions("g"), failed);
    await assert.rejects(async () => store.revision(["g"]), failed);
  });

  it("I3: does not trust a server that is cut off to say that a file does not exist", async (t) => {
    const { store, server } = await storeOnOne();
    t.after(() => store.close());
    server.hasFile = false;
    assert.equal(await store.byChecksum("g", "root", "a".repeat(64)), undefined);
    const cutOff = await storeOnOne();
    t.after(() => cutOff.store.close());
    Object.assign(cutOff.server, { isPrimary: false, hasFile: false });
    await assert.rejects(cutOff.store.byChecksum("g", "root", "a".repeat(64)), failed);
  });
});
