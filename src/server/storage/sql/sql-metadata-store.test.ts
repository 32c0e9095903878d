import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDatabaseAddress } from "./database-address.ts";
import { loadPostgresEngine } from "./postgres-engine.ts";
import { SqlDatabase } from "./sql-database.ts";
import type { SqlConnection, SqlEngine } from "./sql-engine.ts";
import { SqlMetadataStore } from "./sql-metadata-store.ts";

/** A store on one server that has one file, and may be cut off from those that know what is current. */
async function storeOnOne(): Promise<{ store: SqlMetadataStore; server: { isPrimary: boolean } }> {
  const server = { isPrimary: true };
  const row = { gun: "g", role: "root", version: 1, sha256: "a".repeat(64), data: Buffer.from("{}"), created_at: 0 };
  const connection = (): SqlConnection => ({
    isOpen: true,
    isPrimary: server.isPrimary,
    guard: { begun: [], ending: [] },
    run: async () => ({ rows: [row] as never[], affected: 0 }),
    close: () => {},
  });
  const engine: SqlEngine = Object.assign(Object.create(await loadPostgresEngine()), {
    connect: async () => connection(),
  });
  const place = { address: parseDatabaseAddress("postgres://db/x"), tls: async () => undefined };
  return { server, store: new SqlMetadataStore(new SqlDatabase(engine, place)) };
}

describe("a store on a database", () => {
  it("says of a file found by its version whether the server that had it may lag behind", async (t) => {
    const current = await storeOnOne();
    t.after(() => current.store.close());
    assert.equal((await current.store.byVersion("g", "root", 1))?.isUncertain, undefined);
    const cutOff = await storeOnOne();
    t.after(() => cutOff.store.close());
    cutOff.server.isPrimary = false;
    assert.equal((await cutOff.store.byVersion("g", "root", 1))?.isUncertain, true);
    // a checksum never means another file
    assert.equal((await cutOff.store.byChecksum("g", "root", "a".repeat(64)))?.isUncertain, undefined);
  });
});
