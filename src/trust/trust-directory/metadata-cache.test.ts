import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { FileMetadataCache } from "./metadata-cache.ts";

const gun = "reg.example.com:5000/team/app";
let trustDirectory: string;
let now: Date;
beforeEach(async () => {
  trustDirectory = await mkdtemp(join(tmpdir(), "cache-"));
  now = new Date("2026-01-01T00:00:00Z");
});
afterEach(async () => await rm(trustDirectory, { recursive: true, force: true }));

function cacheOf(name = gun): FileMetadataCache {
  return new FileMetadataCache({ trustDirectory, gun: name, now: () => now });
}

function roleFile(version: number, padding = 0): Buffer {
  const targets = "x".repeat(padding);
  return Buffer.from(`{"signed":{"_type":"Targets","targets":{"${targets}":{}},"version":${version}},"signatures":[]}`);
}

function metadataPath(name: string): string {
  return join(trustDirectory, "tuf", gun, "metadata", name);
}

test("what was stored is loaded, from docker's directory, and absence is undefined", async () => {
  const cache = cacheOf();
  equal(await cache.load("timestamp"), undefined);
  await cache.store("timestamp", roleFile(1));
  await cache.store("targets/releases", roleFile(2));
  deepEqual(await cacheOf().load("timestamp"), roleFile(1));
  deepEqual(await readFile(metadataPath("timestamp.json")), roleFile(1));
  deepEqual(await readFile(metadataPath("targets/releases.json")), roleFile(2));
});

test("files are 0600 in directories of 0700 and nothing else stays behind", async () => {
  await cacheOf().store("targets/releases", roleFile(1));
  equal((await stat(metadataPath("targets/releases.json"))).mode & 0o777, 0o600);
  for (const directory of [metadataPath("targets"), metadataPath("."), join(trustDirectory, "tuf")]) {
    equal((await stat(directory)).mode & 0o777, 0o700);
  }
  deepEqual((await readdir(join(trustDirectory, "tuf", gun))).sort(), ["metadata"]);
  deepEqual(await readdir(metadataPath("targets")), ["releases.json"]);
});

test("I3: a slower update of another process does not take the cache back", async () => {
  for (const padding of [0, 80_000]) {
    const slow = cacheOf();
    const fast = cacheOf();
    await slow.load("targets");
    await fast.load("targets");
    await fast.store("targets", roleFile(6, padding));
    await slow.store("targets", roleFile(5, padding));
    deepEqual(await cacheOf().load("targets"), roleFile(6, padding));
    await slow.store("targets", roleFile(7, padding));
    deepEqual(await cacheOf().load("targets"), roleFile(7, padding));
    await fast.forget();
  }
});

test("a root stays readable after a newer one replaced it, where docker and notary do not look, until the cache is cleared", async () => {
  const cache = cacheOf();
  equal(await cache.load("root"), undefined);
  for (const version of [1, 2, 4]) await cache.store("root", roleFile(version));
  await cache.keepPastRoot(3, roleFile(3));
  await cache.keepPastRoot(3, roleFile(9));
  const kept = await Promise.all([1, 2, 3, 4, 5].map(async (version) => await cacheOf().pastRoot(version)));
  deepEqual(kept, [roleFile(1), roleFile(2), roleFile(3), undefined, undefined]);
  deepEqual(await readdir(metadataPath(".")), ["root.json"]);
  await cache.forget();
  equal(await cacheOf().pastRoot(1), undefined);
});

test("a past root that cannot be kept is no failure, and links are not followed", async () => {
  const cache = cacheOf();
  await cache.store("root", roleFile(1));
  const past = join(trustDirectory, "tuf", gun, ".tagseal-roots");
  await writeFile(past, "in the way");
  await rejects(cache.keepPastRoot(1, roleFile(1)), { code: "METADATA_CACHE_CORRUPT" });
  await rm(past);
  await symlink(trustDirectory, past);
  await rejects(cacheOf().pastRoot(1), { code: "METADATA_CACHE_CORRUPT" });
});

test("I3: of two roots trusted on first use at the same time the second does not replace the first", async () => {
  const [first, second, third] = [cacheOf(), cacheOf(), cacheOf()];
  for (const cache of [first, second, third]) equal(await cache.load("root"), undefined);
  await first.store("root", roleFile(1));
  await rejects(second.store("root", roleFile(2)), { code: "METADATA_CACHE_CORRUPT" });
  deepEqual(await cacheOf().load("root"), roleFile(1));
  await third.store("root", roleFile(1));
  await first.store("root", roleFile(2));
  deepEqual(await cacheOf().load("root"), roleFile(2), "a process that trusted the first one may continue from it");
});

test("a file that did not change since it was loaded is replaced, whatever version it claims: the updater has verified it", async () => {
  const cache = cacheOf();
  await cache.store("targets", Buffer.from(`{"signed":{"version":9},"signatures":[]}`));
  await cache.load("targets");
  await cache.store("targets", roleFile(3));
  deepEqual(await cacheOf().load("targets"), roleFile(3));
});

test("many writers at once leave one whole file and the highest version", async () => {
  const versions = [3, 9, 1, 7, 5, 8, 2, 6, 4];
  await Promise.all(
    versions.map(async (version) => await cacheOf().store("snapshot", roleFile(version, version * 1_000))),
  );
  deepEqual(await cacheOf().load("snapshot"), roleFile(9, 9_000));
});

