/**
 * The ways to send a blob that registries support: whole in one PUT, streamed in one PATCH, in chunks. Each sends what remains of an upload
 * and completes it, with `offset` at what the registry acknowledged.
 */
import { NetworkError } from "../errors.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import type { RepeatableBody } from "../http/client/http-request.ts";
import type { Descriptor } from "./manifest.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { registryError } from "./registry-error.ts";
import {
  acknowledged,
  commitUpload,
  isSuccess,
  nextLocation,
  type Upload,
  type UploadRequests,
  whereItStands,
} from "./upload-session.ts";

/** A blob that can be read from any offset, as often as needed. */
export interface BlobContent {
  readonly descriptor: Descriptor;
  /** the bytes from `offset` on */
  open(offset: number): AsyncIterable<Uint8Array>;
}

/** What is sent, and who receives the progress. */
export interface Sending {
  readonly content: BlobContent;
  readonly requests: UploadRequests;
  /** called with the number of bytes of the blob that are sent */
  readonly onProgress: ((bytes: number) => void) | undefined;
}

/** One way to send. `chunkBytes` is set for chunks. */
export interface UploadWay {
  readonly kind: "whole" | "streamed" | "chunks";
  readonly chunkBytes?: number;
}

const contentType = { "content-type": "application/octet-stream" };

/** Sends a blob's bytes in one of the ways, from the upload's offset. */
export async function sendBy(way: UploadWay, upload: Upload, sending: Sending): Promise<void> {
  if (way.kind === "whole") return await sendWhole(upload, sending);
  if (way.kind === "streamed") return await sendStreamed(upload, sending);
  return await sendChunks(upload, sending, Math.max(way.chunkBytes ?? 0, upload.minChunkBytes));
}

/** @see OCI distribution-spec 1.1, pushing a blob monolithically, POST then PUT */
async function sendWhole(upload: Upload, sending: Sending): Promise<void> {
  const { content, requests, onProgress } = sending;
  await commitUpload(upload, { headers: contentType, body: wholeBody(sending) }, content.descriptor, requests);
  onProgress?.(content.descriptor.size);
}

/** What docker and skopeo do: one PATCH without a range, and an empty PUT. */
async function sendStreamed(upload: Upload, sending: Sending): Promise<void> {
  const { content, requests, onProgress } = sending;
  const request = { method: "PATCH", url: upload.location, headers: contentType, resend: true } as const;
  const response = await requests.send({ ...request, body: wholeBody(sending) });
  if (!isSuccess(response)) throw await registryError(response, "the bytes of a blob", requests.login);
  response.discard();
  upload.location = nextLocation(response, upload.location);
  await commitUpload(upload, {}, content.descriptor, requests);
  onProgress?.(content.descriptor.size);
}

function wholeBody({ content, onProgress }: Sending): RepeatableBody {
  const { descriptor } = content;
  return { bytes: descriptor.size, open: () => exactly(content.open(0), descriptor, onProgress) };
}

/** The bytes of a source; throws unless there are as many as its descriptor says. */
async function* exactly(
  source: AsyncIterable<Uint8Array>,
  blob: Descriptor,
  onProgress: Sending["onProgress"],
): AsyncGenerator<Uint8Array, void> {
  let sent = 0;
  for await (const chunk of source) {
    if (sent + chunk.length > blob.size) throw otherSize(blob);
    yield chunk;
    sent += chunk.length;
    onProgress?.(sent);
  }
  if (sent !== blob.size) throw otherSize(blob);
}

/** @see OCI distribution-spec 1.1, pushing a blob in chunks */
async function sendChunks(upload: Upload, sending: Sending, chunkBytes: number): Promise<void> {
  const { content, requests, onProgress } = sending;
  const { size } = content.descriptor;
  let last: Uint8Array = new Uint8Array();
  for await (const chunk of inChunks(content.open(upload.offset), chunkBytes)) {
    const end = upload.offset + chunk.length;
    if (end > size) throw otherSize(content.descriptor);
    // the last chunk is sent with the commit
    if (end === size) {
      last = chunk;
      break;
    }
    await sendChunk(upload, chunk, requests);
    onProgress?.(upload.offset);
  }
  if (upload.offset + last.length !== size) throw otherSize(content.descriptor);
  // with a range around the whole blob some registries apply their limit for chunks
  const range = upload.offset === 0 ? {} : rangeOf(last, upload.offset);
  const rest = { headers: { ...contentType, ...range }, body: last };
  await commitUpload(upload, rest, content.descriptor, requests);
  onProgress?.(size);
}

async function sendChunk(upload: Upload, chunk: Uint8Array, requests: UploadRequests): Promise<void> {
  const { offset, location: url } = upload;
  const headers = { ...contentType, ...rangeOf(chunk, offset) };
  const response = await requests.send({ method: "PATCH", url, headers, body: chunk, resend: true });
  const isOutOfRange = response.status === 416;
  if (!isSuccess(response)) {
    const error = await registryError(response, "a chunk of a blob", requests.login);
    const stands = isOutOfRange ? await rangeTold(response, upload, requests) : offset;
    if (stands !== offset) throw new OutOfStep(upload, stands, offset);
    throw error;
  }
  response.discard();
  upload.location = nextLocation(response, url);
  const expected = offset + chunk.length;
  const actual = acknowledged(response) ?? expected;
  if (actual !== expected) throw new OutOfStep(upload, actual, expected);
  upload.offset = actual;
}

/** A 416 concerns the start of a chunk, or its size. */
async function rangeTold(response: HttpResponse, upload: Upload, requests: UploadRequests): Promise<number> {
  return acknowledged(response) ?? (await whereItStands(upload, requests))?.offset ?? upload.offset;
}

function rangeOf(chunk: Uint8Array, offset: number): Readonly<Record<string, string>> {
  return chunk.length === 0 ? {} : { "content-range": `${offset}-${offset + chunk.length - 1}` };
}

/** Joins what a source yields into chunks of exactly `size` bytes, the last one shorter. */
export async function* inChunks(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (let piece of source) {
    while (length + piece.length >= size) {
      const taken = piece.subarray(0, size - length);
      yield parts.length === 0 ? taken : Buffer.concat([...parts, taken], size);
      piece = piece.subarray(taken.length);
      parts = [];
      length = 0;
    }
    if (piece.length > 0) parts.push(piece);
    length += piece.length;
  }
  if (length > 0) yield Buffer.concat(parts, length);
}

function otherSize(blob: Descriptor): NetworkError {
  return new NetworkError(
    "IMAGE_MALFORMED",
    `the blob ${blob.digest} has not the ${blob.size} bytes its descriptor says`,
  );
}

/** The registry has another number of bytes than it was sent: the upload continues from there. */
export class OutOfStep extends NetworkError {
  constructor(upload: Upload, actual: number, expected: number) {
    const where = describeUrl(upload.location);
    super("NETWORK_UNREACHABLE", `${where} has ${actual} bytes of an upload instead of ${expected}`);
    upload.offset = actual;
  }
}
