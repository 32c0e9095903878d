import { TagsealError } from "../errors.ts";
import type { PublicKey } from "../crypto/public-key.ts";
import type { RoleName } from "../tuf/metadata.ts";
import type { MetadataSource } from "../tuf/updater.ts";

/** Speaks to one trust server about one collection. */
export class TrustServerClient implements MetadataSource {
  /** Fetches a metadata file; see {@link MetadataSource}. */
  async fetch(name: string, maxBytes: number): Promise<Uint8Array> {
    throw new TagsealError("INTERNAL", `trust is not wired yet: ${name} ${maxBytes}`);
  }

  /** Publishes files in one request: all or none. */
  async publish(files: ReadonlyMap<RoleName, Uint8Array>): Promise<void> {
    throw new TagsealError("INTERNAL", `trust is not wired yet: ${files.size}`);
  }

  /** Asks for the key the server holds (or will hold) for a role. */
  async getKey(role: "snapshot" | "timestamp"): Promise<PublicKey> {
    throw new TagsealError("INTERNAL", `trust is not wired yet: ${role}`);
  }

  /** Asks the server for a new key for a role. */
  async rotateKey(role: "snapshot" | "timestamp"): Promise<PublicKey> {
    throw new TagsealError("INTERNAL", `trust is not wired yet: ${role}`);
  }

  /** Removes the collection from the server, for good. */
  async deleteCollection(): Promise<void> {
    throw new TagsealError("INTERNAL", "trust is not wired yet");
  }

  /** Releases connections. */
  close(): void {}
}
