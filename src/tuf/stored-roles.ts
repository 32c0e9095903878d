/** What a server already has of a collection, as validation sees it. */

import type { MetadataFile, RoleName, RootFile, SnapshotFile, TimestampFile } from "./metadata.ts";
import { parseMetadata } from "./notary-v1/parse.ts";

/** What a server has stored of one collection. */
export interface StoredRoles {
  /** the highest version of a role; `undefined` when there is none */
  current(role: RoleName): Promise<StoredRole | undefined>;
  /** `parseMetadata` with a memory of earlier results; plain when absent */
  readonly parse?: (role: RoleName, stored: StoredRole) => MetadataFile;
}

/** One stored file. */
export interface StoredRole {
  readonly bytes: Uint8Array;
  readonly version: number;
}

/** One view of what is stored: each role is read once, however often it is requested. */
export class StoredView implements StoredRoles {
  readonly #stored: StoredRoles;
  readonly #read = new Map<RoleName, ReturnType<StoredRoles["current"]>>();

  constructor(stored: StoredRoles) {
    this.#stored = stored;
  }

  /** As the storage answered the first time. */
  current(role: RoleName): ReturnType<StoredRoles["current"]> {
    const answer = this.#read.get(role) ?? this.#stored.current(role);
    this.#read.set(role, answer);
    return answer;
  }

  /**
   * The current file of a role, parsed but not verified.
   *
   * @throws MetadataError as `parseMetadata`: a stored file that cannot be parsed is the server's fault, not the client's
   */
  async parsed(role: "root"): Promise<RootFile | undefined>;
  async parsed(role: "snapshot"): Promise<SnapshotFile | undefined>;
  async parsed(role: "timestamp"): Promise<TimestampFile | undefined>;
  async parsed(role: RoleName): Promise<MetadataFile | undefined>;
  async parsed(role: RoleName): Promise<MetadataFile | undefined> {
    const file = await this.current(role);
    if (file === undefined) return undefined;
    return this.#stored.parse?.(role, file) ?? parseMetadata(role, file.bytes);
  }
}
