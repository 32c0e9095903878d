import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { sha256Hex } from "../crypto/digest.ts";
import { TagsealError } from "../errors.ts";
import { fileMetaOf } from "../tuf/file-meta.ts";
import { fileBytes } from "../tuf/notary-v1/serialise.ts";
import { CollectionReader } from "./collection-reader.ts";
import { MemoryMetadataStore } from "./storage/memory-metadata-store.ts";
import type { NewFile, StoredFile } from "./storage/metadata-store.ts";

const at = new Date("2026-11-23T04:00:00Z");
const expires = { expires: "2027-01-01T00:00:00Z", expiresAt: new Date("2027-01-01T00:00:00Z") };

function file(role: string, version: number, bytes: Uint8Array): NewFile {
  return { role, version, bytes, sha256: sha256Hex(bytes) };
}

/** A snapshot must list root and targets. Unsigned, which is no concern of a reader on the server's side. */
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

/** A store that servers share, of which all but a server that lags behind may be lost: that one does not know what is current. */
class LaggingStore extends CountingStore {
  isLost = false;
  /** what happens between an answer and the reads that rest on it */
  afterAnswering: (() => unknown) | undefined;
  /** what the server that lags behind has, by role; a role that is not there it has not got yet */
  readonly lagging = new Map<string, StoredFile | undefined>();

  override async current(gun: string, role: string): Promise<StoredFile | undefined> {
    const file = await super.current(gun, role);
    return this.isLost && this.lagging.has(role) ? this.lagging.get(role) : file;
  }

  override async byChecksum(gun: string, role: string, sha256: string): Promise<StoredFile | undefined> {
    const file = await super.byChecksum(gun, role, sha256);
    return this.isLost && this.lagging.has(role) ? this.lagging.get(role) : file;
  }

  // The contract has two forms of answer, and this is the other one.
  override revision(guns: readonly string[] = []): never {
    return this.#revision(guns) as never;
  }

  async #revision(guns: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (this.isLost) throw new TagsealError("STORAGE_FAILED", "gone");
    const known = guns.map(async (gun) => [gun, `7 ${(await super.current(gun, "timestamp"))?.sha256}`] as const);
    const answer = new Map(await Promise.all(known));
    await this.afterAnswering?.();
    return answer;
  }
}

/** A reader that has something of version 2 in memory, but not what is current; the server that lags behind is at version 1. */
async function beforeTheLoss(maxAgeMs = 0) {
  const store = new LaggingStore();
  await publish(store, "g", setOf(1, { targets: Buffer.from("one") }));
  store.lagging.set("timestamp", await store.current("g", "timestamp"));
  store.lagging.set("snapshot", await store.current("g", "snapshot"));
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

  it("I7: what was read while the store was lost does not count as current afterwards", async (t) => {
    const clock = { ms: 1000 };
    t.mock.method(performance, "now", () => clock.ms);
    const { store, reader } = await beforeTheLoss();
    store.isLost = true;
    assert.equal(await reader.refresh("g"), "stale");
    assert.equal((await reader.view("g"))?.timestamp.version, 1);
    // Until the store is back it is enough to have read it once.
    store.asked = 0;
    assert.equal((await reader.view("g"))?.timestamp.version, 1);
    assert.equal(store.asked, 0);
    store.isLost = false;
    clock.ms += 1000;
    assert.equal(await reader.refresh("g"), "stale");
    await nextTurn();
    assert.equal(await reader.refresh("g"), "current");
    assert.equal((await reader.view("g"))?.timestamp.version, 2);
    const { misses } = reader.counts;
    assert.equal(await reader.refresh("g"), "current");
    assert.equal((await reader.view("g"))?.timestamp.version, 2);
    assert.equal(reader.counts.misses, misses);
  });

  it("I7: nor what was read after the store was lost in the middle of a request, however long answers are good", async () => {
    const { store, reader } = await beforeTheLoss(60_000);
    store.isLost = true;
    assert.equal((await reader.view("g"))?.timestamp.version, 1);
    store.isLost = false;
    assert.equal(await reader.refresh("g"), "current");
    assert.equal((await reader.view("g"))?.timestamp.version, 2);
  });

  it("I7: nor the current timestamp without its snapshot, which a server that lags behind has not got", async () => {
    const { store, reader } = await beforeTheLoss(60_000);
    store.lagging.set("timestamp", undefined);
    store.lagging.set("snapshot", undefined);
    store.isLost = true;
    assert.equal((await reader.view("g"))?.snapshot, undefined);
    store.isLost = false;
    assert.equal(await reader.refresh("g"), "current");
    assert.equal((await reader.view("g"))?.snapshot?.version, 2);
  });

  it("does not keep what a server that lags behind has under a version, which may mean another file by now", async () => {
    const { store, reader } = await beforeTheLoss();
    const [old = file("root", 1, Buffer.from("")), now = old] = ["old", "new"].map((root) =>
      file("root", 1, Buffer.from(`${root} root`)),
    );
    store.byVersion = async () => ({ ...old, createdAt: at, isUncertain: true });
    assert.equal(await reader.refresh("g"), "current");
    assert.equal(text(await reader.byVersion("g", "root", 1)), "old root");
    store.byVersion = async () => ({ ...now, createdAt: at });
    assert.equal(await reader.refresh("g"), "current");
    for (let time = 1; time <= 2; time += 1) assert.equal(text(await reader.byVersion("g", "root", 1)), "new root");
  });

  it("I7: what is read after the store was lost in the middle of a request is said to be perhaps out of date", async () => {
    const { store, reader } = await beforeTheLoss();
    store.afterAnswering = () => (store.isLost = true);
    const { freshness, view } = await reader.read("g");
    assert.deepEqual([freshness, view?.timestamp.version], ["stale", 1]);
  });

  it("I7: that a server which lags behind has no such collection is said to be perhaps out of date", async () => {
    const { store, reader } = await beforeTheLoss();
    store.lagging.set("timestamp", undefined);
    store.afterAnswering = () => (store.isLost = true);
    assert.deepEqual(await reader.read("g"), { freshness: "stale", view: undefined });
  });

  it("I7: what was published in the middle of a request is current", async () => {
    const { store, reader } = await beforeTheLoss();
    store.afterAnswering = async () => {
      store.afterAnswering = undefined;
      await publish(store, "g", setOf(3, { targets: Buffer.from("three") }));
    };
    const { freshness, view } = await reader.read("g");
    assert.deepEqual([freshness, view?.timestamp.version], ["current", 3]);
  });

  it("keeps no more than it may, and what was used last longest", async () => {
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
