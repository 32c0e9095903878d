import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { it } from "node:test";
import { GatewayRefusal } from "../gateway-refusal.ts";
import { ManifestMemory } from "./manifest-memory.ts";

const pace = { windowMs: 1000, minBytes: 1 };

function requestWith(bytes: number, headers: IncomingMessage["headers"] = {}): IncomingMessage {
  return Object.assign(Readable.from([Buffer.alloc(bytes)]), { headers }) as IncomingMessage; // all that is read of it
}

it("I9: manifests on their way take no more memory than all together may", async () => {
  const memory = new ManifestMemory(1000);
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = memory.withManifest(requestWith(900), pace, async () => await promise);
  const second = memory.withManifest(requestWith(200), pace, async ({ length }) => length);
  await assert.rejects(second, (error) => error instanceof GatewayRefusal && error.status === 503);
  resolve();
  await first;
  assert.equal(await memory.withManifest(requestWith(200), pace, async ({ length }) => length), 200);
});

it("I9: a manifest that is too large is refused before it is read, and gives its memory back where it does not say so", async () => {
  const memory = new ManifestMemory(5_000_000);
  for (const request of [requestWith(1, { "content-length": "4194305" }), requestWith(4_194_305)])
    await assert.rejects(
      memory.withManifest(request, pace, async () => assert.fail("it was used")),
      (error) => error instanceof GatewayRefusal && error.status === 413,
    );
  assert.equal(await memory.withManifest(requestWith(4_194_304), pace, async ({ length }) => length), 4_194_304);
});
