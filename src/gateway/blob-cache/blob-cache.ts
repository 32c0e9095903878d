/** Blobs on the gateway's disk, by digest: each is fetched from its registry once, whatever the number of clients that ask for it. */
import type { FileHandle } from "node:fs/promises";
import { isSystemError } from "../../files/system-error.ts";
import { type BlobPart, withoutFirst } from "../../registry/blob-download.ts";
import type { Descriptor } from "../../registry/manifest.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { Fault } from "../../service/faults.ts";
import { faultOf } from "../../service/probe.ts";
import { ArrivingBlob, EveryReaderHasGone, type VerifiedSource } from "./arriving-blob.ts";
import { BlobFiles, type IncomingFile } from "./blob-files.ts";
import { filePieces, isBlobFile } from "./file-pieces.ts";

/** Where the cache is, and how large it may become. */
export interface BlobCacheSettings {
  readonly directory: string;
  /** bytes of all files together */
  readonly maxBytes: number;
}

/** The registry of one request. */
export interface BlobOrigin {
  /** the whole blob, verified, from the registry */
  readonly whole: VerifiedSource;
  /** the part that is asked for, from the registry */
  readonly part: () => AsyncIterable<Uint8Array>;
  /** rejects unless the repository that is asked has the blob: what another repository has is not for everyone to see */
  readonly requireThere: () => Promise<void>;
}

/** After an error of the disk blobs are passed on without it for so long. */
const restMs = 60_000;

/** See the top of this file. */
export class BlobCache {
  readonly #files: BlobFiles;
  readonly #log: ServerLog;
  readonly #arriving = new Map<string, Promise<ArrivingBlob | undefined>>();
  readonly #filling = new Set<Promise<void>>();
  #failed: { readonly until: number; readonly error: unknown } | undefined;
  /** requests by what became of them, for the metrics */
  readonly counts = { hit: 0, joined: 0, miss: 0, passed: 0 };

  private constructor(files: BlobFiles, log: ServerLog) {
    this.#files = files;
    this.#log = log;
  }

  /** Opens or makes a cache. @throws UsageError `FILE_UNWRITABLE` */
  static async open({ directory, maxBytes }: BlobCacheSettings, log: ServerLog): Promise<BlobCache> {
    return new BlobCache(await BlobFiles.open(directory, maxBytes, isBlobFile), log);
  }

  /** Bytes of all files, and how many had to go for others. */
  get use(): { readonly bytes: number; readonly evictions: number } {
    return { bytes: this.#files.bytes, evictions: this.#files.evictions };
  }

  /** What is wrong with the disk: then blobs are passed on without it. */
  get fault(): Fault | undefined {
    return this.#isResting ? { ...faultOf(this.#failed?.error), level: "warning" } : undefined;
  }

  /**
   * A blob, or a part of it: from its file, from what arrives now for another client, or from the registry. Where the disk fails midway, the rest comes
   * from the registry. A piece is overwritten when the next is asked for.
   *
   * @throws what the origin throws; pieces that were given before then are not the whole blob
   */
  async *read(blob: Descriptor, part: BlobPart | undefined, origin: BlobOrigin): AsyncGenerator<Uint8Array, void> {
    const direct = part === undefined ? origin.whole : origin.part;
    let sent = 0;
    try {
      for await (const piece of this.#isResting ? this.#passed(direct) : this.#cached(blob, part, origin)) {
        sent += piece.length;
        yield piece;
      }
    } catch (error) {
      if (!isSystemError(error) && !(error instanceof EveryReaderHasGone)) throw error;
      this.#noteFailure(error);
      yield* withoutFirst(sent, direct());
    }
  }

  /** Waits until what arrives has come to its end. */
  async close(): Promise<void> {
    await Promise.all(this.#filling);
  }

  async *#cached(blob: Descriptor, part: BlobPart | undefined, origin: BlobOrigin): AsyncGenerator<Uint8Array, void> {
    const file = await this.#files.find(blob);
    if (file !== undefined) yield* this.#fromFile(file, blob, part, origin);
    else if (part === undefined) yield* this.#arrivingOf(blob, origin);
    else yield* this.#passed(origin.part);
  }

  async *#arrivingOf(blob: Descriptor, origin: BlobOrigin): AsyncGenerator<Uint8Array, void> {
    const joined = this.#arriving.get(keyOf(blob));
    if (joined !== undefined) await origin.requireThere();
    const isOver = this.#arriving.get(keyOf(blob)) !== joined;
    const arriving = isOver ? undefined : await (joined ?? this.#begin(blob, origin.whole));
    if (arriving !== undefined) this.counts[joined === undefined ? "miss" : "joined"] += 1;
    if (arriving !== undefined) yield* arriving.read();
    else if (isOver) yield* this.#cached(blob, undefined, origin);
    else yield* this.#passed(origin.whole);
  }

  /** A file that cannot be read is removed: it would fail again. */
  async *#fromFile(
    file: FileHandle,
    blob: Descriptor,
    part: BlobPart | undefined,
    origin: BlobOrigin,
  ): AsyncGenerator<Uint8Array, void> {
    try {
      await origin.requireThere();
      this.counts.hit += 1;
      yield* filePieces(file, part?.first ?? 0, (part?.last ?? blob.size - 1) + 1);
    } catch (error) {
      if (isSystemError(error)) await this.#files.drop(blob.digest);
      throw error;
    } finally {
      await file.close();
    }
  }

  async *#passed(source: VerifiedSource): AsyncGenerator<Uint8Array, void> {
    this.counts.passed += 1;
    yield* source();
  }

  /** Fetches a blob into a file. @returns undefined when there is no room for it */
  async #begin(blob: Descriptor, source: VerifiedSource): Promise<ArrivingBlob | undefined> {
    const beginning = this.#files.incoming(blob.size).then((file) => file && this.#filled(file, blob, source));
    this.#arriving.set(keyOf(blob), beginning);
    const forget = (): unknown => this.#arriving.delete(keyOf(blob));
    beginning.then((arriving) => arriving ?? forget(), forget);
    return await beginning;
  }

  #filled({ file, path }: IncomingFile, blob: Descriptor, source: VerifiedSource): ArrivingBlob {
    const arriving = new ArrivingBlob(file, blob.size);
    const filling = this.#fill(arriving, blob, path, source).finally(() => this.#filling.delete(filling));
    this.#filling.add(filling);
    return arriving;
  }

  /** Never rejects: readers get the failure. */
  async #fill(arriving: ArrivingBlob, blob: Descriptor, path: string, source: VerifiedSource): Promise<void> {
    try {
      await arriving.fill(source);
      await arriving.flush();
      await this.#files.keep(path, blob);
    } catch (error) {
      this.#noteFailure(error);
      await this.#files.discard(path, blob.size).catch((failure: unknown) => this.#noteFailure(failure));
    }
    this.#arriving.delete(keyOf(blob));
    await arriving.close().catch((error: unknown) => this.#noteFailure(error));
  }

  get #isResting(): boolean {
    return this.#failed !== undefined && performance.now() < this.#failed.until;
  }

  /** The registry's failures are not the disk's. */
  #noteFailure(error: unknown): void {
    if (!isSystemError(error)) return;
    if (!this.#isResting) this.#log.write("error", "the blob cache failed", errorFields(error));
    this.#failed = { until: performance.now() + restMs, error };
  }
}

/** One that is listed with another size is another blob until its hash is known. */
function keyOf({ digest, size }: Descriptor): string {
  return `${digest} ${size}`;
}
