/** Where a machine may remember what it trusts: docker's trust directory, and memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { FileMetadataCache } from "../../src/trust/trust-directory/metadata-cache.ts";
import { trustCacheContract } from "../contract/trust-cache.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";

const directory = mkdtempSync(join(tmpdir(), "caches-"));
after(() => rmSync(directory, { recursive: true }));

let machines = 0;
trustCacheContract("a trust directory", async () => {
  const trustDirectory = join(directory, `${(machines += 1)}`);
  return () => new FileMetadataCache({ trustDirectory, gun: "localhost:5000/app" });
});

trustCacheContract("memory", async () => {
  const cache = new MemoryMetadataCache();
  return () => cache;
});
