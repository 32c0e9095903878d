/** Decompresses streams: gzip and zstd here, bzip2 and xz with the programs of these names, as docker does. */
import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { UsageError } from "../errors.ts";
import { malformed } from "./manifest.ts";

/** How bytes are compressed. */
export type Compression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

/** How many of the first bytes {@link compressionOf} needs. */
export const magicBytes = 6;

/** Recognises a compression by its first bytes. @see RFC 1952 §2.3.1, RFC 8878 §3.1.1 */
export function compressionOf(start: Uint8Array): Compression {
  const magic = Buffer.from(start.subarray(0, magicBytes)).toString("hex");
  if (magic.startsWith("1f8b")) return "gzip";
  // a skippable frame may come first
  if (magic.startsWith("28b52ffd") || /^5.2a4d18/.test(magic)) return "zstd";
  if (magic.startsWith("425a68")) return "bzip2";
  return magic === "fd377a585a00" ? "xz" : "none";
}

/**
 * Decompresses a stream.
 *
 * @param what the name of the stream, for messages
 * @throws NetworkError `IMAGE_MALFORMED` when it is broken; UsageError `USAGE` when the program for it is not installed
 */
export function decompressed(
  packed: AsyncIterable<Uint8Array>,
  compression: Compression,
  what: string,
): AsyncIterable<Uint8Array> {
  if (compression === "none") return packed;
  if (compression === "gzip") return unpackedBy(createGunzip(), packed, compression, what);
  if (compression === "zstd") return unpackedBy(createZstdDecompress(), packed, compression, what);
  return throughProgram(compression, packed, what);
}

async function* unpackedBy(
  unpacker: ReturnType<typeof createGunzip>,
  packed: AsyncIterable<Uint8Array>,
  compression: Compression,
  what: string,
): AsyncGenerator<Uint8Array, void> {
  const source = Readable.from(packed);
  // a source that fails must fail the reader, not leave it waiting
  source.once("error", (error) => unpacker.destroy(error));
  const unpacked: AsyncIterable<Uint8Array> = source.pipe(unpacker);
  try {
    yield* unpacked;
  } catch (error) {
    if (error instanceof Error && "code" in error && /^(?:Z_|ZSTD_)/.test(String(error.code)))
      throw malformed(`${what} is broken ${compression}`);
    throw error;
  } finally {
    source.destroy();
  }
}

async function* throughProgram(
  program: "bzip2" | "xz",
  packed: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array, void> {
  // an empty environment: the program is found in the system's directories, and must not see secrets (I6)
  const child = spawn(program, ["-dc"], { stdio: ["pipe", "pipe", "ignore"], env: {} });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  // awaited below; until then a failure must not count as unhandled
  ended.catch(() => undefined);
  const source = Readable.from(packed);
  source.once("error", (error) => child.stdout.destroy(error));
  // a program that ends early says so by its exit code
  child.stdin.on("error", () => source.destroy());
  source.pipe(child.stdin);
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    if ((await ended) !== 0) throw malformed(`${what} is broken ${program}`);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    throw new UsageError("USAGE", `${what} is packed with ${program}, which is not installed here`, {
      hint: `Install ${program}, or unpack it first: ${program} -d ${what}`,
    });
  } finally {
    source.destroy();
    child.kill();
  }
}
