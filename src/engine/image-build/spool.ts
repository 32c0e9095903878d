/** Build contexts that arrive as a stream: kept in a private file until their kind is known. */
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { hasCode } from "../../errors.ts";
import { type Compression, compressionOf, decompressed } from "../../registry/decompression.ts";
import type { PrivateDirectory } from "./private-directory.ts";
import { DockerfileRefused } from "./refused.ts";

/** Bounds the disk space that a URL, or a small compressed file, can use. */
const maxBytes = 16 * 1024 ** 3;

/** The kind of a stream's content. */
export interface Spooled {
  /** uncompressed */
  readonly file: string;
  readonly kind: "archive" | "text";
}

/**
 * Keeps a stream in a file, uncompressed, and distinguishes an archive from a Dockerfile as docker does.
 *
 * @param name for messages
 * @throws UsageError `DOCKERFILE_REFUSED` for broken data, and beyond the bound; `USAGE` when the program that unpacks it is missing
 */
export async function spool(
  input: AsyncIterable<Uint8Array>,
  directory: PrivateDirectory,
  name: string,
): Promise<Spooled> {
  const file = join(directory.path(), "context");
  await pipeline(bounded(input, name), createWriteStream(file, { mode: 0o600, flags: "wx" }));
  const start = await readStart(file);
  const compression = compressionOf(start);
  if (compression !== "none") return { file: await unpacked(file, compression, name), kind: "archive" };
  return { file, kind: isTarHeader(start) ? "archive" : "text" };
}

async function* bounded(input: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of input) {
    length += chunk.length;
    if (length > maxBytes) throw new DockerfileRefused(`${name} has more than ${maxBytes} bytes`);
    yield chunk;
  }
}

/** Unpacked here although the engine could do it: so it gets exactly what was read. */
async function unpacked(file: string, compression: Compression, name: string): Promise<string> {
  const target = `${file}.tar`;
  const output = createWriteStream(target, { mode: 0o600, flags: "wx" });
  try {
    const stream = decompressed(createReadStream(file), compression, name);
    await pipeline(Readable.from(bounded(stream, name)), output);
  } catch (error) {
    if (hasCode(error, "IMAGE_MALFORMED")) throw new DockerfileRefused(error.message);
    throw error;
  }
  return target;
}

async function readStart(file: string): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Whether Go takes a block for the header of a tar archive: it accepts checksums of signed and of unsigned bytes. */
function isTarHeader(block: Buffer): boolean {
  if (block.length < 512 || block.every((byte) => byte === 0)) return false;
  const stored =
    block
      .toString("latin1", 148, 156)
      .replaceAll(/^[ \0]+|[ \0]+$/g, "")
      .split("\0", 1)[0] ?? "";
  if (!/^[0-7]+$/.test(stored)) return false;
  let [unsigned, signed] = [8 * 0x20, 8 * 0x20];
  for (const [index, byte] of block.entries()) {
    if (index >= 148 && index < 156) continue;
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 0x100;
  }
  return [unsigned, signed].includes(Number.parseInt(stored, 8));
}
