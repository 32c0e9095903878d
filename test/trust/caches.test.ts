/** Where a machine may remember what it trusts: docker's trust directory, and memory. */
import { join } from "node:path";
import { FileMetadataCache } from "../../src/trust/trust-directory/metadata-cache.ts";
import { trustCacheContract } from "../contract/trust-cache.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const directory = temporaryDirectory();

let machines = 0;
trustCacheContract("a trust directory", async () => {
  const trustDirectory = join(directory, `${(machines += 1)}`);
  return () => new FileMetadataCache({ trustDirectory, gun: "localhost:5000/app" });
});

trustCacheContract("memory", async () => {
  const cache = new MemoryMetadataCache();
  return () => cache;
});
