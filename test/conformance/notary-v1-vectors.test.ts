/** A whole repository as the real notary made it, read the way a client reads it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import { MetadataError } from "../../src/errors.ts";
import { findTarget, sha256Of } from "../../src/tuf/lookup.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import type { UpdateOptions } from "../../src/tuf/updater.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";

function vector(role: string): Buffer {
  return readFileSync(new URL(`../vectors/notary-v1/vec-demo/${role}.json`, import.meta.url));
}

const served = new Map<string, Uint8Array>();
for (const role of ["root", "timestamp", "snapshot", "targets"]) {
  const bytes = vector(role);
  served.set(role, bytes);
  served.set(`${role}.${sha256Hex(bytes)}`, bytes);
}

const source = {
  fetch: async (name: string): Promise<Uint8Array> => {
    const bytes = served.get(name);
    if (bytes === undefined) throw new MetadataError("METADATA_MISSING", name);
    return bytes;
  },
};

function options(more: Partial<UpdateOptions> = {}): UpdateOptions {
  return { gun: "vec/demo", source, cache: new MemoryMetadataCache(), now: new Date("2026-11-24T00:00:00Z"), ...more };
}

test("leads from first use to the digest of its one target", async () => {
  const cache = new MemoryMetadataCache();
  const collection = await updateCollection(options({ cache }));
  const found = findTarget(collection, "v1.0");
  assert.ok(found);
  assert.equal(Buffer.from(sha256Of(found)).toString("hex"), sha256Hex(Buffer.from("hello notary\n")));
  assert.equal(found.target.length, 13);
  for (const [role, bytes] of cache.files) assert.deepEqual(Buffer.from(bytes), vector(role));
});

test("is accepted under a pin of its root certificate and refused under its bare key's ID", async () => {
  const pinTo = (id: string): Partial<UpdateOptions> => ({
    pinning: { certs: new Map([["vec/demo", [id]]]), disableTofu: true },
  });
  const collection = await updateCollection(
    options(pinTo("c1b92084181b4087f3f682433755bae77aae5114b41ea12868fc90293c8da64a")),
  );
  assert.equal(collection.pinnedOnFirstUse, false);
  await assert.rejects(
    updateCollection(options(pinTo("bab5e930a7d36033763ed23a04de399476d26a4f8532cb9706f70e92bbf69885"))),
    {
      code: "ROOT_PINNING_MISMATCH",
      message:
        "could not validate the path to a trusted root: unable to match any certificates to trust_pinning config",
    },
  );
});

test("I9: is refused under another name, and once its timestamp has expired", async () => {
  await assert.rejects(updateCollection(options({ gun: "vec/other" })), { code: "ROOT_INVALID" });
  await assert.rejects(updateCollection(options({ now: new Date("2026-12-08T00:00:00Z") })), {
    code: "METADATA_EXPIRED",
    message: "timestamp expired at Mon Dec 7 04:07:46 UTC 2026",
  });
});
