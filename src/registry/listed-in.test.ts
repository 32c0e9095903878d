import assert from "node:assert/strict";
import { it } from "node:test";
import { clientOf, embeddedRegistry, pushTinyImage, refusal } from "../../test/support/registry-story.ts";
import { fetchListed, listedIn } from "./listed-in.ts";
import { type Descriptor, mediaTypes } from "./manifest.ts";
import type { RegistryClient } from "./registry-client.ts";

async function pushIndex(
  client: RegistryClient,
  tag: string,
  ...manifests: readonly Descriptor[]
): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  return await client.pushManifest(tag, bytes, mediaTypes.ociIndex);
}

it("finds the index that lists a manifest, also through another index, and none for what is not listed", async (t) => {
  const client = clientOf(t, await embeddedRegistry(t));
  const [one, two, loose] = [
    await pushTinyImage(client, "one", "one"),
    await pushTinyImage(client, "two", "two"),
    await pushTinyImage(client, "loose", "loose"),
  ];
  const inner = await pushIndex(client, "inner", one);
  const outer = await pushIndex(client, "outer", inner, two);
  assert.equal(await listedIn(client, [loose.digest, inner.digest], one.digest), inner.digest);
  assert.equal(await listedIn(client, [loose.digest, outer.digest], one.digest), outer.digest);
  assert.equal(await listedIn(client, [inner.digest, outer.digest], two.digest), outer.digest);
  assert.equal(await listedIn(client, [inner.digest, outer.digest], loose.digest), undefined);
});

it("fetches indexes only, each once, however often they list each other", async (t) => {
  const registry = await embeddedRegistry(t);
  const client = clientOf(t, registry);
  const image = await pushTinyImage(client, "image", "image");
  const loose = await pushTinyImage(client, "loose", "loose");
  let top = await pushIndex(client, "0", image);
  for (let level = 1; level < 4; level += 1)
    top = await pushIndex(client, `${level}`, ...Array<Descriptor>(400).fill(top), image);
  const fetched: string[] = [];
  registry.hooks.intercept = (request) => {
    fetched.push(request.url ?? "");
    return false;
  };
  assert.equal(await listedIn(client, [top.digest], loose.digest), undefined);
  assert.deepEqual([fetched.length, new Set(fetched).size], [4, 4]);
  await fetchListed(client, [top.digest]);
  assert.deepEqual([fetched.length, new Set(fetched).size], [9, 5], "for its blobs, the image is fetched, too");
});

it("goes on past what the registry lost, and fails when the registry does", async (t) => {
  const registry = await embeddedRegistry(t);
  const client = clientOf(t, registry);
  const one = await pushTinyImage(client, "one", "one");
  const lost = await pushIndex(client, "lost", one);
  await client.deleteManifest(lost.digest);
  const index = await pushIndex(client, "index", one, { ...one, annotations: new Map() });
  assert.equal(await listedIn(client, [lost.digest, index.digest], one.digest), index.digest);
  await registry.close();
  await refusal(listedIn(client, [index.digest], one.digest), "NETWORK_UNREACHABLE");
});
