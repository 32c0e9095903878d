import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedRepository, simulatedKey } from "../../test/support/simulated-repository.ts";
import { SimulatedClient } from "../../test/support/update-story.ts";
import type { JsonObject } from "../encoding/json.ts";
import { NetworkError } from "../errors.ts";
import { findTarget } from "./lookup.ts";

const day = 24 * 60 * 60 * 1000;
const unreachable = new NetworkError("NETWORK_UNREACHABLE", "connection refused");

async function publishedWithReleases(): Promise<SimulatedRepository> {
  const repository = await SimulatedRepository.unpublished();
  repository.addTarget("v1");
  repository.delegate("targets/releases");
  repository.addTarget("v2", "targets/releases");
  await repository.publish();
  return repository;
}

function withoutHashes(requests: readonly string[]): string[] {
  return requests.map((name) => name.replace(/\.[0-9a-f]{64}$/, ".<sha>"));
}

test("a first update asks for root, timestamp, and everything else by its hash", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  const collection = await client.update();
  const expected = ["root", "timestamp", "snapshot.<sha>", "targets.<sha>", "targets/releases.<sha>"];
  assert.deepEqual(withoutHashes(client.source.requests), expected);
  assert.deepEqual(client.cache.writes, ["root", "timestamp", "snapshot", "targets", "targets/releases"]);
  assert.equal(collection.pinnedOnFirstUse, true);
  assert.equal(findTarget(collection, "v2")?.role, "targets/releases");
});

test("an update of an unchanged repository asks for the timestamp alone and writes nothing", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  await client.update();
  client.cache.writes.length = 0;
  const collection = await client.update();
  assert.deepEqual(client.source.requests, ["timestamp"]);
  assert.deepEqual(client.cache.writes, []);
  assert.equal(collection.pinnedOnFirstUse, false);
  assert.equal(findTarget(collection, "v1")?.role, "targets");
});

test("confirms in the cache that the server still has the same timestamp", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  await client.update();
  const confirmed: string[] = [];
  const cache = {
    load: async (role: string) => await client.cache.load(role),
    store: async (role: string, bytes: Uint8Array) => await client.cache.store(role, bytes),
    confirm: async (role: string) => void confirmed.push(role),
  };
  await client.update({ cache });
  assert.deepEqual(confirmed, ["timestamp"]);
});

test("only the requested delegations are loaded, with those on the way to them", async () => {
  const repository = await publishedWithReleases();
  repository.delegate("targets/a");
  repository.delegate("targets/a/b");
  repository.delegate("targets/a/c");
  await repository.publish();
  const client = new SimulatedClient(repository);
  const collection = await client.update({ roles: ["targets/a/b"] });
  assert.deepEqual([...collection.delegations.keys()], ["targets/a", "targets/a/b"]);
  assert.deepEqual([...(await client.update({ roles: [] })).delegations.keys()], []);
});

test("delegations come parents first, siblings in the order of the list", async () => {
  const repository = await SimulatedRepository.unpublished();
  for (const role of ["targets/b", "targets/a", "targets/b/y", "targets/b/x"]) repository.delegate(role);
  await repository.publish();
  const collection = await new SimulatedClient(repository).update();
  assert.deepEqual([...collection.delegations.keys()], ["targets/b", "targets/b/y", "targets/b/x", "targets/a"]);
});

test("after a key rotation the root is updated and everything is tried again, once", async () => {
  const repository = await publishedWithReleases();
  const client = new SimulatedClient(repository);
  await client.update();
  repository.rotate("timestamp", [simulatedKey()]);
  repository.rotate("snapshot", [simulatedKey()]);
  await repository.publish();
  const collection = await client.update();
  assert.equal(collection.root.body.version, 2);
  assert.deepEqual(withoutHashes(client.source.requests).slice(0, 3), ["timestamp", "root", "timestamp"]);
  assert.equal(collection.pinnedOnFirstUse, false);
});

test("a new root named by a good snapshot is fetched by its hash, and those in between by number", async () => {
  const repository = await publishedWithReleases();
  const client = new SimulatedClient(repository);
  await client.update();
  for (let rotation = 0; rotation < 3; rotation++) {
    repository.rotate("root", [await repository.rootKey()]);
    await repository.publish();
  }
  const collection = await client.update();
  assert.equal(collection.root.body.version, 4);
  const expected = ["timestamp", "snapshot.<sha>", "root.<sha>", "2.root", "3.root", "timestamp", "snapshot.<sha>"];
  assert.deepEqual(withoutHashes(client.source.requests), expected);
});

test("a missing repository differs from one that the server cannot deliver", async () => {
  const client = new SimulatedClient(await SimulatedRepository.unpublished("registry.example/none"));
  await assert.rejects(client.update(), {
    code: "REPOSITORY_NOT_SIGNED",
    message: "the trust server does not have trust data for registry.example/none",
  });
});

