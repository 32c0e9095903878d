import { MetadataError } from "../../errors.ts";
import type { MetadataSource } from "../../tuf/updater.ts";
import type { MetadataStore } from "./metadata-store.ts";
import type { StoredFile } from "./stored-file.ts";

const byVersion = /^([1-9]\d{0,9})\.(.+)$/u;
const byChecksum = /^(.+)\.([0-9a-f]{64})$/u;

/** A stored collection, read as a client reads a server: `timestamp`, `3.root`, `targets.<sha256 hex>`. A plain name is the highest version. */
export function storedSource(store: MetadataStore, gun: string): MetadataSource {
  return {
    async fetch(name, maxBytes) {
      const file = await find(store, gun, name);
      if (file === undefined) throw new MetadataError("METADATA_MISSING", `${name} of ${gun} is not stored`);
      if (file.bytes.length <= maxBytes) return file.bytes;
      throw new MetadataError("TOO_LARGE", `${name} of ${gun} has ${file.bytes.length} bytes, more than ${maxBytes}`);
    },
  };
}

async function find(store: MetadataStore, gun: string, name: string): Promise<StoredFile | undefined> {
  const [, version, versioned] = byVersion.exec(name) ?? [];
  if (version !== undefined && versioned !== undefined) return await store.byVersion(gun, versioned, Number(version));
  const [, hashed, sha256] = byChecksum.exec(name) ?? [];
  if (hashed !== undefined && sha256 !== undefined) return await store.byChecksum(gun, hashed, sha256);
  return await store.current(gun, name);
}
