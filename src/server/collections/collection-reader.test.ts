import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { sha256Hex } from "../../crypto/sha256.ts";
import { TagsealError } from "../../errors.ts";
import { fileMetaOf } from "../../tuf/file-meta.ts";
import { fileBytes } from "../../tuf/notary-v1/serialise.ts";
import { waitUntil } from "../../../test/support/processes.ts";
import { CollectionReader } from "./collection-reader.ts";
import { MemoryMetadataStore } from "../storage/memory-metadata-store.ts";
import type { NewFile, StoredFile } from "../storage/stored-file.ts";

const at = new Date("2026-11-23T04:00:00Z");
const expires = { expires: "2027-01-01T00:00:00Z", expiresAt: new Date("2027-01-01T00:00:00Z") };

function file(role: string, version: number, bytes: Uint8Array): NewFile {
  return { role, version, bytes, sha256: sha256Hex(bytes) };
}

/** A snapshot must list root and targets. Unsigned, since the server's reader does not verify signatures. */
function setOf(version: number, roles: Readonly<Record<string, Uint8Array>>): NewFile[] {
  const others = Object.entries({ root: Buffer.from("root"), ...roles }).map(([role, bytes]) =>
    file(role, version, bytes),
  );
  const meta = new Map(others.map(({ role, bytes }) => [role, fileMetaOf(bytes)]));
  const snapshot = file("snapshot", version, fileBytes({ type: "snapshot", version, ...expires, meta }, []));
  const named = new Map([["snapshot", fileMetaOf(snapshot.bytes)]]);
  const timestamp = fileBytes({ type: "timestamp", version, ...expires, meta: named }, []);
  return [...others, snapshot, file("timestamp", version, timestamp)];
}

/** A memory store that counts how often it is asked, and whose revision a test may change. */
class CountingStore extends MemoryMetadataStore {
  asked = 0;
  revisionNumber = 0;

  override async current(gun: string, role: string): Promise<StoredFile | undefined> {
    this.asked += 1;
    return super.current(gun, role);
  }

  override async byChecksum(gun: string, role: string, sha256: string): Promise<StoredFile | undefined> {
    this.asked += 1;
    return super.byChecksum(gun, role, sha256);
  }

  override revision(): string {
    return String(this.revisionNumber);
  }
}

/** A shared store that may be lost, except for files by checksum on a server that lags behind. */
class LosableStore extends CountingStore {
  isLost = false;
  /** runs between an answer and the reads that depend on it */
  afterAnswering: (() => unknown) | undefined;

  override async current(gun: string, role: string): Promise<StoredFile | undefined> {
    this.#failIfLost();
    return super.current(gun, role);
  }

  override async byVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined> {
    this.#failIfLost();
    return super.byVersion(gun, role, version);
  }

  // The contract has two forms of answer, and this is the other one.
  override revision(guns: readonly string[] = []): never {
    return this.#revision(guns) as never;
  }

  async #revision(guns: readonly string[]): Promise<ReadonlyMap<string, string>> {
    this.#failIfLost();
    const known = guns.map(async (gun) => [gun, `7 ${(await super.current(gun, "timestamp"))?.sha256}`] as const);
    const answer = new Map(await Promise.all(known));
    await this.afterAnswering?.();
    return answer;
  }

  #failIfLost(): void {
    if (this.isLost) throw new TagsealError("STORAGE_FAILED", "gone");
  }
}

const lost = { code: "STORAGE_FAILED" };

/** A reader that has a file of version 2 in memory, but not what is current. */
async function beforeTheLoss(maxAgeMs = 0) {
  const store = new LosableStore();
  await publish(store, "g", setOf(1, { targets: Buffer.from("one") }));
  await publish(store, "g", setOf(2, { targets: Buffer.from("two") }));
  const reader = new CollectionReader(store, { maxBytes: 1e6, maxAgeMs });
  assert.equal(await reader.refresh("g"), "current");
  await reader.byVersion("g", "targets", 2);
  return { store, reader };
}

async function publish(store: MemoryMetadataStore, gun: string, files: NewFile[]): Promise<void> {
  const base = (await store.current(gun, "timestamp"))?.sha256;
  await store.publish({ gun, base, files, at });
}

async function current(reader: CollectionReader, gun: string, role: string) {
  await reader.refresh(gun);
  const view = await reader.view(gun);
  return view && (await reader.fileIn(view, gun, role));
}

const text = (found: { readonly bytes: Uint8Array } | undefined): string | undefined =>
  found && Buffer.from(found.bytes).toString();

