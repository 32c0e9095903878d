/**
 * Reads published files as whole sets, through a bounded cache.
 *
 * A role without a checksum is found the way a client finds it: the current timestamp names a snapshot, the snapshot
 * names the role's file. So a reader sees the old set or the new one (I7), whatever else is in the store.
 *
 * Only what the store confirmed for this request is reported as current: otherwise a publication by another server could be missing, and clients that
 * have seen it treat older files as an attack. Files by their checksum are never outdated.
 */

import { encodeHex } from "../../encoding/hex.ts";
import type { FileMeta, RoleName } from "../../tuf/metadata.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import { CollectionRevisions, type RevisionAnswer } from "./collection-revisions.ts";
import type { Fault } from "../../service/faults.ts";
import { faultOf } from "../../service/probe.ts";
import type { ServerLog } from "../../service/log.ts";
import type { MetadataStore, StoredFile } from "../storage/metadata-store.ts";

/** What is current in one collection. */
export interface CollectionView {
  readonly timestamp: StoredFile;
  /** undefined only when the store has lost it */
  readonly snapshot: StoredFile | undefined;
  readonly meta: ReadonlyMap<RoleName, FileMeta>;
  /** when the first of the two expires */
  readonly expiresAt: Date;
}

/** What a request sees of a collection. */
export type Reading =
  | { readonly freshness: "current"; readonly view: CollectionView }
  | { readonly freshness: "absent" | "unknown" };

interface Entry {
  /** of this entry; undefined when unknown, which makes the entry useless for the next request */
  revision: string | undefined;
  /** the number of the check that reported it */
  question: number;
  /** sha256 of the timestamp that belongs to the revision, if known */
  timestamp: string | undefined;
  checkedAt: number;
  view?: CollectionView;
  loading?: Promise<CollectionView | undefined>;
  readonly files: Map<string, StoredFile>;
  /** by checksum, the files of the previous timestamp: clients that received that one have not finished yet */
  readonly earlier: ReadonlyMap<string, StoredFile>;
  /** estimated memory of the entry */
  bytes: number;
}

/** How often a view is read again because the collection changed since the answer. */
const maxReadings = 5;

/** No collection has this name. */
const noGun = "";

/** Larger collections are read from the database file by file, on request. */
const maxBytesAhead = 1_048_576;

/** size of an entry without files */
const entryBytes = 2048;

/** Counts for the metrics. */
export interface ReaderCounts {
  readonly hits: number;
  readonly misses: number;
  readonly bytes: number;
  /** checks with the store whether something has changed */
  readonly checks: number;
  /** the store is unavailable now */
  readonly isLost: boolean;
}

/** What is known about the freshness of a reading. */
export type Freshness = RevisionAnswer["freshness"];

interface Answer {
  readonly freshness: Freshness;
  /** as in {@link RevisionAnswer} */
  readonly timestamp?: string | undefined;
}

/** How much a reader keeps, and for how long it may be trusted. */
export interface ReaderOptions {
  readonly maxBytes: number;
  /**
   * How long a confirmation by the store counts, even while the store is unavailable; 0 when absent: the store confirms for each request.
   */
  readonly maxAgeMs?: number | undefined;
  readonly log?: ServerLog | undefined;
}

