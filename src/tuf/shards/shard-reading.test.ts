import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { later, now, target } from "../../../test/support/editing-story.ts";
import {
  hashOf,
  index,
  releases,
  ShardedRepository,
  type ShardReader,
} from "../../../test/support/sharded-repository.ts";
import type { JsonObject } from "../../encoding/json.ts";
import { hasCode, NetworkError, TagsealError, type ErrorCode } from "../../errors.ts";
import { CollectionEditor } from "../editor.ts";
import { findTarget } from "../lookup.ts";
import type { TargetsFile } from "../metadata.ts";
import { parseMetadata } from "../notary-v1/parse.ts";

const shards = [`${index}/000`, `${index}/001`, `${index}/002`] as const;
const whole = { asked: [index, shards[0], releases, index], sha256: hashOf("first v1.1") };

let fresh: ShardedRepository;
let repository: ShardedRepository;
let reader: ShardReader;

before(async () => {
  fresh = await ShardedRepository.create();
});
beforeEach(() => {
  repository = fresh.copy();
  reader = repository.reader();
});

async function move(tag: string, content: string): Promise<void> {
  await repository.change((editor) => void editor.addTarget(releases, tag, target(content)));
}

/** As docker does: the role alone is signed again. */
async function moveByDocker(tag: string, content: string): Promise<void> {
  const editor = CollectionEditor.from({ ...(await repository.reader().update()), shardIndexes: new Map() });
  editor.addTarget(releases, tag, target(content));
  await repository.list(await editor.sign(repository.held.signingKeys, { now }));
}

async function refused(reading: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(reading, (error) => hasCode(error, code));
}

function parsed(role: string): TargetsFile {
  return parseMetadata(role as "targets/releases", repository.files.get(role) ?? new Uint8Array());
}

/** Changes what is served of the current file of a role, under the names it has. */
function tamper(role: string, change: (bytes: Buffer) => Uint8Array | undefined): void {
  const original = repository.files.get(role);
  for (const [name, bytes] of repository.served) {
    if (bytes !== original) continue;
    const changed = change(Buffer.from(bytes));
    if (changed === undefined) repository.served.delete(name);
    else repository.served.set(name, changed);
  }
}

test("a reader who knows nothing fetches the index and one shard, not the role", async () => {
  assert.deepEqual(await reader.read("v1.1"), { asked: [index, shards[0]], sha256: hashOf("first v1.1") });
  assert.deepEqual(await reader.read("latest"), { asked: [shards[2]], sha256: hashOf("first latest") });
  assert.deepEqual(await reader.read("v1.0"), { asked: [], sha256: hashOf("first v1.0") });
});

test("after a change, a reader of shards fetches the index and the shard that changed, and never the role", async () => {
  await reader.read("v1.1");
  await move("v1.1", "second");
  assert.deepEqual(await reader.read("v1.1"), { asked: [index, shards[0]], sha256: hashOf("second") });
  await move("v2.0", "third");
  assert.deepEqual(await reader.read("v1.1"), { asked: [index], sha256: hashOf("second") });
});

test("a reader who has the role goes on with it", async () => {
  await reader.update();
  await move("v1.1", "second");
  assert.deepEqual(await reader.read("v1.1"), { asked: [releases, index], sha256: hashOf("second") });
});

test("a name that its shard does not have is not in the role, and other roles are asked", async () => {
  await repository.change((editor) => void editor.addTarget("targets", "v1.9", target("by the owner")));
  const collection = await reader.update({ onlyTarget: "v1.9" });
  assert.equal(findTarget(collection, "v1.9", [releases, "targets"])?.role, "targets");
});

test("I9: a push that does not touch the shards makes readers fetch the role, which has the digest", async () => {
  await reader.read("v1.1");
  await moveByDocker("v1.1", "pushed");
  assert.deepEqual(await reader.read("v1.1"), { asked: [releases], sha256: hashOf("pushed") });
  const newcomer = await repository.reader().read("v1.1");
  assert.deepEqual(newcomer, { asked: [index, releases, index], sha256: hashOf("pushed") });
  await move("v2.0", "signed after it");
  assert.deepEqual(await repository.reader().read("v1.1"), { asked: [index, shards[0]], sha256: hashOf("pushed") });
});

test("I9: a shard that the index does not name is not read, an earlier one of the signer included", async () => {
  const old = new Map(repository.files);
  await move("v1.1", "second");
  await repository.list(new Map([[shards[0], old.get(shards[0]) ?? new Uint8Array()]]));
  assert.equal((await reader.read("v1.1")).sha256, hashOf("second"));
  assert.ok(repository.requests.includes(releases));
  const forged = { ...parsed(shards[0]).body, targets: new Map([["v1.1", target("forged")]]) };
  await repository.list(new Map([[shards[0], await repository.signed(shards[0], forged, repository.bob)]]));
  assert.equal((await repository.reader().read("v1.1")).sha256, hashOf("second"));
});

