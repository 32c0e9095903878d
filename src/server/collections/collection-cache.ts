/** The memory of the reader: the collections used last, up to a number of bytes. It decides nothing about what is current. */

import { encodeHex } from "../../encoding/hex.ts";
import { maxBytesAsTheyAre } from "../../http/server/content-coding.ts";
import type { CollectionView } from "./collection-view.ts";
import type { StoredFile } from "../storage/stored-file.ts";

/** What is in memory of one collection. */
export interface CachedCollection {
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
  /** the entry that took the place of this one, which still is used by requests that began before */
  successor?: CachedCollection;
  /** estimated memory of the entry */
  bytes: number;
}

/** size of an entry without files */
const entryBytes = 2048;

/** Keeps entries, and counts how often they were of use. */
export class CollectionCache {
  readonly #maxBytes: number;
  readonly #entries = new Map<string, CachedCollection>();
  /** at the recent end, if it is still here */
  #newest: CachedCollection | undefined;
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Counts for the metrics. */
  get counts(): { readonly hits: number; readonly misses: number; readonly bytes: number } {
    return { hits: this.#hits, misses: this.#misses, bytes: this.#bytes };
  }

  /** Counts a use: whether memory had what was wanted. */
  count(hit: boolean): void {
    if (hit) this.#hits += 1;
    else this.#misses += 1;
  }

  /** The entry of a collection; undefined when it has none. */
  find(gun: string): CachedCollection | undefined {
    return this.#entries.get(gun);
  }

  /** The entry of a collection, new when it has none, moved to the recent end. */
  entry(gun: string): CachedCollection {
    const known = this.#entries.get(gun);
    if (known !== undefined && known === this.#newest) return known;
    const entry = known ?? newEntry();
    if (known === undefined) this.#bytes += entryBytes;
    else this.#entries.delete(gun);
    this.#entries.set(gun, entry);
    this.#newest = entry;
    return entry;
  }

  /** Call this after adding files to an entry: the oldest entries make room. An entry that was dropped meanwhile counts no more. */
  grow(gun: string, entry: CachedCollection, files: Iterable<StoredFile | undefined>): void {
    if (this.#entries.get(gun) !== entry) return;
    const bytes = [...files].reduce((sum, file) => sum + weight(file), 0);
    entry.bytes += bytes;
    this.#bytes += bytes;
    for (const [oldest, dropped] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return;
      this.drop(oldest, dropped);
    }
  }

  /**
   * Drops an entry, unless the collection has another one by now. With `keepsEarlier`, the files that its view leads to stay, for clients that
   * received its timestamp. Without a view, all stay: a view that was being read when the entry was made may still be served.
   */
  outdate(gun: string, entry: CachedCollection, keepsEarlier: boolean): void {
    if (this.#entries.get(gun) !== entry) return;
    this.drop(gun, entry);
    const earlier = entry.view === undefined ? new Map([...entry.earlier, ...entry.files]) : filesOf(entry, entry.view);
    if (!keepsEarlier || (earlier.size === 0 && entry.loading === undefined)) return;
    const next = newEntry(earlier);
    entry.successor = next;
    this.#entries.set(gun, next);
    this.#newest = next;
    this.#bytes += entryBytes;
    this.grow(gun, next, earlier.values());
  }

  /** Adds a file that was read for an entry: to the entry that is in its place now. */
  add(gun: string, entry: CachedCollection, name: string, file: StoredFile): void {
    let latest = entry;
    while (latest.successor !== undefined) latest = latest.successor;
    latest.files.set(name, file);
    this.grow(gun, latest, [file]);
  }

  /** Drops an entry, unless the collection has another one by now. */
  drop(gun: string, entry: CachedCollection): void {
    if (this.#entries.get(gun) !== entry) return;
    this.#entries.delete(gun);
    this.#bytes -= entry.bytes;
  }
}

/** True when nothing is in memory, and nothing is on its way. */
export function isEmpty({ view, loading, files, earlier }: CachedCollection): boolean {
  return view === undefined && loading === undefined && files.size === 0 && earlier.size === 0;
}

/** The files a view leads to, as far as they are in memory. */
function filesOf({ files }: CachedCollection, { snapshot, meta }: CollectionView): ReadonlyMap<string, StoredFile> {
  const names = [`snapshot.${snapshot?.sha256}`];
  for (const [role, { hashes }] of meta) names.push(`${role}.${encodeHex(hashes.get("sha256") ?? new Uint8Array())}`);
  return new Map([...files].filter(([name]) => names.includes(name)));
}

function newEntry(earlier: CachedCollection["earlier"] = new Map()): CachedCollection {
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

/** A file that is not small may be kept three times: as it is, and compressed in two ways, which each leave less than half of it. */
function weight(file: StoredFile | undefined): number {
  if (file === undefined) return 0;
  const { length } = file.bytes;
  return (length > maxBytesAsTheyAre ? length * 2 : length) + 512;
}
