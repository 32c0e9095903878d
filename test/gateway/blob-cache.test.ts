/** A gateway that keeps blobs on its disk. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, before, describe, it } from "node:test";
import { type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import type { RegistryHooks } from "../../src/sandbox/registry/registry-hooks.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { startServing } from "../support/gateway-command.ts";
import { gatewayStory, type StoryGateway } from "../support/gateway-story.ts";
import { contentOf, manifestBytes } from "../support/registry-story.ts";
import { reply, startStory } from "../support/story-server.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const story = gatewayStory();
const rules = (): object => ({ [story.registry.host]: { firstUse: true, digests: "signed" } });

async function cached(directory: string, maxBytes = 1_000_000): Promise<StoryGateway> {
  return await story.gateway({ rules: rules(), blobCache: { directory, maxBytes } });
}

async function layerOf(gateway: StoryGateway, repository: string): Promise<Descriptor> {
  const { layers } = (await (await gateway.ask(repository, "manifests/v1")).json()) as { layers: Descriptor[] };
  assert.ok(layers[0]);
  return layers[0];
}

async function text(answer: Promise<Response>): Promise<string> {
  return await (await answer).text();
}

const blobRequests = (): string[] => story.asked.filter((line) => line.includes("/blobs/"));

describe("a gateway with a blob cache", () => {
  let intercept: RegistryHooks["intercept"];
  before(() => (intercept = story.registry.hooks.intercept));
  afterEach(() => {
    story.registry.hooks.intercept = intercept;
    story.registry.hooks.blob = undefined;
    story.registry.hooks.manifest = undefined;
  });

  it("asks the registry for a blob once; after a restart only whether it is still there", async (t) => {
    await story.publish("cache/app", "v1");
    const directory = temporaryDirectory(t);
    const gateway = await cached(directory);
    const path = `blobs/${(await layerOf(gateway, "cache/app")).digest}`;
    story.asked.length = 0;
    for (let time = 0; time < 3; time++) assert.equal(await text(gateway.ask("cache/app", path)), "layer of v1");
    const part = gateway.ask("cache/app", path, { headers: { range: "bytes=6-7" } });
    assert.deepEqual([(await part).status, await text(part)], [206, "of"]);
    assert.deepEqual(blobRequests(), [`GET /v2/cache/app/${path}`]);
    await gateway.close();
    const again = await cached(directory);
    await layerOf(again, "cache/app");
    story.asked.length = 0;
    assert.equal(await text(again.ask("cache/app", path)), "layer of v1");
    assert.deepEqual(blobRequests(), [`HEAD /v2/cache/app/${path}`]);
    const metrics = await text(fetch(`${again.url}/metrics`));
    assert.match(metrics, /^tagseal_gateway_blob_cache_requests_total\{result="hit"\} 1$/mu);
    assert.match(metrics, /^tagseal_gateway_blob_cache_bytes 11$/mu);
  });

  it("gives what it has where the registry says that a blob is there, and not how large it is", async (t) => {
    await story.publish("cache/sizeless", "v1");
    const directory = temporaryDirectory(t);
    const gateway = await cached(directory);
    const path = `blobs/${(await layerOf(gateway, "cache/sizeless")).digest}`;
    assert.equal(await text(gateway.ask("cache/sizeless", path)), "layer of v1");
    await gateway.close();
    story.registry.hooks.intercept = ({ method, url = "" }, response) => {
      if (method !== "HEAD" || !url.endsWith(path)) return false;
      response.writeHead(200, { "transfer-encoding": "chunked" }).end();
      return true;
    };
    const again = await cached(directory);
    const { size } = await layerOf(again, "cache/sizeless");
    assert.equal(await text(again.ask("cache/sizeless", path)), "layer of v1");
    const head = await again.ask("cache/sizeless", path, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(size)]);
    // what no manifest is known to list has the size that the registry states with its first byte
    const any = await story.gateway({ rules: { [story.registry.host]: { firstUse: true, digests: "any" } } });
    const unlisted = await any.ask("cache/sizeless", path);
    assert.deepEqual([unlisted.status, await unlisted.text()], [200, "layer of v1"]);
  });

  it("gives what it has where the registry points to a storage that answers no HEAD, unless the blob is gone there", async (t) => {
    await story.publish("cache/elsewhere", "v1");
    const directory = temporaryDirectory(t);
    const gateway = await cached(directory);
    const path = `blobs/${(await layerOf(gateway, "cache/elsewhere")).digest}`;
    assert.equal(await text(gateway.ask("cache/elsewhere", path)), "layer of v1");
    await gateway.close();
    let isGone = false;
    const storage = await startStory(t, (request, response) => {
      if (request.method === "HEAD" || isGone) return reply(response, 403, "");
      reply(response, 206, "l", { "content-range": "bytes 0-0/11" });
    });
    story.registry.hooks.intercept = ({ url = "" }, response) => {
      if (!url.endsWith(path)) return false;
      reply(response, 307, "", { location: `${storage.origin}/elsewhere` });
      return true;
    };
    const again = await cached(directory);
    await layerOf(again, "cache/elsewhere");
    assert.equal(await text(again.ask("cache/elsewhere", path)), "layer of v1");
    isGone = true;
    await again.close();
    const after = await cached(directory);
    await layerOf(after, "cache/elsewhere");
    assert.equal((await after.ask("cache/elsewhere", path)).status, 403);
  });

  it("I9: gives no blob to a repository that does not have it, although its signed manifest lists it and the cache holds it", async (t) => {
    await story.publish("cache/private", "v1", "a secret");
    const gateway = await cached(temporaryDirectory(t));
    const layer = await layerOf(gateway, "cache/private");
    const path = `blobs/${layer.digest}`;
    assert.equal(await text(gateway.ask("cache/private", path)), "layer of a secret");
    // a registry that takes a manifest without its blobs, as some do
    const bytes = manifestBytes(contentOf("{}").descriptor, [layer]);
    const { digest, size } = contentOf(bytes).descriptor;
    story.registry.hooks.manifest = ({ repository, stored }) =>
      repository === "cache/curious" ? { digest, mediaType: mediaTypes.ociManifest, bytes } : stored;
    await signTags(await story.publisher("cache/curious"), [{ tag: "v1", digest, length: size }]);
    assert.equal((await layerOf(gateway, "cache/curious")).digest, layer.digest);
    assert.equal((await gateway.ask("cache/curious", path)).status, 404);
  });

  it("I2: keeps nothing of a wrong blob, and gives the right one when the registry does", async (t) => {
    await story.publish("cache/evil", "v1");
    const gateway = await cached(temporaryDirectory(t));
    const path = `blobs/${(await layerOf(gateway, "cache/evil")).digest}`;
    story.registry.hooks.blob = ({ size }) => Buffer.alloc(size, "x");
    assert.equal((await gateway.ask("cache/evil", path)).status, 502);
    story.registry.hooks.blob = undefined;
    assert.equal(await text(gateway.ask("cache/evil", path)), "layer of v1");
  });

  it("is started by the documented line; a size that is not one is refused", async (t) => {
    const directory = temporaryDirectory(t);
    const line = documentedLines("docs/gateway.md", "Keep blobs on disk")
      .replace("/var/cache/tagseal-gateway", join(directory, "blobs"))
      .replace("127.0.0.1:5443", "127.0.0.1:0");
    const words = line.trim().split(" ").slice(1);
    const env = { HOME: directory, DOCKER_CONFIG: directory };
    const started = await startServing(words, { env });
    assert.match(started.url ?? started.stderr(), /^http:\/\/127/u);
    await started.stop();
    assert.ok(existsSync(join(directory, "blobs", "incoming")));
    const refused = await startServing([...words, "--blob-cache-size", "much"], { env });
    assert.match(refused.stderr(), /--blob-cache-size: expected a number of bytes, got "much"/u);
    await refused.stop();
  });
});