test("I3: a file that cannot be cached is reported, and the update continues", async () => {
  const repository = await publishedWithReleases();
  const client = new SimulatedClient(repository);
  client.cache.writeFailure = Object.assign(new Error("read-only file system"), { code: "EROFS" });
  await client.update();
  assert.deepEqual(new Set(client.warnings.map((warning) => warning.kind)), new Set(["cache-not-written"]));
  client.cache.writeFailure = new TypeError("a mistake");
  await assert.rejects(client.update(), TypeError);
});

test("I3: a file remembered during a failed update still counts", async () => {
  const repository = await publishedWithReleases();
  const client = new SimulatedClient(repository);
  await client.update();
  const before = new Map(repository.served);
  repository.addTarget("v3");
  await repository.publish();
  client.source.fail("targets", unreachable);
  await assert.rejects(client.update(), { code: "NETWORK_UNREACHABLE" });
  client.source.fail("targets", undefined);
  for (const [name, bytes] of before) repository.served.set(name, bytes);
  await assert.rejects(client.update(), {
    code: "METADATA_VERSION_ROLLBACK",
    message: "version 1 is lower than current version 2",
  });
});

test("I4: an unreachable server is bridged by the cached timestamp, with a warning, while it is valid", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  await client.update();
  client.source.fail("", unreachable);
  const collection = await client.update();
  assert.equal(findTarget(collection, "v1")?.role, "targets");
  assert.deepEqual(
    client.warnings.map((warning) => [warning.kind, warning.message]),
    [
      [
        "cached-timestamp",
        "Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely",
      ],
    ],
  );
  const afterExpiry = new Date("2026-03-15T12:00:01Z");
  await assert.rejects(client.update({ now: afterExpiry }), { code: "NETWORK_UNREACHABLE" });
});

const fallbacks = [
  ["NETWORK_TIMEOUT", "ok"],
  ["METADATA_MISSING", "ok"],
  ["TRUST_SERVER_ERROR", "ok"],
  ["AUTHENTICATION_REQUIRED", "ok"],
  ["AUTHENTICATION_REFUSED", "ok"],
  ["TRUST_SERVER_REFUSED", "TRUST_SERVER_REFUSED"],
  ["RESPONSE_TOO_LARGE", "RESPONSE_TOO_LARGE"],
  ["RESPONSE_MALFORMED", "RESPONSE_MALFORMED"],
  ["TLS_UNTRUSTED", "TLS_UNTRUSTED"],
  ["REDIRECT_REFUSED", "REDIRECT_REFUSED"],
  ["CANCELLED", "CANCELLED"],
] as const;

for (const [code, expected] of fallbacks) {
  test(`I4: after ${code} the cached timestamp ${expected === "ok" ? "stands in" : "does not stand in"}`, async () => {
    const client = new SimulatedClient(await publishedWithReleases());
    await client.update();
    client.source.fail("timestamp", new NetworkError(code, "so it goes"));
    assert.equal(await client.outcome(), expected);
  });
}

test("I4: a refused timestamp is never replaced by the cached one", async () => {
  const repository = await publishedWithReleases();
  const client = new SimulatedClient(repository);
  await client.update();
  repository.corrupt("timestamp", { bytes: (bytes) => bytes.subarray(1) });
  await repository.publish();
  assert.equal(await client.outcome(), "METADATA_MALFORMED");
});

test("I4: a refusal stands even if the server does not answer the second time", async () => {
  const repository = await publishedWithReleases();
  const client = new SimulatedClient(repository);
  await client.update();
  repository.tamper("timestamp", (bytes) => bytes.subarray(1));
  const fetch = client.source.fetch.bind(client.source);
  let asked = 0;
  client.source.fetch = async (name, maxBytes) => {
    if (name === "timestamp" && ++asked > 1) throw unreachable;
    return await fetch(name, maxBytes);
  };
  assert.equal(await client.outcome(), "NETWORK_UNREACHABLE");
  assert.equal(asked, 2);
  assert.deepEqual(client.warnings, []);
});

test("I4: a bound on staleness forbids the cached timestamp", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  await client.update();
  client.source.fail("", unreachable);
  // Signed at the simulated moment with a lifetime of fourteen days, so that its age follows from its expiry.
  const now = new Date("2026-03-04T12:00:00Z");
  assert.equal(await client.outcome({ now, maxStalenessMs: 4 * day }), "ok");
  assert.equal(await client.outcome({ now, maxStalenessMs: 2 * day }), "METADATA_STALE");
  assert.equal(await client.outcome({ maxStalenessMs: 0 }), "METADATA_STALE");
  // Before it can have been signed: a clock that proves nothing.
  assert.equal(
    await client.outcome({ now: new Date("2026-02-28T00:00:00Z"), maxStalenessMs: 4 * day }),
    "METADATA_STALE",
  );
});

