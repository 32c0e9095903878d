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
import type { RoleName } from "../../tuf/metadata.ts";
import { type CachedCollection, CollectionCache, isEmpty } from "./collection-cache.ts";
import { CollectionRevisions, type RevisionAnswer } from "./collection-revisions.ts";
import { type CollectionView, isWith, loadView } from "./collection-view.ts";
import type { Fault } from "../../service/faults.ts";
import { faultOf } from "../../service/probe.ts";
import type { ServerLog } from "../../service/log.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { StoredFile } from "../storage/stored-file.ts";

/** What a request sees of a collection. */
export type Reading =
  | { readonly freshness: "current"; readonly view: CollectionView }
  | { readonly freshness: "absent" | "unknown" };

/** How often a view is read again because the collection changed since the answer. */
const maxReadings = 5;

/** No collection has this name. */
const noGun = "";

/** Larger collections are read from the database file by file, on request. */
const maxBytesAhead = 1_048_576;

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
  readonly #maxAgeMs: number;
  readonly #revisions: CollectionRevisions;
  readonly #cache: CollectionCache;

  constructor(store: MetadataStore, { maxBytes, maxAgeMs = 0, log }: ReaderOptions) {
    this.#store = store;
    this.#cache = new CollectionCache(maxBytes);
    this.#maxAgeMs = maxAgeMs;
    this.#revisions = new CollectionRevisions(store, log);
  }

  get counts(): ReaderCounts {
    const { asked: checks, isLost } = this.#revisions;
    return { ...this.#cache.counts, checks, isLost };
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
    const entry = this.#cache.entry(gun);
    this.#cache.count(entry.view !== undefined);
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
    const entry = this.#cache.find(gun);
    if (entry !== undefined) this.#cache.outdate(gun, entry, this.#revisions.isShared);
  }

  /** Call this after a deletion: as {@link outdate}, and nothing stays in memory. */
  forget(gun: string): void {
    const entry = this.#cache.find(gun);
    if (entry !== undefined) this.#cache.drop(gun, entry);
  }

  async #file(gun: string, name: string, load: () => Promise<StoredFile | undefined>): Promise<StoredFile | undefined> {
    const entry = this.#cache.entry(gun);
    const known = entry.files.get(name) ?? entry.earlier.get(name);
    this.#cache.count(known !== undefined);
    if (known !== undefined) return known;
    const file = await load();
    if (file === undefined) {
      if (isEmpty(entry)) this.#cache.drop(gun, entry);
      return undefined;
    }
    this.#cache.add(gun, entry, name, file);
    return file;
  }

  async #fillView(gun: string, entry: CachedCollection): Promise<CollectionView | undefined> {
    try {
      const view = await loadView(this.#store, gun);
      if (view === undefined) {
        this.#cache.drop(gun, entry);
        return undefined;
      }
      if (this.#revisions.isShared) await this.#loadNamed(gun, view);
      entry.view = view;
      if (!isWith(entry.timestamp, view)) {
        // It has changed since the answer: usable for this request only.
        entry.revision = undefined;
        entry.checkedAt = -Infinity;
      }
      this.#cache.grow(gun, entry, [view.timestamp, view.snapshot]);
      return view;
    } catch (error) {
      this.#cache.outdate(gun, entry, this.#revisions.isShared);
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

  #ask(gun: string, maxAgeMs: number): Answer | Promise<Answer> {
    const entry = this.#cache.find(gun);
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
    const known = this.#cache.find(gun);
    if (known !== undefined && known.question > question) return;
    if (known !== undefined && known.revision !== revision) this.#cache.outdate(gun, known, this.#revisions.isShared);
    const entry = this.#cache.entry(gun);
    entry.revision = revision;
    entry.question = question;
    entry.timestamp = timestamp;
    entry.checkedAt = performance.now();
  }
}
