/**
 * Reads published files as whole sets, through a bounded cache.
 *
 * A role without a checksum is found the way a client finds it: the current timestamp names a snapshot, the snapshot
 * names the role's file. So a reader sees the old set or the new one (I7), whatever lies in the store besides.
 */

import { encodeHex } from "../encoding/hex.ts";
import type { FileMeta, RoleName } from "../tuf/metadata.ts";
import { parseMetadata } from "../tuf/notary-v1/parse.ts";
import type { MetadataStore, StoredFile } from "./storage/metadata-store.ts";

/** What is current in one collection. */
export interface CollectionView {
  readonly timestamp: StoredFile;
  /** undefined only when the store has lost it */
  readonly snapshot: StoredFile | undefined;
  readonly meta: ReadonlyMap<RoleName, FileMeta>;
  /** when the first of the two expires */
  readonly expiresAt: Date;
}

interface Entry {
  view?: CollectionView;
  loading?: Promise<CollectionView | undefined>;
  readonly files: Map<string, StoredFile>;
  /** estimate of what the entry keeps in memory */
  bytes: number;
}

/** what an entry weighs before it holds a file */
const entryBytes = 2048;

/** Counts for the metrics. */
export interface ReaderCounts {
  readonly hits: number;
  readonly misses: number;
  readonly bytes: number;
}

/** Reads through a cache that keeps the collections used last, up to a number of bytes. */
export class CollectionReader {
  readonly #store: MetadataStore;
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #revision: unknown;
  #isRevisionKnown = false;
  #hits = 0;
  #misses = 0;

  constructor(store: MetadataStore, maxBytes: number) {
    this.#store = store;
    this.#maxBytes = maxBytes;
    this.#revision = store.revision([]);
  }

  get counts(): ReaderCounts {
    return { hits: this.#hits, misses: this.#misses, bytes: this.#bytes };
  }

  /** What is current; undefined for a collection that does not exist. */
  view(gun: string): CollectionView | undefined | Promise<CollectionView | undefined> {
    const entry = this.#entry(gun);
    this.#count(entry.view !== undefined);
    return entry.view ?? (entry.loading ??= this.#fillView(gun, entry));
  }

  /** The file of a role in a view, as its snapshot names it; undefined when it names none. */
  fileIn(view: CollectionView, gun: string, role: RoleName): StoredFile | undefined | Promise<StoredFile | undefined> {
    if (role === "timestamp") return view.timestamp;
    if (role === "snapshot") return view.snapshot;
    const sha256 = view.meta.get(role)?.hashes.get("sha256");
    return sha256 === undefined ? undefined : this.byChecksum(gun, role, encodeHex(sha256));
  }

  /** The file of a role with this lower-case hex sha256. */
  byChecksum(gun: string, role: RoleName, sha256: string): Promise<StoredFile | undefined> {
    return this.#file(gun, `${role}.${sha256}`, () => this.#store.byChecksum(gun, role, sha256));
  }

  byVersion(gun: string, role: RoleName, version: number): Promise<StoredFile | undefined> {
    return this.#file(gun, `${version}.${role}`, () => this.#store.byVersion(gun, role, version));
  }

  /** To be called after every write to this collection. Reads already under way do not bring the old state back. */
  forget(gun: string): void {
    const entry = this.#entries.get(gun);
    if (entry !== undefined) this.#drop(gun, entry);
  }

  async #file(gun: string, name: string, load: () => Promise<StoredFile | undefined>): Promise<StoredFile | undefined> {
    const entry = this.#entry(gun);
    const known = entry.files.get(name);
    this.#count(known !== undefined);
    if (known !== undefined) return known;
    const file = await load();
    if (file === undefined) {
      if (entry.loading === undefined && entry.files.size === 0) this.#drop(gun, entry);
      return undefined;
    }
    entry.files.set(name, file);
    this.#grow(gun, entry, weight(file));
    return file;
  }

  async #fillView(gun: string, entry: Entry): Promise<CollectionView | undefined> {
    try {
      const view = await this.#loadView(gun);
      // Names that do not exist are not remembered: anybody can think of a million.
      if (view === undefined) {
        this.#drop(gun, entry);
        return undefined;
      }
      entry.view = view;
      this.#grow(gun, entry, weight(view.timestamp) + weight(view.snapshot));
      return view;
    } catch (error) {
      this.#drop(gun, entry);
      throw error;
    }
  }

  async #loadView(gun: string): Promise<CollectionView | undefined> {
    const timestamp = await this.#store.current(gun, "timestamp");
    if (timestamp === undefined) return undefined;
    const { meta, expiresAt } = parseMetadata("timestamp", timestamp.bytes).body;
    const sha256 = meta.get("snapshot")?.hashes.get("sha256");
    const snapshot = sha256 && (await this.#store.byChecksum(gun, "snapshot", encodeHex(sha256)));
    if (snapshot === undefined) return { timestamp, snapshot, meta: new Map(), expiresAt };
    const { body } = parseMetadata("snapshot", snapshot.bytes);
    return {
      timestamp,
      snapshot,
      meta: body.meta,
      expiresAt: body.expiresAt < expiresAt ? body.expiresAt : expiresAt,
    };
  }

  /** The entry of a collection, moved to the young end. */
  #entry(gun: string): Entry {
    this.#dropAllWhenStale();
    const known = this.#entries.get(gun);
    const entry = known ?? { files: new Map<string, StoredFile>(), bytes: entryBytes };
    if (known === undefined) this.#bytes += entryBytes;
    else this.#entries.delete(gun);
    this.#entries.set(gun, entry);
    return entry;
  }

  /**
   * When another process has written to the store, nothing here is known to be current any more. Asked once for all
   * requests that arrived together: the question costs the store several system calls.
   */
  #dropAllWhenStale(): void {
    if (this.#isRevisionKnown) return;
    this.#isRevisionKnown = true;
    setImmediate(() => (this.#isRevisionKnown = false));
    const revision = this.#store.revision([]);
    if (revision === this.#revision) return;
    this.#revision = revision;
    this.#entries.clear();
    this.#bytes = 0;
  }

  #grow(gun: string, entry: Entry, bytes: number): void {
    if (this.#entries.get(gun) !== entry) return;
    entry.bytes += bytes;
    this.#bytes += bytes;
    for (const [oldest, dropped] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#drop(oldest, dropped);
    }
  }

  #drop(gun: string, entry: Entry): void {
    if (this.#entries.get(gun) !== entry) return;
    this.#entries.delete(gun);
    this.#bytes -= entry.bytes;
  }

  #count(hit: boolean): void {
    if (hit) this.#hits += 1;
    else this.#misses += 1;
  }
}

/** A file may be kept twice, the second time compressed. */
function weight(file: StoredFile | undefined): number {
  return file === undefined ? 0 : file.bytes.length * 2 + 512;
}
