import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { contentOf } from "../../../test/support/registry-story.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { NetworkError } from "../../errors.ts";
import { digestHex } from "../../reference/digest.ts";
import type { Descriptor } from "../../registry/manifest.ts";
import { ServerLog } from "../../service/log.ts";
import { ArrivingBlob } from "./arriving-blob.ts";
import { BlobCache, type BlobOrigin } from "./blob-cache.ts";

const log = new ServerLog({ sink: () => undefined, level: "error", now: () => new Date() });

interface Content {
  readonly bytes: Buffer;
  readonly blob: Descriptor;
}

function content(size: number): Content {
  const bytes = randomBytes(size);
  return { bytes, blob: contentOf(bytes).descriptor };
}

async function cache(directory: string, maxBytes = 10_000_000): Promise<BlobCache> {
  return await BlobCache.open({ directory, maxBytes }, log);
}

/** A registry with one blob, given in pieces, that counts how often it was asked. */
class Origin implements BlobOrigin {
  readonly #bytes: Buffer;
  asked = 0;
  lookedFor = 0;
  /** called before each piece */
  before: (at: number) => Promise<void> | undefined = () => undefined;
  readonly requireThere = async (): Promise<void> => {
    await Promise.resolve();
    this.lookedFor += 1;
  };

  constructor({ bytes }: Content) {
    this.#bytes = bytes;
  }

  readonly whole = async function* (this: Origin): AsyncGenerator<Uint8Array, void> {
    this.asked += 1;
    for (let at = 0; at < this.#bytes.length; at += 16_384) {
      await this.before(at);
      yield this.#bytes.subarray(at, at + 16_384);
    }
  }.bind(this);

  readonly part = (): AsyncIterable<Uint8Array> => {
    throw new Error("not asked for here");
  };
}

/** For origins that have more than bytes to say. */
const plainOrigin: Pick<BlobOrigin, "part" | "requireThere"> = {
  part: () => {
    throw new Error("not asked for here");
  },
  requireThere: async () => {
    await Promise.resolve();
  },
};

async function read(from: BlobCache, { blob }: Content, origin: BlobOrigin): Promise<Buffer> {
  return await copied(from.read(blob, undefined, origin));
}

/** Pieces are overwritten. */
async function copied(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of pieces) copies.push(Buffer.from(piece));
  return Buffer.concat(copies);
}

async function opened(t: TestContext, maxBytes?: number) {
  const directory = temporaryDirectory(t);
  return { directory, cache: await cache(directory, maxBytes) };
}

const fileOf = (directory: string, { blob }: Content): string => join(directory, "sha256", digestHex(blob.digest));

test("a blob is fetched once: afterwards it and its parts come from the disk, also after a restart", async (t) => {
  const { directory, cache: first } = await opened(t);
  const large = content(1_000_000);
  const origin = new Origin(large);
  assert.deepEqual(await read(first, large, origin), large.bytes);
  await first.close();
  assert.deepEqual(readFileSync(fileOf(directory, large)), large.bytes);
  for (const each of [first, await cache(directory)]) {
    assert.deepEqual(await read(each, large, origin), large.bytes);
    const part = await copied(each.read(large.blob, { first: 300_000, last: 900_000 }, origin));
    assert.deepEqual(part, large.bytes.subarray(300_000, 900_001));
  }
  assert.deepEqual([origin.asked, origin.lookedFor], [1, 4]);
});

test("clients that ask while it arrives get it from the same request, and each is asked for its right to it", async (t) => {
  const { cache: one } = await opened(t);
  const large = content(2_000_000);
  const origin = new Origin(large);
  const all = await Promise.all(Array.from({ length: 20 }, async () => await read(one, large, origin)));
  for (const each of all) assert.deepEqual(each, large.bytes);
  assert.deepEqual([origin.asked, origin.lookedFor], [1, 19]);
  assert.deepEqual(one.counts, { hit: 0, joined: 19, miss: 1, passed: 0 });
});

test("I2: what the registry's client refuses at its end is not kept, and no reader's stream ends normally", async (t) => {
  const { directory, cache: one } = await opened(t);
  const large = content(600_000);
  const bad = new Origin(large);
  const failure = new NetworkError("REGISTRY_DIGEST_MISMATCH", "other bytes");
  const origin: BlobOrigin = {
    ...plainOrigin,
    async *whole() {
      yield* bad.whole();
      throw failure;
    },
  };
  const outcomes = await Promise.allSettled([read(one, large, origin), read(one, large, origin)]);
  for (const outcome of outcomes) assert.equal(outcome.status === "rejected" && outcome.reason, failure);
  await one.close();
  assert.equal(existsSync(fileOf(directory, large)), false);
  assert.deepEqual(readdirSync(join(directory, "incoming")), []);
  assert.equal(one.use.bytes, 0);
});

test("the least recently used blobs go when there is no room; one that is too large is passed on", async (t) => {
  const { directory, cache: one } = await opened(t, 1_000_000);
  const [first, second, third, huge] = [content(400_000), content(400_000), content(400_000), content(1_000_001)];
  for (const each of [first, second]) await read(one, each, new Origin(each));
  await one.close();
  await read(one, first, new Origin(first));
  await read(one, third, new Origin(third));
  await one.close();
  assert.deepEqual(
    [first, second, third].map((each) => existsSync(fileOf(directory, each))),
    [true, false, true],
  );
  assert.deepEqual(await read(one, huge, new Origin(huge)), huge.bytes);
  assert.deepEqual(one.use, { bytes: 800_000, evictions: 1 });
  assert.equal(one.counts.passed, 1);
});

