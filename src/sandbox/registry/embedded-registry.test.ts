import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { RegistryClient } from "../../registry/registry-client.ts";
import { describe, type Descriptor, mediaTypes } from "../../registry/manifest.ts";
import { hasCode } from "../../errors.ts";
import { startRegistry, type RunningRegistry } from "./embedded-registry.ts";
import { parseRegistryRoute } from "../../registry/registry-route.ts";

async function start(t: TestContext): Promise<RunningRegistry> {
  const directory = await mkdtemp(join(tmpdir(), "tagseal-registry-"));
  const registry = await startRegistry({ directory, hooks: {} });
  t.after(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });
  return registry;
}

function client(t: TestContext, registry: RunningRegistry, repository = "team/app"): RegistryClient {
  const opened = RegistryClient.forReference({ registry: registry.host, repository }, { access: "push" });
  t.after(() => opened.close());
  return opened;
}

function content(text: string): { descriptor: Descriptor; open(offset: number): AsyncIterable<Uint8Array> } {
  const bytes = Buffer.from(text);
  return {
    descriptor: describe(bytes, "application/octet-stream"),
    async *open(offset) {
      yield bytes.subarray(offset);
    },
  };
}

async function pushTiny(to: RegistryClient, tag: string, label: string, subject?: Descriptor): Promise<Descriptor> {
  const config = content(`{"os":"linux","label":"${label}"}`);
  const layer = content(`layer of ${label}`);
  for (const part of [config, layer]) await to.pushBlob(part);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { ...config.descriptor, mediaType: mediaTypes.ociConfig },
    layers: [{ ...layer.descriptor, mediaType: mediaTypes.ociLayer }],
    ...(subject === undefined ? {} : { subject, artifactType: "application/x-signature" }),
  };
  return await to.pushManifest(tag, Buffer.from(JSON.stringify(manifest)), mediaTypes.ociManifest);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

async function listed(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all;
}

test("what was pushed comes back, by tag and by digest, blobs included", async (t) => {
  const registry = await start(t);
  const app = client(t, registry);
  const pushed = await pushTiny(app, "1.0", "one");
  assert.deepEqual(await app.resolve("1.0"), pushed);
  assert.deepEqual(await app.resolve(pushed.digest), pushed);
  assert.equal(await collect(app.blob(content("layer of one").descriptor)), "layer of one");
  assert.equal(await app.findManifest("2.0"), undefined);
  assert.equal(await app.findManifest("1.0"), pushed.digest);
});

test("a blob larger than a chunk is uploaded in several, and found again instead of sent again", async (t) => {
  const app = client(t, await start(t));
  const large = content("0123456789".repeat(1_000));
  const seen: number[] = [];
  assert.equal(await app.pushBlob(large, { chunkBytes: 3_000, onProgress: (bytes) => seen.push(bytes) }), "uploaded");
  assert.deepEqual(seen, [3_000, 6_000, 9_000, 10_000]);
  assert.equal(await app.pushBlob(large), "present");
  assert.equal(await collect(app.blob(large.descriptor)), "0123456789".repeat(1_000));
});

test("an empty blob is a blob", async (t) => {
  const app = client(t, await start(t));
  const empty = content("");
  assert.equal(await app.pushBlob(empty), "uploaded");
  assert.equal(await collect(app.blob(empty.descriptor)), "");
});

test("a blob of another repository is mounted, a new one is uploaded", async (t) => {
  const registry = await start(t);
  const layer = content("shared layer");
  await client(t, registry, "team/base").pushBlob(layer);
  const app = client(t, registry);
  assert.equal(await app.hasBlob(layer.descriptor), false);
  assert.equal(await app.pushBlob(layer, { mountFrom: "team/base" }), "mounted");
  assert.equal(await app.pushBlob(content("other"), { mountFrom: "team/base" }), "uploaded");
});

test("refuses a manifest whose blobs are not there, and bytes that are not the digest's", async (t) => {
  const app = client(t, await start(t));
  const missing = content("never pushed").descriptor;
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: missing, layers: [] };
  await assert.rejects(
    app.pushManifest("x", Buffer.from(JSON.stringify(manifest)), mediaTypes.ociManifest),
    /MANIFEST_BLOB_UNKNOWN/,
  );
  const liar = { ...content("delivers"), descriptor: content("promised").descriptor };
  await assert.rejects(app.pushBlob(liar), (error) => hasCode(error, "REGISTRY_DIGEST_MISMATCH"));
});

test("lists tags in pages, finds referrers, and deletes", async (t) => {
  const registry = await start(t);
  const app = client(t, registry);
  const first = await pushTiny(app, "a", "one");
  for (const tag of ["b", "c", "d"]) await pushTiny(app, tag, tag);
  assert.deepEqual(await listed(app.tags()), ["a", "b", "c", "d"]);
  const page = await fetch(`${registry.url}/v2/team/app/tags/list?n=2`);
  assert.equal(page.headers.get("link"), '</v2/team/app/tags/list?n=2&last=b>; rel="next"');
  const signature = await pushTiny(app, "sig", "signature", first);
  const [found] = await app.referrers(first.digest);
  assert.equal(found?.digest, signature.digest);
  assert.equal(found?.artifactType, "application/x-signature");
  await app.deleteManifest("b");
  await app.deleteManifest(first.digest);
  assert.deepEqual(await listed(app.tags()), ["c", "d", "sig"]);
});

test("serves ranges, refuses impossible ones", async (t) => {
  const registry = await start(t);
  const blob = content("0123456789");
  await client(t, registry).pushBlob(blob);
  const url = `${registry.url}/v2/team/app/blobs/${blob.descriptor.digest}`;
  const ask = (range: string): Promise<Response> => fetch(url, { headers: { range } });
  const middle = await ask("bytes=3-5");
  assert.equal(middle.status, 206);
  assert.equal(middle.headers.get("content-range"), "bytes 3-5/10");
  assert.equal(await middle.text(), "345");
  assert.equal(await (await ask("bytes=-2")).text(), "89");
  assert.equal(await (await ask("bytes=7-")).text(), "789");
  assert.equal((await ask("bytes=10-")).status, 416);
});

test("I1: hostile names reach no file", () => {
  for (const path of [
    "/v2/../../etc/manifests/passwd",
    "/v2/a/../b/manifests/x",
    "/v2/_catalog/manifests/x",
    "/v2/a/_manifests/manifests/x",
    "/v2/a/manifests/..",
    "/v2/a/manifests/.x",
    "/v2/a/blobs/sha256:..",
    "/v2/A/manifests/x",
  ]) {
    assert.match(parseRegistryRoute(path).kind, /^(invalid|unknown)$/, path);
  }
});

test("hooks make it lie, and honest again", async (t) => {
  const registry = await start(t);
  const app = client(t, registry);
  const honest = await pushTiny(app, "1", "one");
  registry.hooks.manifest = ({ stored }) =>
    stored && { ...stored, bytes: Buffer.concat([stored.bytes, Buffer.from(" ")]) };
  await assert.rejects(app.manifest(honest.digest), (error) => hasCode(error, "REGISTRY_DIGEST_MISMATCH"));
  registry.hooks.manifest = undefined;
  assert.deepEqual(await app.resolve("1"), honest);
});
