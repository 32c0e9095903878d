/** Writes bundles. Every collection is verified before its first byte is written; a bundle appears whole or not at all. */

import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { TagsealError, UsageError } from "../errors.ts";
import type { MetadataSource } from "../tuf/updater.ts";
import type { MetadataStore } from "../server/storage/metadata-store.ts";
import type { FileVersion } from "../server/storage/stored-file.ts";
import {
  type BundleFile,
  bundleHeaderName,
  fileName,
  indexName,
  serialiseHeader,
  serialiseIndex,
} from "./bundle-format.ts";
import { type VerifiedCollection, verifyCollection } from "../tuf/collection-verification.ts";
import type { CollectionReport } from "./move-report.ts";
import { storedSource } from "../server/storage/stored-source.ts";

/** Where collections are exported from. */
export interface BundleSource {
  collection(gun: string): MetadataSource;
  /** older versions of the collection's files, if they are to be included */
  history?(collection: VerifiedCollection): Promise<readonly FileVersion[]>;
}

/** What to export, and the target file. */
export interface BundleExport {
  readonly guns: readonly string[];
  readonly source: BundleSource;
  readonly path: string;
  readonly now: Date;
  readonly onCollection?: (report: CollectionReport) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a bundle.
 *
 * @throws MetadataError when a collection does not verify; TagsealError from the source; UsageError `FILE_UNWRITABLE`
 */
export async function exportBundle({
  guns,
  source,
  path,
  now,
  onCollection,
  signal,
}: BundleExport): Promise<readonly CollectionReport[]> {
  const sorted = [...new Set(guns)].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const writer = new BundleWriter(path);
  const reports: CollectionReport[] = [];
  try {
    await writer.add(bundleHeaderName, serialiseHeader(sorted));
    for (const gun of sorted) {
      signal?.throwIfAborted();
      const report = await exportCollection(writer, gun, source, now);
      reports.push(report);
      onCollection?.(report);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return reports;
}

/** A store to export from. */
export function storedBundleSource(store: MetadataStore, allVersions: boolean): BundleSource {
  const collection = (gun: string): MetadataSource => storedSource(store, gun);
  if (!allVersions) return { collection };
  return { collection, history: async (verified) => historyOf(await store.versions(verified.gun), verified) };
}

/** Versions older than the current one of their role, delegating roles first. */
function historyOf(stored: readonly FileVersion[], { files }: VerifiedCollection): readonly FileVersion[] {
  const current = new Map(files.map(({ role, version }) => [role, version]));
  const older = stored.filter(({ role, version }) => role !== "root" && version < (current.get(role) ?? 0));
  return older.toSorted((a, b) => depth(a.role) - depth(b.role) || compare(a.role, b.role) || a.version - b.version);
}

function depth(role: string): number {
  return role.startsWith("targets") ? role.split("/").length : Number.MAX_SAFE_INTEGER;
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function exportCollection(
  writer: BundleWriter,
  gun: string,
  source: BundleSource,
  now: Date,
): Promise<CollectionReport> {
  const metadata = source.collection(gun);
  const collection = await verifyCollection({ gun, source: metadata, now });
  const current = collection.files.map((file) => ({ ...file, length: file.bytes.length }));
  const history = (await source.history?.(collection)) ?? [];
  await writer.add(indexName(gun), serialiseIndex({ current, history }));
  for (const file of current) await writer.add(fileName(gun, file), file.bytes);
  for (const file of history) await writer.add(fileName(gun, file), await oldFile(metadata, file));
  const files = current.length + history.length;
  return { gun, files, added: files, warnings: collection.warnings, problems: [] };
}

async function oldFile(source: MetadataSource, { role, version, length }: BundleFile): Promise<Uint8Array> {
  return await source.fetch(`${version}.${role}`, length);
}

class BundleWriter {
  readonly #path: string;
  readonly #temporary: string;
  readonly #tar: Pack = pack();
  readonly #written: Promise<void>;

  constructor(path: string) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.${basename(path)}.tagseal-${randomUUID()}`);
    this.#written = pipeline(this.#tar, createWriteStream(this.#temporary, { mode: 0o644, flags: "wx", flush: true }));
    // reported by whichever of add and finish meets it first
    this.#written.catch(() => undefined);
  }

  async add(name: string, bytes: Uint8Array): Promise<void> {
    const added = Promise.withResolvers<void>();
    // always the same bytes for the same content: no clock, no owner
    const header = { name, size: bytes.length, mode: 0o644, mtime: new Date(0) };
    this.#tar.entry(header, Buffer.from(bytes), (error) => (error ? added.reject(error) : added.resolve()));
    await this.#explained(Promise.race([added.promise, this.#written]));
  }

  async finish(): Promise<void> {
    this.#tar.finalize();
    await this.#explained(this.#written);
    await this.#explained(rename(this.#temporary, this.#path));
  }

  async abort(): Promise<void> {
    this.#tar.destroy();
    // the writer has already received the error; only the file must be removed here
    await this.#written.catch(() => undefined);
    await rm(this.#temporary, { force: true });
  }

  async #explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof TagsealError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UsageError("FILE_UNWRITABLE", `Cannot write ${this.#path}: ${reason}`, { cause });
    }
  }
}
