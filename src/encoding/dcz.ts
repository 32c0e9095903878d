/**
 * The content coding `dcz`: a file as one zstd frame that refers to another version of it, the dictionary. Who has that version gets a
 * new one of any size for about the size of the change. Compression is the runtime's; this is the form around it and the bounds.
 *
 * Nothing here makes content trustworthy: what was decoded is checked like any other file.
 *
 * @see RFC 9842 §5, RFC 8878
 */

import type { ZstdOptions } from "node:zlib";
import { EncodingError } from "../errors.ts";
import { zstdFrameOf } from "./zstd-frame.ts";

/** Below this, a file and its header lines cost about as much as the difference. Bytes. */
export const minDictionaryBytes = 4096;

const headerBytes = 40;
const magicNumber = Buffer.from("5e2a4d1820000000", "hex");
const mebibyte = 1024 * 1024;
/** the largest window of the coding, and of zstd without special arrangements */
const maxWindowBytes = 128 * mebibyte;
/** From about here, level 9 finds only a part of what a dictionary has, and lower levels nothing. */
const largeBytes = 6 * mebibyte;

/** A window that every decoder of the coding has, for a dictionary of this length. RFC 9842 §5. */
export function commonWindowBytes(dictionaryBytes: number): number {
  return Math.min(maxWindowBytes, Math.max(8 * mebibyte, Math.floor(1.25 * dictionaryBytes)));
}

/** True when the coding can be used for content of this length. */
export function isWithinDcz(contentBytes: number): boolean {
  return contentBytes <= maxWindowBytes;
}

let isSupported: Promise<boolean> | undefined;

/** Whether this runtime really uses dictionaries: some versions of Node.js 24 have zstd and ignore the option. */
export function supportsDcz(): Promise<boolean> {
  return (isSupported ??= tryOut());
}

async function tryOut(): Promise<boolean> {
  const dictionary = Buffer.from("what a runtime without dictionaries cannot know, ".repeat(4));
  const content = Buffer.concat([dictionary, Buffer.from("and a change")]);
  try {
    const coded = await encodeDcz(content, dictionary, Buffer.alloc(32));
    return coded.length < content.length / 2 && content.equals(await decodeDcz(coded, dictionary, content.length));
  } catch {
    // Whatever a runtime makes of it, it is of no use then: every file also comes without the coding.
    return false;
  }
}

/**
 * Encodes content, on another thread.
 *
 * @param dictionary another version of the content
 * @param hash the dictionary's SHA-256
 */
export async function encodeDcz(content: Uint8Array, dictionary: Uint8Array, hash: Uint8Array): Promise<Buffer> {
  const { constants, zstdCompress } = await import("node:zlib");
  const bytes = content.length + dictionary.length;
  const params = {
    [constants.ZSTD_c_compressionLevel]: content.length > largeBytes ? 10 : 9,
    [constants.ZSTD_c_windowLog]: Math.min(27, Math.max(10, Math.ceil(Math.log2(bytes)))),
    [constants.ZSTD_c_checksumFlag]: 1,
  };
  // With the length given, the frame says it, and its window is exactly the content.
  const options: ZstdOptions = { dictionary, params, pledgedSrcSize: content.length };
  const frame = await new Promise<Buffer>((resolve, reject) => {
    zstdCompress(content, options, (error, made) => (error === null ? resolve(made) : reject(error)));
  });
  return Buffer.concat([magicNumber, hash, frame]);
}

/** What is known of encoded content before it is decoded. */
export interface DczHeader {
  /** SHA-256 of the dictionary, lower-case hex */
  readonly dictionary: string;
  /** length of the content as declared; undefined when it is not */
  readonly contentBytes: number | undefined;
}

/** Reads what encoded content says of itself. @throws EncodingError `DCZ_MALFORMED` */
export function dczHeader(coded: Uint8Array): DczHeader {
  return { dictionary: Buffer.from(coded.subarray(8, headerBytes)).toString("hex"), ...frameIn(coded) };
}

/**
 * Decodes content, on another thread. A declared length beyond the bound is refused before anything is decoded.
 *
 * @param dictionary the bytes with the hash that {@link dczHeader} shows: the caller has compared
 * @throws EncodingError `DCZ_MALFORMED` for anything but exactly one whole frame; `TOO_LARGE` beyond `maxBytes`
 */
export async function decodeDcz(coded: Uint8Array, dictionary: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const { contentBytes, windowBytes } = frameIn(coded);
  if (contentBytes !== undefined && contentBytes > maxBytes) throw tooLarge(maxBytes);
  if (windowBytes > Math.max(commonWindowBytes(dictionary.length), Math.min(maxBytes, maxWindowBytes)))
    throw malformed("its window is too large");
  const frame = coded.subarray(headerBytes);
  const { content, usedBytes } = await decoded(frame, dictionary, contentBytes ?? maxBytes);
  // Runtimes differ in what they make of cut-off frames and of bytes behind a frame.
  if (usedBytes !== frame.length) throw malformed("something follows its frame");
  if (contentBytes !== undefined && content.length !== contentBytes)
    throw malformed("it is not as long as it declares");
  return content;
}

function frameIn(coded: Uint8Array): { readonly windowBytes: number; readonly contentBytes: number | undefined } {
  if (!magicNumber.equals(coded.subarray(0, magicNumber.length))) throw malformed("its header is missing");
  const frame = zstdFrameOf(coded.subarray(headerBytes));
  if (frame === undefined) throw malformed("its header is not followed by a frame");
  return frame;
}

interface Decoded {
  readonly content: Uint8Array;
  readonly usedBytes: number;
}

async function decoded(frame: Uint8Array, dictionary: Uint8Array, maxBytes: number): Promise<Decoded> {
  const { zstdDecompress } = await import("node:zlib");
  // No content is a frame, too, and a limit of nothing is not taken.
  const options = { dictionary, info: true, maxOutputLength: Math.max(1, maxBytes) };
  return await new Promise((resolve, reject) => {
    zstdDecompress(frame, options, (error, made: unknown) => {
      if (error !== null) return reject(refusal(error, maxBytes));
      return resolve(decodedIn(made));
    });
  });
}

/** With `info`, which the types do not know, the result has the decoder beside the bytes. */
function decodedIn(made: unknown): Decoded {
  const { buffer, engine } = made as {
    readonly buffer: Uint8Array;
    readonly engine: { readonly bytesWritten: number };
  };
  return { content: buffer, usedBytes: engine.bytesWritten };
}

function refusal(error: Error, maxBytes: number): EncodingError {
  const isTooLarge = "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
  return isTooLarge ? tooLarge(maxBytes, error) : malformed("it cannot be decoded with this dictionary", error);
}

function malformed(reason: string, cause?: Error): EncodingError {
  return new EncodingError("DCZ_MALFORMED", `the content is not in the coding dcz: ${reason}`, { cause });
}

function tooLarge(maxBytes: number, cause?: Error): EncodingError {
  return new EncodingError("TOO_LARGE", `the decoded content has more than the ${maxBytes} bytes allowed there`, {
    cause,
  });
}