describe("reading collections", () => {
  it("I7: finds a role through timestamp and snapshot, not by its highest version", async () => {
    const store = new MemoryMetadataStore();
    await publish(store, "g", setOf(1, { targets: Buffer.from("listed") }));
    const base = (await store.current("g", "timestamp"))?.sha256;
    await store.publish({ gun: "g", base, files: [file("targets", 2, Buffer.from("not listed"))], at });
    assert.equal(text(await current(new CollectionReader(store, { maxBytes: 1e6 }), "g", "targets")), "listed");
  });

  it("knows nothing of roles the snapshot does not list, or of collections that do not exist", async () => {
    const store = new MemoryMetadataStore();
    await publish(store, "g", setOf(1, { targets: Buffer.from("x") }));
    const reader = new CollectionReader(store, { maxBytes: 1e6 });
    assert.equal(await current(reader, "g", "targets/a"), undefined);
    assert.equal(await current(reader, "h", "targets"), undefined);
    assert.equal(await reader.view("h"), undefined);
  });

  it("asks the store once, and again after the collection changed", async () => {
    const store = new CountingStore();
    await publish(store, "g", setOf(1, { targets: Buffer.from("one") }));
    const reader = new CollectionReader(store, { maxBytes: 1e6 });
    await current(reader, "g", "targets");
    store.asked = 0;
    assert.equal(text(await current(reader, "g", "targets")), "one");
    assert.equal(store.asked, 0);
    await publish(store, "g", setOf(2, { targets: Buffer.from("two") }));
    reader.forget("g");
    assert.equal(text(await current(reader, "g", "targets")), "two");
  });

  it("asks again once another process wrote to the store", async () => {
    const store = new CountingStore();
    await publish(store, "g", setOf(1, { targets: Buffer.from("one") }));
    const reader = new CollectionReader(store, { maxBytes: 1e6 });
    const old = await current(reader, "g", "targets");
    await store.remove("g", at);
    store.revisionNumber += 1;
    await nextTurn();
    assert.equal(await current(reader, "g", "targets"), undefined);
    await reader.refresh("g");
    assert.equal(await reader.byChecksum("g", "targets", old?.sha256 ?? ""), undefined);
  });

  it("does not let a read that began before a change bring the old state back", async () => {
    const store = new MemoryMetadataStore();
    await publish(store, "g", setOf(1, { targets: Buffer.from("one") }));
    const reader = new CollectionReader(store, { maxBytes: 1e6 });
    const slow = current(reader, "g", "targets");
    await publish(store, "g", setOf(2, { targets: Buffer.from("two") }));
    reader.forget("g");
    await slow;
    assert.equal(text(await current(reader, "g", "targets")), "two");
  });

  it("I3: reports nothing as current while the store is lost, and notices when it is back", async (t) => {
    const { store, reader } = await beforeTheLoss();
    t.after(() => reader.close());
    assert.equal((await reader.read("g")).freshness, "current");
    store.isLost = true;
    for (let time = 1; time <= 2; time += 1) assert.deepEqual(await reader.read("g"), { freshness: "unknown" });
    const sha256 = sha256Hex(Buffer.from("two"));
    assert.equal(text(await reader.byChecksum("g", "targets", sha256)), "two");
    store.isLost = false;
    await publish(store, "g", setOf(3, { targets: Buffer.from("three") }));
    assert.equal(reader.counts.isLost, true, "no request since");
    await waitUntil("it is found", () => !reader.counts.isLost);
    const reading = await reader.read("g");
    assert.equal(reading.freshness === "current" && reading.view.timestamp.version, 3);
  });

  it("has the files that a timestamp leads to in memory before it is served, so that a client can finish", async (t) => {
    const { store, reader } = await beforeTheLoss();
    t.after(() => reader.close());
    const reading = await reader.read("g");
    const snapshot = reading.freshness === "current" ? (reading.view.snapshot?.sha256 ?? "") : "";
    store.byChecksum = () => Promise.reject(new TagsealError("STORAGE_FAILED", "gone"));
    const canFinish = async (): Promise<void> => {
      assert.notEqual(await reader.byChecksum("g", "snapshot", snapshot), undefined);
      for (const [role, content] of [
        ["root", "root"],
        ["targets", "two"],
      ] as const)
        assert.equal(text(await reader.byChecksum("g", role, sha256Hex(Buffer.from(content)))), content);
    };
    await canFinish();
    // also after a publication meanwhile, by this server or another, and after a second one
    reader.outdate("g");
    await canFinish();
    reader.outdate("g");
    await canFinish();
    await publish(store, "g", setOf(3, { targets: Buffer.from("three") }));
    assert.equal(await reader.refresh("g"), "current");
    await canFinish();
    reader.forget("g");
    await assert.rejects(canFinish(), lost);
  });

  it("keeps the files of the timestamp before while the store is lost in the middle of reading the next one", async (t) => {
    const { store, reader } = await beforeTheLoss();
    t.after(() => reader.close());
    await reader.read("g");
    await publish(store, "g", setOf(3, { targets: Buffer.from("three") }));
    reader.outdate("g");
    store.afterAnswering = () => (store.isLost = true);
    await assert.rejects(reader.read("g"), lost);
    store.byChecksum = () => Promise.reject(new TagsealError("STORAGE_FAILED", "gone"));
    assert.equal(text(await reader.byChecksum("g", "targets", sha256Hex(Buffer.from("two")))), "two");
  });

  it("keeps the files of a timestamp that is served although a publication came while it was read", async (t) => {
    const { store, reader } = await beforeTheLoss();
    t.after(() => reader.close());
    const byChecksum = store.byChecksum.bind(store);
    store.byChecksum = async (gun, role, sha256) => {
      reader.outdate("g");
      return byChecksum(gun, role, sha256);
    };
    const reading = await reader.read("g");
    assert.equal(reading.freshness === "current" && reading.view.timestamp.version, 2);
    store.byChecksum = () => Promise.reject(new TagsealError("STORAGE_FAILED", "gone"));
    assert.equal(text(await reader.byChecksum("g", "root", sha256Hex(Buffer.from("root")))), "root");
    assert.equal(text(await reader.byChecksum("g", "targets", sha256Hex(Buffer.from("two")))), "two");
  });

  it("I3: reports nothing as current that could not be read after it was confirmed, however long answers are valid", async (t) => {
    const { store, reader } = await beforeTheLoss(60_000);
    t.after(() => reader.close());
    store.isLost = true;
    await assert.rejects(async () => reader.view("g"), lost);
    store.isLost = false;
    assert.equal(await reader.refresh("g"), "current");
    assert.equal((await reader.view("g"))?.timestamp.version, 2);
  });

  it("I3: reports nothing as current when the store was lost during a request", async (t) => {
    const { store, reader } = await beforeTheLoss();
    t.after(() => reader.close());
    store.afterAnswering = () => (store.isLost = true);
    await assert.rejects(reader.read("g"), lost);
  });

  it("I3: reports nothing as current when a collection changes at each read", async (t) => {
    const { store, reader } = await beforeTheLoss();
    t.after(() => reader.close());
    let version = 2;
    store.afterAnswering = () => publish(store, "g", setOf((version += 1), { targets: Buffer.from("again") }));
    assert.deepEqual(await reader.read("g"), { freshness: "unknown" });
  });

  it("I7: reports what was published during a request as current", async () => {
    const { store, reader } = await beforeTheLoss();
    store.afterAnswering = async () => {
      store.afterAnswering = undefined;
      await publish(store, "g", setOf(3, { targets: Buffer.from("three") }));
    };
    const reading = await reader.read("g");
    assert.equal(reading.freshness === "current" && reading.view.timestamp.version, 3);
  });

  it("keeps no more than its bound, and the most recently used longest", async () => {
    const store = new CountingStore();
    const guns = Array.from({ length: 20 }, (_, number) => `g${number}`);
    for (const gun of guns) await publish(store, gun, setOf(1, { targets: Buffer.alloc(5000, gun) }));
    const reader = new CollectionReader(store, { maxBytes: 100_000 });
    for (const gun of guns) {
      await current(reader, "g0", "targets");
      await current(reader, gun, "targets");
      assert.ok(reader.counts.bytes <= 100_000);
    }
    store.asked = 0;
    await current(reader, "g0", "targets");
    assert.equal(store.asked, 0);
    await current(reader, "g1", "targets");
    assert.notEqual(store.asked, 0);
  });

  it("serves a file larger than the whole cache", async () => {
    const store = new MemoryMetadataStore();
    await publish(store, "g", setOf(1, { targets: Buffer.alloc(50_000) }));
    const reader = new CollectionReader(store, { maxBytes: 10_000 });
    assert.equal((await current(reader, "g", "targets"))?.bytes.length, 50_000);
    assert.ok(reader.counts.bytes <= 10_000);
  });

  it("remembers nothing of names that do not exist", async () => {
    const reader = new CollectionReader(new MemoryMetadataStore(), { maxBytes: 1e6 });
    for (let number = 0; number < 100; number += 1) {
      await current(reader, `stranger/${number}`, "timestamp");
      await reader.byChecksum(`stranger/${number}`, "root", "0".repeat(64));
      await reader.byVersion(`stranger/${number}`, "root", 1);
    }
    assert.equal(reader.counts.bytes, 0);
  });
});