test("I3: a link instead of a file is refused for reading, and never followed for writing", async () => {
  const outside = join(trustDirectory, "outside.json");
  await writeFile(outside, roleFile(1));
  await mkdir(metadataPath("."), { recursive: true });
  await symlink(outside, metadataPath("root.json"));
  await rejects(cacheOf().load("root"), { code: "METADATA_CACHE_CORRUPT" });
  await cacheOf()
    .store("root", roleFile(2))
    .catch(() => undefined);
  deepEqual(await readFile(outside), roleFile(1));
});

test("I3: a link instead of a directory is refused", async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), "elsewhere-"));
  await mkdir(join(trustDirectory, "tuf"));
  await symlink(elsewhere, join(trustDirectory, "tuf", "reg.example.com:5000"));
  await rejects(cacheOf().load("root"), { code: "METADATA_CACHE_CORRUPT" });
  await rejects(cacheOf().store("root", roleFile(1)), { code: "METADATA_CACHE_CORRUPT" });
  deepEqual(await readdir(elsewhere), []);
  await rm(elsewhere, { recursive: true });
});

test("anything other than a file is refused", async () => {
  await mkdir(metadataPath("root.json"), { recursive: true });
  await rejects(cacheOf().load("root"), { code: "METADATA_CACHE_CORRUPT" });
});

test("names outside the directory are refused", async () => {
  for (const name of ["../x", "a/../../x", "a//b", "", "a/./b", "a\0b"]) {
    throws(() => cacheOf(name), { code: "REFERENCE_INVALID" }, name);
  }
  await rejects(cacheOf().load("targets/../../root"), { code: "REFERENCE_INVALID" });
});

test("a file that cannot be written is reported", async () => {
  await rejects(cacheOf().store(`targets/${"a".repeat(300)}`, roleFile(1)), { code: "FILE_UNWRITABLE" });
});

test("I4: the time of the server's last confirmation is kept, for exactly those bytes of the timestamp", async () => {
  const cache = cacheOf();
  await cache.store("timestamp", roleFile(1));
  deepEqual(await cacheOf().confirmedAt("timestamp"), now);
  now = new Date(now.getTime() + 3_600_000);
  await cache.confirm("timestamp");
  deepEqual(await cacheOf().confirmedAt("timestamp"), now);
  await writeFile(metadataPath("timestamp.json"), roleFile(2));
  equal(await cacheOf().confirmedAt("timestamp"), undefined);
  equal(await cacheOf().confirmedAt("snapshot"), undefined);
});

test("the longest role name fits", async () => {
  const role = `targets/${"a".repeat(247)}`;
  await cacheOf().store(role, roleFile(1));
  deepEqual(await cacheOf().load(role), roleFile(1));
});

test("I3: of a collection that is remembered by one root alone, nothing else is left; collections below it stay", async () => {
  const cache = cacheOf();
  const others = ["timestamp", "snapshot", "targets", "targets/releases"];
  for (const role of ["root", ...others]) await cache.store(role, roleFile(7));
  await cache.keepPastRoot(6, roleFile(6));
  await cacheOf(`${gun}/below`).store("root", roleFile(3));
  await cache.rememberOnly(roleFile(1));
  deepEqual(await cacheOf().load("root"), roleFile(1));
  for (const role of others) equal(await cacheOf().load(role), undefined, role);
  equal(await cacheOf().pastRoot(6), undefined);
  deepEqual(await cacheOf(`${gun}/below`).load("root"), roleFile(3));
});

for (const [how, root] of [["rememberOnly", roleFile(1)], ["remove"]] as const)
  test(`I3: a kill in the middle of ${how} leaves no past root of the old chain`, async () => {
    await cacheOf().store("root", roleFile(7));
    await cacheOf().keepPastRoot(1, roleFile(6));
    const code = fileURLToPath(new URL("../../../test/support/killed-memory.ts", import.meta.url));
    const { signal } = spawnSync(process.execPath, [code, trustDirectory, gun, how, root?.toString("utf8") ?? ""]);
    equal(signal, "SIGKILL");
    deepEqual(await cacheOf().load("root"), root);
    equal(await cacheOf().pastRoot(1), undefined);
  });

test("I3: while a root takes the place of all that is remembered, a reader always finds one", async () => {
  const [old, fresh] = [roleFile(7), roleFile(1)];
  await cacheOf().store("root", old);
  /** found, missed, enough */
  const counts = new Int32Array(new SharedArrayBuffer(12));
  const code = new URL("../../../test/support/root-reader.ts", import.meta.url);
  const reader = new Worker(code, { workerData: { path: metadataPath("root.json"), counts } });
  await once(reader, "online");
  for (let turn = 0; turn < 10 || Atomics.load(counts, 0) < 10; turn += 1) {
    for (const role of ["timestamp", "snapshot", "targets"]) await cacheOf().store(role, roleFile(1));
    await cacheOf().rememberOnly(turn % 2 === 0 ? fresh : old);
  }
  Atomics.store(counts, 2, 1);
  await once(reader, "exit");
  equal(Atomics.load(counts, 1), 0, "it was missing");
});