/** Reads through a cache that keeps the collections used last, up to a number of bytes. */
export class CollectionReader {
  readonly #store: MetadataStore;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  readonly #revisions: CollectionRevisions;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(store: MetadataStore, { maxBytes, maxAgeMs = 0, log }: ReaderOptions) {
    this.#store = store;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
    this.#revisions = new CollectionRevisions(store, log);
  }

  get counts(): ReaderCounts {
    const { asked: checks, isLost } = this.#revisions;
    return { hits: this.#hits, misses: this.#misses, bytes: this.#bytes, checks, isLost };
  }

  /**
   * Call this for each request before reading: what is no longer current is then not read.
   *
   * @param maxAgeMs accepts what was current this long ago
   * @returns `absent`: there is no such collection, and nothing to read; `unknown`: the store is unavailable, so only files by their checksum may be
   * served. A store on one machine never reports `absent`
   */
  refresh(gun: string, maxAgeMs = 0): Freshness | Promise<Freshness> {
    const answer = this.#ask(gun, maxAgeMs);
    return answer instanceof Promise ? answer.then(({ freshness }) => freshness) : answer.freshness;
  }

  /** {@link refresh}, and then the matching view. @throws TagsealError `STORAGE_FAILED` */
  async read(gun: string): Promise<Reading> {
    for (let reading = 1; reading <= maxReadings; reading += 1) {
      const { freshness, timestamp } = await this.#ask(gun, 0);
      if (freshness !== "current") return { freshness };
      const view = await this.view(gun);
      if (view === undefined && timestamp === undefined) return { freshness: "absent" };
      if (view !== undefined && isWith(timestamp, view)) return { freshness, view };
    }
    return { freshness: "unknown" };
  }

  /** What is current, or was at the last {@link refresh}; undefined for a collection that does not exist. */
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

  /** Whether the current state can be known now, as for a request. @throws at once the error of a store that answers at once */
  canAsk(): boolean | Promise<boolean> {
    const answer = this.#revisions.of(noGun);
    return answer instanceof Promise
      ? answer.then(({ freshness }) => freshness !== "unknown")
      : answer.freshness !== "unknown";
  }

  /** Why the store is unavailable; undefined while it is available. */
  get fault(): Fault | undefined {
    return this.#revisions.isLost ? faultOf(this.#revisions.lostBecause) : undefined;
  }

  /** Stops looking for a lost store. */
  close(): void {
    this.#revisions.close();
  }

  /** Call this after every publication. Reads already under way do not bring the old state back. */
  outdate(gun: string): void {
    const entry = this.#entries.get(gun);
    if (entry !== undefined) this.#outdate(gun, entry);
  }

  /** Call this after a deletion: as {@link outdate}, and nothing stays in memory. */
  forget(gun: string): void {
    const entry = this.#entries.get(gun);
    if (entry !== undefined) this.#drop(gun, entry);
  }

  async #file(gun: string, name: string, load: () => Promise<StoredFile | undefined>): Promise<StoredFile | undefined> {
    const entry = this.#entry(gun);
    const known = entry.files.get(name) ?? entry.earlier.get(name);
    this.#count(known !== undefined);
    if (known !== undefined) return known;
    const file = await load();
    if (file === undefined) {
      if (entry.view === undefined && entry.loading === undefined && entry.files.size === 0 && entry.earlier.size === 0)
        this.#drop(gun, entry);
      return undefined;
    }
    entry.files.set(name, file);
    this.#grow(gun, entry, weight(file));
    return file;
  }

  async #fillView(gun: string, entry: Entry): Promise<CollectionView | undefined> {
    try {
      const view = await this.#loadView(gun);
      if (view === undefined) {
        this.#drop(gun, entry);
        return undefined;
      }
      if (this.#revisions.isShared) await this.#loadNamed(gun, view);
      entry.view = view;
      if (!isWith(entry.timestamp, view)) {
        // It has changed since the answer: usable for this request only.
        entry.revision = undefined;
        entry.checkedAt = -Infinity;
      }
      this.#grow(gun, entry, weight(view.timestamp) + weight(view.snapshot));
      return view;
    } catch (error) {
      this.#drop(gun, entry);
      throw error;
    }
  }

  /**
   * Loads the files that a snapshot names into memory, within bounds, before its timestamp is served. A client keeps that timestamp and needs these
   * files next: without them docker, notary and tagseal refuse until the database is back.
   */
  async #loadNamed(gun: string, { snapshot, meta }: CollectionView): Promise<void> {
    if (snapshot !== undefined) await this.byChecksum(gun, "snapshot", snapshot.sha256);
    const bytes = [...meta.values()].reduce((sum, { length }) => sum + length, 0);
    if (bytes > maxBytesAhead) return;
    for (const [role, { hashes }] of meta) {
      const sha256 = hashes.get("sha256");
      if (sha256 !== undefined) await this.byChecksum(gun, role, encodeHex(sha256));
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

  #ask(gun: string, maxAgeMs: number): Answer | Promise<Answer> {
    const entry = this.#entries.get(gun);
    if (entry !== undefined && performance.now() - entry.checkedAt < Math.max(maxAgeMs, this.#maxAgeMs))
      return { freshness: "current", timestamp: entry.timestamp };
    const answer = this.#revisions.of(gun);
    return answer instanceof Promise ? answer.then((found) => this.#apply(gun, found)) : this.#apply(gun, answer);
  }

  #apply(gun: string, answer: RevisionAnswer): Answer {
    if (answer.freshness === "current") this.#setRevision(gun, answer);
    // Names that do not exist are not remembered: a client can invent a million.
    if (answer.freshness === "absent") this.forget(gun);
    return answer;
  }

  #setRevision(gun: string, { revision, question, timestamp }: RevisionAnswer & { freshness: "current" }): void {
    const known = this.#entries.get(gun);
    if (known !== undefined && known.question > question) return;
    if (known !== undefined && known.revision !== revision) this.#outdate(gun, known);
    const entry = this.#entry(gun);
    entry.revision = revision;
    entry.question = question;
    entry.timestamp = timestamp;
    entry.checkedAt = performance.now();
  }

  /** The entry of a collection, moved to the recent end. */
  #entry(gun: string): Entry {
    const known = this.#entries.get(gun);
    const entry = known ?? newEntry();
    if (known === undefined) this.#bytes += entryBytes;
    else this.#entries.delete(gun);
    this.#entries.set(gun, entry);
    return entry;
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

  #outdate(gun: string, entry: Entry): void {
    this.#drop(gun, entry);
    const earlier = entry.view === undefined ? entry.earlier : filesOf(entry, entry.view);
    if (earlier.size === 0 || !this.#revisions.isShared) return;
    const next = newEntry(earlier);
    this.#entries.set(gun, next);
    this.#bytes += entryBytes;
    this.#grow(
      gun,
      next,
      [...earlier.values()].reduce((sum, file) => sum + weight(file), 0),
    );
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

/** The files a view leads to, as far as they are in memory. */
function filesOf({ files }: Entry, { snapshot, meta }: CollectionView): ReadonlyMap<string, StoredFile> {
  const names = [`snapshot.${snapshot?.sha256}`];
  for (const [role, { hashes }] of meta) names.push(`${role}.${encodeHex(hashes.get("sha256") ?? new Uint8Array())}`);
  return new Map([...files].filter(([name]) => names.includes(name)));
}

function newEntry(earlier: Entry["earlier"] = new Map()): Entry {
  return {
    revision: undefined,
    question: 0,
    timestamp: undefined,
    checkedAt: -Infinity,
    files: new Map(),
    earlier,
    bytes: entryBytes,
  };
}

/** Whether the view is the whole one with this timestamp; true when the current one is unknown. */
function isWith(timestamp: string | undefined, view: CollectionView | undefined): boolean {
  return timestamp === undefined || (view?.timestamp.sha256 === timestamp && view.snapshot !== undefined);
}

/** A file may be kept three times: as it is, and compressed in two ways, which each leave less than half of it. */
function weight(file: StoredFile | undefined): number {
  return file === undefined ? 0 : file.bytes.length * 2 + 512;
}
