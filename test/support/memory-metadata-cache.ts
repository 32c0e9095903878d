import type { RoleName } from "../../src/tuf/metadata.ts";
import type { MetadataCache } from "../../src/tuf/updater.ts";

/** A cache in memory that a test can look into, spoil, and forbid to be written. */
export class MemoryMetadataCache implements MetadataCache {
  readonly files: Map<RoleName, Uint8Array>;
  /** thrown by every write while set */
  writeFailure: Error | undefined;
  /** roles in the order they were written */
  readonly writes: RoleName[] = [];

  constructor(files: Iterable<readonly [RoleName, Uint8Array]> = []) {
    this.files = new Map(files);
  }

  /** A second machine with the same memory. */
  copy(): MemoryMetadataCache {
    return new MemoryMetadataCache(this.files);
  }

  async load(role: RoleName): Promise<Uint8Array | undefined> {
    return this.files.get(role);
  }

  async store(role: RoleName, bytes: Uint8Array): Promise<void> {
    if (this.writeFailure !== undefined) throw this.writeFailure;
    this.writes.push(role);
    this.files.set(role, bytes);
  }
}
