/** Rows of a Notary database combined with the stored files of the same collection, read as a client reads a server. */

import { sha256Hex } from "../crypto/sha256.ts";
import { hasCode, MetadataError } from "../errors.ts";
import { parseMetadata } from "../tuf/notary-v1/parse.ts";
import type { MetadataSource } from "../tuf/updater.ts";
import type { NotaryFile, NotaryServerDatabase } from "./notary-server-database.ts";

const byVersion = /^([1-9]\d{0,9})\.(.+)$/u;
const byChecksum = /^(.+)\.([0-9a-f]{64})$/u;

/** What readers would find after the import: stored files are not replaced, damaged rows are left out. */
export class NotaryRows implements MetadataSource {
  readonly #rows: ReadonlyMap<string, readonly NotaryFile[]>;
  readonly #database: NotaryServerDatabase;
  readonly #stored: MetadataSource;

  /** @param rows with possible roles, versions and lengths */
  constructor(rows: readonly NotaryFile[], database: NotaryServerDatabase, stored: MetadataSource) {
    this.#rows = Map.groupBy(
      rows.toSorted((a, b) => b.version - a.version),
      ({ role }) => role,
    );
    this.#database = database;
    this.#stored = stored;
  }

  /** @throws MetadataError `METADATA_MISSING`, `TOO_LARGE` */
  async fetch(name: string, maxBytes: number): Promise<Uint8Array> {
    const stored = await this.#storedBytes(name, maxBytes);
    const found = await this.#found(name, stored);
    const bytes = found ?? stored;
    if (bytes === undefined) throw new MetadataError("METADATA_MISSING", `${name} is neither stored nor in a row`);
    if (bytes.length <= maxBytes) return bytes;
    throw new MetadataError("TOO_LARGE", `${name} has ${bytes.length} bytes, more than ${maxBytes}`);
  }

  async #storedBytes(name: string, maxBytes: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#stored.fetch(name, maxBytes);
    } catch (error) {
      if (hasCode(error, "METADATA_MISSING")) return undefined;
      throw error;
    }
  }

  async #found(name: string, stored: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    const [, version, versioned = ""] = byVersion.exec(name) ?? [];
    const [, hashed = "", sha256] = byChecksum.exec(name) ?? [];
    if (version === undefined && sha256 === undefined) return await this.#newer(name, stored);
    if (stored !== undefined) return undefined;
    if (version !== undefined) return await this.#first(versioned, (row) => row.version === Number(version));
    return await this.#first(hashed, (row) => row.sha256 === undefined || row.sha256 === sha256, sha256);
  }

  async #newer(role: string, stored: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    const version = stored === undefined ? 0 : parseMetadata(role, stored).body.version;
    return await this.#first(role, (row) => row.version > version);
  }

  /** The newest undamaged row, with the given hash if any. */
  async #first(role: string, isAsked: (row: NotaryFile) => boolean, asked?: string): Promise<Uint8Array | undefined> {
    for (const row of this.#rows.get(role) ?? []) {
      if (!isAsked(row)) continue;
      const bytes = (await this.#database.contents([row])).get(row.id);
      if (bytes === undefined) continue;
      const sha256 = sha256Hex(bytes);
      if (sha256 === (asked ?? sha256) && sha256 === (row.sha256 ?? sha256)) return bytes;
    }
    return undefined;
  }
}
