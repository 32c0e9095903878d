/** What registry tests are told with: contents in memory, a client on a registry that closes with the test, errors by code. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type ErrorCode, hasCode, type TagsealError } from "../../src/errors.ts";
import type { BlobContent } from "../../src/registry/blob-upload.ts";
import { describe, type Descriptor, mediaTypes } from "../../src/registry/manifest.ts";
import { RegistryClient, type RegistryClientOptions } from "../../src/registry/registry-client.ts";
import { type RunningRegistry, startRegistry } from "../../src/sandbox/registry/embedded-registry.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** An empty embedded registry, honest until its hooks say otherwise. */
export async function embeddedRegistry(t: Pick<TestContext, "after">): Promise<RunningRegistry> {
  const registry = await startRegistry({ directory: temporaryDirectory(t), hooks: {} });
  t.after(() => registry.close());
  return registry;
}

/** A client for a repository (`team/app`) of a registry that may push. */
export function clientOf(
  t: Pick<TestContext, "after">,
  registry: { readonly host: string },
  options: RegistryClientOptions = {},
  repository = "team/app",
): RegistryClient {
  const opened = RegistryClient.forReference({ registry: registry.host, repository }, { access: "push", ...options });
  t.after(() => opened.close());
  return opened;
}

/** A blob whose bytes are here. */
export function contentOf(bytes: Uint8Array | string, mediaType = "application/octet-stream"): BlobContent {
  const data = Buffer.from(bytes);
  return {
    descriptor: describe(data, mediaType),
    async *open(offset) {
      yield data.subarray(offset);
    },
  };
}

/** The bytes of a manifest for one configuration and layer. */
export function manifestBytes(config: Descriptor, layers: readonly Descriptor[], more: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { ...config, mediaType: mediaTypes.ociConfig },
      layers: layers.map((layer) => ({ ...layer, mediaType: mediaTypes.ociLayer })),
      ...more,
    }),
  );
}

/** Pushes an image of one small layer and gives its descriptor. */
export async function pushTinyImage(
  to: RegistryClient,
  tag: string,
  label: string,
  more: object = {},
): Promise<Descriptor> {
  const config = contentOf(JSON.stringify({ os: "linux", architecture: "amd64", label }));
  const layer = contentOf(`layer of ${label}`);
  for (const part of [config, layer]) await to.pushBlob(part);
  return await to.pushManifest(tag, manifestBytes(config.descriptor, [layer.descriptor], more), mediaTypes.ociManifest);
}

/** All bytes of a stream. */
export async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Asserts that a promise rejects with a code, and a message where that matters; returns the error. */
export async function refusal(promise: Promise<unknown>, code: ErrorCode, message = /./): Promise<TagsealError> {
  const error: unknown = await promise.then(
    (value) => assert.fail(`${code} expected, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!hasCode(error, code)) throw error;
  assert.match(error.message, message);
  return error;
}
