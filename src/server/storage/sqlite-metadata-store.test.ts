import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it, type TestContext } from "node:test";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { metadataStoreContract } from "../../../test/contract/metadata-store.ts";
import { sha256Hex } from "../../crypto/sha256.ts";
import type { NewFile } from "./stored-file.ts";
import { SqliteMetadataStore } from "./sqlite-metadata-store.ts";

function temporaryPath(t: TestContext): string {
  const directory = temporaryDirectory(t);
  return join(directory, "metadata.db");
}

function open(t: TestContext, path = temporaryPath(t), maxPages?: number): SqliteMetadataStore {
  const store = new SqliteMetadataStore({ path, maxPages });
  t.after(() => store.close());
  return store;
}

function pagesOf(path: string): number {
  const database = new DatabaseSync(path);
  const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
  database.close();
  return pages;
}

function file(role: string, version: number, bytes: Uint8Array): NewFile {
  return { role, version, bytes, sha256: sha256Hex(bytes) };
}

function timestamp(version: number): NewFile {
  return file("timestamp", version, Buffer.from(`timestamp ${version}`));
}

const at = new Date("2026-11-23T04:00:00Z");

metadataStoreContract("SqliteMetadataStore", open);

describe("SqliteMetadataStore on disk", () => {
  it("counts what an earlier release stored", async (t) => {
    const path = temporaryPath(t);
    const first = open(t, path);
    const files = [file("targets", 1, Buffer.alloc(100_000)), timestamp(1)];
    await first.publish({ gun: "a/app", base: undefined, files, at });
    await first.close();
    const earlier = new DatabaseSync(path);
    earlier.exec(`DROP TRIGGER tuf_files_kept; DROP TRIGGER tuf_files_forgotten; DROP TABLE collection_sizes; DROP TABLE proposals;
      PRAGMA user_version = 2`);
    earlier.close();
    assert.deepEqual(await open(t, path).usage("a"), { repositories: 1, bytes: 100_011 });
  });

  it("keeps files and changes across a restart", async (t) => {
    const path = temporaryPath(t);
    const first = open(t, path);
    await first.publish({ gun: "g", base: undefined, files: [timestamp(1)], at });
    await first.close();
    const second = open(t, path);
    assert.equal((await second.current("g", "timestamp"))?.version, 1);
    assert.equal((await second.changes({ from: 0, limit: 9, backwards: false })).length, 1);
  });

  it("commits with a write-ahead log and waits for the disk", (t) => {
    const path = temporaryPath(t);
    open(t, path);
    const other = new DatabaseSync(path);
    t.after(() => other.close());
    assert.equal(other.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "wal");
    assert.equal(other.prepare("PRAGMA synchronous").get()?.["synchronous"], 2);
  });

  it("I7: lets one of two processes on the same file win, and invalidates the other's caches", async (t) => {
    const path = temporaryPath(t);
    const [one, two] = [open(t, path), open(t, path)];
    const before = two.revision();
    await one.publish({ gun: "g", base: undefined, files: [timestamp(1)], at });
    assert.notEqual(two.revision(), before);
    const late = two.publish({ gun: "g", base: undefined, files: [timestamp(1)], at });
    await assert.rejects(late, { code: "STORAGE_CONFLICT" });
  });

  it("I7: writes nothing on a full disk, reports it, and continues to read", async (t) => {
    const store = open(t, temporaryPath(t), 24);
    await store.publish({ gun: "g", base: undefined, files: [timestamp(1)], at });
    const targets = file("targets", 1, Buffer.alloc(400_000, 0x61));
    const tooMuch = store.publish({
      gun: "g",
      base: timestamp(1).sha256,
      files: [file("root", 1, Buffer.from("root")), targets, timestamp(2)],
      at,
    });
    await assert.rejects(tooMuch, { code: "STORAGE_FAILED", message: /full/u });
    assert.equal(await store.current("g", "root"), undefined);
    assert.equal((await store.current("g", "timestamp"))?.version, 1);
  });

  it("is unhealthy while a publication would not fit", async (t) => {
    const path = temporaryPath(t);
    await open(t, path).close();
    const store = open(t, path, pagesOf(path) + 1);
    await assert.rejects(store.check(), { code: "STORAGE_FAILED" });
  });

  it("refuses a file that a later release wrote", (t) => {
    const path = temporaryPath(t);
    const later = new DatabaseSync(path);
    later.exec("PRAGMA user_version = 99");
    later.close();
    assert.throws(() => open(t, path), { code: "SERVER_CONFIGURATION", message: /version 99/u });
  });

  it("names the file it cannot open", (t) => {
    const path = "/nonexistent/metadata.db";
    assert.throws(() => open(t, path), { code: "STORAGE_FAILED", message: /\/nonexistent\/metadata\.db/u });
  });
});
