/**
 * Reads bundles entry by entry, each bounded and compared with its index, and collection by collection, each verified as a client would and compared
 * with the stored one. A refused collection does not stop the others; a damaged bundle ends the import.
 */

import { sha256Hex } from "../crypto/sha256.ts";
import { hasCode, MetadataError } from "../errors.ts";
import type { MetadataSource } from "../tuf/updater.ts";
import type { MetadataStore } from "../server/storage/metadata-store.ts";
import type { StoredFile } from "../server/storage/stored-file.ts";
import { adoptCollection } from "./adoption.ts";
import { BundleEntries } from "./bundle-entries.ts";
import {
  type BundleFile,
  bundleHeaderName,
  type BundleIndex,
  fileName,
  indexName,
  malformedBundle,
  maxIndexBytes,
  parseHeader,
  parseIndex,
} from "./bundle-format.ts";
import { type VerifiedCollection, verifyCollection } from "../tuf/collection-verification.ts";
import { HistoryJudge } from "./history-judge.ts";
import { type CollectionReport, type MoveProblem, problemOf } from "./move-report.ts";

/** What to import, and the target store. */
export interface BundleImport {
  readonly path: string;
  readonly store: MetadataStore;
  readonly now: Date;
  readonly onCollection?: (report: CollectionReport) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of one collection's current files, which are held in memory together. */
const maxCurrentBytes = 512 * 1024 * 1024;
const historyBatchBytes = 16 * 1024 * 1024;

/**
 * Imports a bundle.
 *
 * @throws MetadataError `BUNDLE_MALFORMED`; collections before the damage are then imported
 * @throws UsageError `FILE_UNREADABLE`
 * @throws TagsealError `STORAGE_FAILED`, `CANCELLED`
 */
export async function importBundle(bundle: BundleImport): Promise<readonly CollectionReport[]> {
  const entries = new BundleEntries(bundle.path);
  const reports: CollectionReport[] = [];
  try {
    for (const gun of parseHeader(await entries.read(bundleHeaderName, maxIndexBytes))) {
      bundle.signal?.throwIfAborted();
      const index = parseIndex(gun, await entries.read(indexName(gun), maxIndexBytes));
      const report = await new CollectionImport(gun, index, bundle, entries).run();
      reports.push(report);
      bundle.onCollection?.(report);
    }
    await entries.end();
  } finally {
    entries.close();
  }
  return reports;
}

class CollectionImport {
  readonly #gun: string;
  readonly #index: BundleIndex;
  readonly #bundle: BundleImport;
  readonly #entries: BundleEntries;
  readonly #problems: MoveProblem[] = [];

  constructor(gun: string, index: BundleIndex, bundle: BundleImport, entries: BundleEntries) {
    this.#gun = gun;
    this.#index = index;
    this.#bundle = bundle;
    this.#entries = entries;
  }

  async run(): Promise<CollectionReport> {
    const current = await this.#readCurrent();
    const gun = this.#gun;
    try {
      const collection = await verifyCollection({ gun, source: bundledSource(gun, current), now: this.#bundle.now });
      requireNoOther(collection, this.#index);
      const adopted = await adoptCollection(this.#bundle.store, collection, { now: this.#bundle.now });
      const restored = await this.#readHistory(new HistoryJudge(collection));
      const files = this.#index.current.length + this.#index.history.length;
      return { gun, files, added: adopted + restored, warnings: collection.warnings, problems: this.#problems };
    } catch (error) {
      if (hasCode(error, "STORAGE_FAILED", "BUNDLE_MALFORMED")) throw error;
      this.#problems.push(problemOf(error));
      await this.#skipHistory();
      return { gun, files: 0, added: 0, warnings: [], problems: this.#problems };
    }
  }

  async #readCurrent(): Promise<ReadonlyMap<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>();
    let bytes = 0;
    for (const file of this.#index.current) {
      bytes += file.length;
      if (bytes > maxCurrentBytes) throw malformedBundle(`${this.#gun} has more than ${maxCurrentBytes} bytes`);
      files.set(fileName(this.#gun, file), await this.#read(file));
    }
    return files;
  }

  /** After the current files are stored, no history file can replace them: all are older. */
  async #readHistory(judge: HistoryJudge): Promise<number> {
    let batch: StoredFile[] = [];
    let [bytes, count] = [0, 0];
    const store = async (): Promise<void> => {
      await this.#bundle.store.restore(this.#gun, batch);
      count += batch.length;
      [batch, bytes] = [[], 0];
    };
    for (const file of this.#index.history) {
      const content = await this.#read(file);
      if (!this.#isSound(judge, file, content)) continue;
      batch.push({ ...file, bytes: content, createdAt: this.#bundle.now });
      bytes += content.length;
      if (bytes >= historyBatchBytes) await store();
    }
    if (batch.length > 0) await store();
    return count;
  }

  #isSound(judge: HistoryJudge, file: BundleFile, content: Uint8Array): boolean {
    try {
      judge.accept(file, content);
      return true;
    } catch (error) {
      this.#problems.push(problemOf(error, `${file.role} ${file.version} was not imported`));
      return false;
    }
  }

  async #skipHistory(): Promise<void> {
    for (const file of this.#index.history) await this.#read(file);
  }

  async #read(file: BundleFile): Promise<Uint8Array> {
    const name = fileName(this.#gun, file);
    const bytes = await this.#entries.read(name, file.length);
    if (sha256Hex(bytes) === file.sha256) return bytes;
    throw malformedBundle(
      `${name} is not what its index says: it has ${bytes.length} bytes and the SHA-256 ${sha256Hex(bytes)}`,
    );
  }
}

/** Only verified files may become current. */
function requireNoOther({ gun, files }: VerifiedCollection, { current }: BundleIndex): void {
  const verified = new Set(files.map((file) => fileName(gun, file)));
  const other = current.find((file) => !verified.has(fileName(gun, file)));
  if (other === undefined) return;
  throw new MetadataError(
    "METADATA_ROLE_UNKNOWN",
    `${other.role} ${other.version} is in the bundle as current, and nothing signed names it`,
  );
}

/** The current files of a bundle, read as a client reads a server. */
function bundledSource(gun: string, files: ReadonlyMap<string, Uint8Array>): MetadataSource {
  const prefix = `${gun}/_trust/tuf/`;
  const byName = new Map<string, Uint8Array>();
  for (const [name, bytes] of files) {
    const [, version = "", role = ""] = /^(\d+)\.(.+)\.json$/u.exec(name.slice(prefix.length)) ?? [];
    byName.set(`${version}.${role}`, bytes);
    byName.set(`${role}.${sha256Hex(bytes)}`, bytes);
    byName.set(role, bytes); // roots come oldest first: the newest wins
  }
  return {
    async fetch(name, maxBytes) {
      const bytes = byName.get(name);
      if (bytes === undefined) throw new MetadataError("METADATA_MISSING", `${name} of ${gun} is not in the bundle`);
      if (bytes.length <= maxBytes) return bytes;
      throw new MetadataError("TOO_LARGE", `${name} of ${gun} has ${bytes.length} bytes, more than ${maxBytes}`);
    },
  };
}
