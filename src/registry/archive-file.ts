/** Archive files in any form: plain or compressed, from a disk or a pipe. A tar archive is read with random access, so it must be a plain file. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addAbortSignal, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { cancelled, systemCode, UsageError } from "../errors.ts";
import { type Compression, compressionOf, decompressed, magicBytes } from "./decompression.ts";
import { streamRange, unreadable, unwritable } from "./file-content.ts";
import { malformed } from "./manifest.ts";

/** An archive to be read. */
export interface ArchiveInput {
  /** its path; only for messages if there is a stream */
  readonly file: string;
  /** its bytes, if they do not come from a file: standard input */
  readonly stream?: Readable | undefined;
  readonly signal?: AbortSignal;
}

/** A plain file with an uncompressed archive. */
export interface SeekableArchive {
  readonly path: string;
  /** removes it if it is a temporary copy */
  readonly remove: () => Promise<void>;
}

/** Images shrink to about a tenth; an archive that grows by more than this factor is made to fill the disk. */
const maxExpansion = 100;
const minUnpackedBound = 1024 ** 3;
/** No image is larger; an endless pipe is. */
const maxStreamBytes = 256 * 1024 ** 3;

/**
 * Opens an archive for random access: the file itself, or a temporary uncompressed copy.
 *
 * @throws UsageError `FILE_UNREADABLE`, `FILE_UNWRITABLE` (the temporary copy), `USAGE` (a program to unpack it is missing); NetworkError
 *   `IMAGE_MALFORMED` for a broken or oversized one; TagsealError `CANCELLED`
 */
export async function seekableArchive(input: ArchiveInput): Promise<SeekableArchive> {
  const { file, stream } = input;
  if (stream !== undefined) return await copied(stream, input);
  const found = await stat(file).catch((error: unknown) => {
    throw unreadable(file, systemCode(error) === "ENOENT" ? undefined : error);
  });
  if (found.isDirectory()) {
    throw new UsageError("FILE_UNREADABLE", `cannot read ${file}: it is a directory`, {
      hint: `Name an image in a directory with: oci:${file}`,
    });
  }
  // pipes are read once, from the front
  if (!found.isFile()) return await copied(createReadStream(file), input);
  const start: number[] = [];
  for await (const chunk of streamRange(file, 0, magicBytes)) start.push(...chunk);
  if (compressionOf(Buffer.from(start)) === "none") return { path: file, remove: () => Promise.resolve() };
  return await copied(streamRange(file, 0, found.size), input);
}

async function copied(bytes: AsyncIterable<Uint8Array>, { file, signal }: ArchiveInput): Promise<SeekableArchive> {
  const directory = await mkdtemp(join(tmpdir(), "tagseal-archive-"));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  const path = join(directory, "image.tar");
  try {
    // waiting for a pipe without a writer ends when the caller cancels
    if (signal !== undefined && bytes instanceof Readable) addAbortSignal(signal, bytes);
    await pipeline(unpacked(bytes, file), createWriteStream(path, { mode: 0o600 }));
    return { path, remove };
  } catch (error) {
    await remove();
    if (signal?.aborted === true) throw cancelled(signal);
    if (["ENOSPC", "EDQUOT", "EFBIG", "EROFS"].includes(systemCode(error))) throw unwritable(path, error);
    throw error instanceof Error && "syscall" in error ? unreadable(file, error) : error;
  }
}

/** The uncompressed bytes, at most as many as an honest archive of this size has. */
async function* unpacked(bytes: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array, void> {
  const reading = new CountedReading(bytes);
  const compression: Compression = compressionOf(await reading.start());
  let length = 0;
  for await (const chunk of decompressed(reading.rest(), compression, file)) {
    length += chunk.length;
    const bound = compression === "none" ? maxStreamBytes : Math.max(minUnpackedBound, maxExpansion * reading.bytes);
    if (length > bound) throw malformed(`${file} unpacks to more than ${bound} bytes`);
    yield chunk;
  }
}

/** A stream whose first bytes can be inspected before it is read, and which counts the bytes read. */
class CountedReading {
  bytes = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #peeked: Uint8Array[] = [];

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The first bytes, fewer only at the end of the stream. */
  async start(): Promise<Uint8Array> {
    let length = 0;
    while (length < magicBytes) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      this.#peeked.push(next.value);
      length += next.value.length;
    }
    return Buffer.concat(this.#peeked);
  }

  /** All bytes, from the first one. */
  async *rest(): AsyncGenerator<Uint8Array, void> {
    try {
      for (const chunk of this.#peeked) yield this.#counted(chunk);
      for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next())
        yield this.#counted(next.value);
    } finally {
      await this.#chunks.return?.();
    }
  }

  #counted(chunk: Uint8Array): Uint8Array {
    this.bytes += chunk.length;
    return chunk;
  }
}