test("I9: an index that other keys signed, of another role or of another version is not read", async () => {
  const old = repository.files.get(index) ?? new Uint8Array();
  const { body } = parsed(index);
  const [[name, received] = []] = body.targets;
  if (name === undefined || received === undefined) throw new Error("the index has an entry");
  const { hashes, length, custom } = received;
  const entry = { hashes, length, custom: custom as { shards: JsonObject } };
  const said = entry.custom.shards;
  const ofAlice = { ...entry, custom: { shards: { ...said, role: "targets/alice" } } };
  await move("v1.1", "second");
  const forgeries = [
    await repository.signed(index, parsed(index).body, repository.bob),
    await repository.signed(index, { ...parsed(index).body, targets: new Map([[name, ofAlice]]) }),
    await repository.signed(index, { ...parsed(index).body, targets: new Map([[name, { ...entry, length: 5 }]]) }),
    old,
  ];
  for (const forged of forgeries) {
    await repository.list(new Map([[index, forged]]));
    assert.equal((await repository.reader().read("v1.1")).sha256, hashOf("second"));
    assert.ok(repository.requests.includes(releases));
  }
});

test("I9: a shard that is missing, cut short, too long or changed makes the reader fetch the role; an index is refused as any other file", async () => {
  const damages: ((bytes: Buffer) => Uint8Array | undefined)[] = [
    () => undefined,
    (bytes) => bytes.subarray(0, bytes.length - 5),
    (bytes) => Buffer.concat([bytes, Buffer.alloc(5)]),
    (bytes) => Buffer.from(bytes.toString().replace('"length":', '"Length":')),
  ];
  for (const damage of damages) {
    repository = fresh.copy();
    tamper(shards[0], damage);
    assert.deepEqual(await repository.reader().read("v1.1"), whole);
    repository = fresh.copy();
    tamper(index, damage);
    await assert.rejects(repository.reader().read("v1.1"), (error) => error instanceof TagsealError);
  }
});

test("I9: a shard that has expired is not read", async () => {
  await repository.change(
    (editor) => {
      for (const role of ["targets", "targets/alice"]) editor.witness(role);
      editor.addTarget(releases, "v2.0", target("later"));
    },
    repository.held,
    later(400),
  );
  const collection = await repository.reader().update({ onlyTarget: "v1.1", now: later(1100) });
  assert.ok(repository.requests.includes(releases));
  assert.equal(findTarget(collection, "v1.1", [releases])?.name, "v1.1");
});

test("a server that fails is not taken for one without shards", async () => {
  const failing = {
    fetch: async (name: string, maxBytes: number): Promise<Uint8Array> => {
      if (name.startsWith(shards[0])) throw new NetworkError("TRUST_SERVER_ERROR", "busy");
      return await repository.fetch(name, maxBytes);
    },
  };
  await refused(reader.update({ onlyTarget: "v1.1", source: failing }), "TRUST_SERVER_ERROR");
});

test("I3: the role is not older than what was read from a shard", async () => {
  const old = new Map([...repository.files].filter(([role]) => role.startsWith(releases)));
  await move("v1.1", "second");
  await reader.read("v1.1");
  await repository.list(old);
  await refused(reader.read("v1.1"), "METADATA_VERSION_ROLLBACK");
  await refused(reader.update(), "METADATA_VERSION_ROLLBACK");
  await repository.list(new Map(), [index, ...shards]);
  await refused(reader.update(), "METADATA_VERSION_ROLLBACK");
});

test("I3: a cached role does not count when a later version was read from a shard", async () => {
  const old = new Map([...repository.files].filter(([role]) => role.startsWith(releases)));
  await move("v1.1", "second");
  await reader.read("v1.1");
  await reader.cache.store(releases, old.get(releases) ?? new Uint8Array());
  await repository.list(old);
  await refused(reader.read("v1.1"), "METADATA_VERSION_ROLLBACK");
});

test("I3: a role that was read from shards is not forgotten", async () => {
  await reader.read("v1.1");
  await repository.list(new Map(), [releases, index, ...shards]);
  await refused(reader.read("v1.1"), "METADATA_VERSION_ROLLBACK");
});

test("I3: a shard and an index do not pass for the role with a reader who has seen it", async () => {
  await move("v1.1", "second");
  for (const role of [index, ...shards]) {
    for (const read of ["whole", "shard"] as const) {
      const client = repository.reader();
      await (read === "whole" ? client.update() : client.read("v1.1"));
      const genuine = repository.files.get(releases) ?? new Uint8Array();
      await repository.list(new Map([[releases, repository.files.get(role) ?? new Uint8Array()]]));
      await refused(client.read("v2.0"), role === index ? "METADATA_MALFORMED" : "METADATA_VERSION_ROLLBACK");
      await repository.list(new Map([[releases, genuine]]));
    }
  }
});

test("I3: a damaged index in the cache is an error", async () => {
  await reader.read("v1.1");
  await reader.cache.store(index, Buffer.from("{"));
  await refused(reader.read("v1.1"), "METADATA_CACHE_CORRUPT");
});