test("I2: a file that was damaged is fetched again after a restart; what arrived by halves is removed", async (t) => {
  const { directory, cache: one } = await opened(t);
  const [same, shorter] = [content(300_000), content(300_000)];
  for (const each of [same, shorter]) await read(one, each, new Origin(each));
  await one.close();
  writeFileSync(fileOf(directory, same), randomBytes(300_000));
  writeFileSync(fileOf(directory, shorter), shorter.bytes.subarray(1));
  writeFileSync(join(directory, "incoming", "half"), "half");
  const again = await cache(directory);
  assert.deepEqual(readdirSync(join(directory, "incoming")), []);
  for (const each of [same, shorter]) {
    const origin = new Origin(each);
    assert.deepEqual(await read(again, each, origin), each.bytes);
    assert.equal(origin.asked, 1);
  }
  await again.close();
  assert.equal(again.use.bytes, 600_000);
  assert.deepEqual(readFileSync(fileOf(directory, same)), same.bytes);
});

test("a client that leaves stops the download when no other is left", async (t) => {
  const { directory, cache: one } = await opened(t);
  const large = content(4_000_000);
  const origin = new Origin(large);
  let furthest = 0;
  origin.before = async (at) => {
    furthest = at;
    await pause(1);
  };
  const reader = one.read(large.blob, undefined, origin);
  await reader.next();
  await reader.return();
  await one.close();
  assert.ok(furthest < 2_000_000, String(furthest));
  assert.deepEqual(readdirSync(join(directory, "incoming")), []);
  assert.equal(one.use.bytes, 0);
});

test("where the disk fails, clients get the rest from the registry, and a fault says so", async (t) => {
  const { directory, cache: one } = await opened(t);
  const large = content(1_000_000);
  // Root may write anywhere: a directory that became a file fails for root as well.
  const breakIt = (): void => {
    rmSync(join(directory, "incoming"), { recursive: true });
    writeFileSync(join(directory, "incoming"), "");
  };
  breakIt();
  assert.deepEqual(await read(one, large, new Origin(large)), large.bytes);
  assert.deepEqual([one.fault?.level, one.counts.miss], ["warning", 0]);
  rmSync(join(directory, "incoming"));
  mkdirSync(join(directory, "incoming"));
  const other = await cache(directory);
  const origin = new Origin(large);
  origin.before = (at) =>
    at === 16_384 ? Promise.resolve(rmSync(join(directory, "incoming"), { recursive: true })) : undefined;
  assert.deepEqual(await read(other, large, origin), large.bytes);
  await other.close();
  assert.equal(other.fault?.reason, "INTERNAL");
});

test("another size that is listed for a blob neither removes its file nor joins what arrives", async (t) => {
  const { directory, cache: one } = await opened(t);
  const large = content(1_000_000);
  const wrong = { bytes: large.bytes, blob: { ...large.blob, size: 10 } };
  const arriving = one.read(large.blob, undefined, new Origin(large));
  await arriving.next();
  const refusing: BlobOrigin = {
    ...plainOrigin,
    async *whole() {
      yield await Promise.reject<Uint8Array>(new NetworkError("REGISTRY_DIGEST_MISMATCH", "more bytes"));
    },
  };
  await assert.rejects(read(one, wrong, refusing), { code: "REGISTRY_DIGEST_MISMATCH" });
  for (let next = await arriving.next(); next.done !== true; next = await arriving.next());
  await one.close();
  await assert.rejects(read(one, wrong, refusing), { code: "REGISTRY_DIGEST_MISMATCH" });
  assert.ok(existsSync(fileOf(directory, large)));
});

test("a blob that does not fit beside what arrives removes nothing", async (t) => {
  const { directory, cache: one } = await opened(t, 1_000_000);
  const [small, slow, third] = [content(300_000), content(600_000), content(500_000)];
  await read(one, small, new Origin(small));
  await one.close();
  const arriving = one.read(slow.blob, undefined, new Origin(slow));
  await arriving.next();
  assert.deepEqual(await read(one, third, new Origin(third)), third.bytes);
  await arriving.return();
  assert.ok(existsSync(fileOf(directory, small)));
  assert.equal(one.use.evictions, 0);
});

test("a file that became shorter is removed and fetched again; a disk that takes a part only keeps nothing", async (t) => {
  const { directory, cache: one } = await opened(t);
  const large = content(300_000);
  await read(one, large, new Origin(large));
  await one.close();
  truncateSync(fileOf(directory, large), 1000);
  const origin = new Origin(large);
  assert.deepEqual(await read(one, large, origin), large.bytes);
  assert.deepEqual([origin.asked, existsSync(fileOf(directory, large)), one.use.bytes], [1, false, 0]);
  const full = { writev: async () => await Promise.resolve({ bytesWritten: 1 }) } as unknown as FileHandle;
  await assert.rejects(new ArrivingBlob(full, 300_000).fill(origin.whole), { code: "ENOSPC" });
});