test("I4: a bound on staleness counts from the signature, however lately the server confirmed it", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  await client.update();
  const now = new Date("2026-03-10T12:00:00Z");
  const cache = Object.assign(client.cache, {
    confirmedAt: async () => new Date("2026-03-10T11:00:00Z"),
    firstSeenAt: async () => new Date("2026-03-01T12:00:00Z"),
  });
  for (const silent of [false, true]) {
    if (silent) client.source.fail("", unreachable);
    assert.equal(await client.outcome({ now, cache, maxStalenessMs: day }), "METADATA_STALE");
    assert.equal(await client.outcome({ now, cache, maxStalenessMs: 12 * day }), "ok");
  }
});

test("I4: a live server's old timestamp is refused by the same bound, and remembered all the same", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  const now = new Date("2026-03-10T12:00:00Z");
  assert.equal(await client.outcome({ now, maxStalenessMs: day }), "METADATA_STALE");
  assert.ok((await client.cache.load("timestamp")) !== undefined);
  assert.equal(await client.outcome({ now, maxStalenessMs: 12 * day }), "ok");
  assert.equal(await client.outcome({ now }), "ok");
  // 0 asks for an answer, whatever it is
  assert.equal(await client.outcome({ now, maxStalenessMs: 0 }), "ok");
});

test("I4: a configured lifetime counts instead of the usual ones", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  const now = new Date("2026-03-10T12:00:00Z");
  const told = { now, timestampLifetimeMs: 14 * day };
  assert.equal(await client.outcome({ ...told, maxStalenessMs: 12 * day }), "ok");
  assert.equal(
    await client.outcome({ ...told, timestampLifetimeMs: 30 * day, maxStalenessMs: 12 * day }),
    "METADATA_STALE",
  );
  assert.equal(await client.outcome({ ...told, timestampLifetimeMs: day, maxStalenessMs: 12 * day }), "METADATA_STALE");
});

test("a delegation that is not trusted is omitted with a warning and kept separately", async () => {
  const repository = await publishedWithReleases();
  repository.corrupt("targets/releases", { signWith: [simulatedKey()] });
  await repository.publish();
  const client = new SimulatedClient(repository);
  const collection = await client.update();
  assert.equal(collection.delegations.size, 0);
  assert.equal(collection.invalidDelegations.get("targets/releases")?.error.code, "METADATA_THRESHOLD_NOT_MET");
  assert.equal(
    client.warnings[0]?.message,
    "Error getting targets/releases: valid signatures did not meet threshold for targets/releases",
  );
});

test("files and certificates near expiry are warned about", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  await client.update({ now: new Date("2026-03-02T00:00:00Z") });
  assert.deepEqual(client.warnings, []);
  client.source.fail("", unreachable);
  const repository = await publishedWithReleases();
  repository.setExpiry("targets", "2026-05-28T00:00:00Z");
  await repository.publish();
  const other = new SimulatedClient(repository);
  await other.update();
  assert.deepEqual(
    other.warnings.map((warning) => warning.message),
    ["targets is nearing expiry, you should re-sign the role metadata"],
  );
});

test("a root certificate near expiry is warned about", async () => {
  const repository = await publishedWithReleases();
  repository.rotate("root", [await repository.rootKey(repository.gun, new Date("2016-06-01T00:00:00Z"))]);
  await repository.publish();
  const client = new SimulatedClient(repository);
  await client.update();
  assert.deepEqual(
    client.warnings.map((warning) => warning.message),
    [`certificate with CN ${repository.gun} is near expiry`],
  );
});

test("a programming error is never retried or swallowed", async () => {
  const client = new SimulatedClient(await publishedWithReleases());
  await client.update();
  client.source.fail("timestamp", new RangeError("a mistake"));
  await assert.rejects(client.update(), RangeError);
  assert.deepEqual(client.source.requests, ["timestamp"]);
});

test("I1: more bytes of delegations than an update may load are not requested", async () => {
  const repository = await publishedWithReleases();
  repository.corrupt("snapshot", {
    signed: (body) => {
      const meta = (body["meta"] as JsonObject)["targets/releases"] as JsonObject;
      meta["length"] = 600 * 1024 * 1024;
    },
  });
  await repository.publish();
  const client = new SimulatedClient(repository);
  assert.equal(await client.outcome(), "TOO_LARGE");
  assert.ok(!client.source.requests.some((name) => name.startsWith("targets/")));
});

test("I9: a delegation key listed under another key's ID is an error, not a role to omit", async () => {
  const repository = await publishedWithReleases();
  const [key] = repository.keys.get("targets/releases") ?? [];
  repository.corrupt("targets", {
    signed: (body) => {
      const keys = (body["delegations"] as JsonObject)["keys"] as JsonObject;
      keys[key?.listed.keyId ?? ""] = simulatedKey().listed.toJson();
    },
  });
  await repository.publish();
  assert.equal(await new SimulatedClient(repository).outcome(), "METADATA_KEY_ID_MISMATCH");
});
