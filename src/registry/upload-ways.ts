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
  const { content, requests } = sending;
  await commitUpload(upload, { headers: contentType, body: wholeBody(sending) }, content.descriptor, requests);
}

/** What docker and skopeo do: one PATCH without a range, and an empty PUT. */
async function sendStreamed(upload: Upload, sending: Sending): Promise<void> {
  const { content, requests } = sending;
  const request = { method: "PATCH", url: upload.location, headers: contentType, resend: true } as const;
  const response = await requests.send({ ...request, body: wholeBody(sending) });
  if (!isSuccess(response)) throw await registryError(response, "the bytes of a blob", requests.login);
  response.discard();
  upload.location = nextLocation(response, upload.location);
  await commitUpload(upload, {}, content.descriptor, requests);
}

function wholeBody(sending: Sending): RepeatableBody {
  return partOf(sending, 0, sending.content.descriptor.size);
}

/** @see OCI distribution-spec 1.1, pushing a blob in chunks */
async function sendChunks(upload: Upload, sending: Sending, chunkBytes: number): Promise<void> {
  const { content, requests } = sending;
  const { size } = content.descriptor;
  while (size - upload.offset > chunkBytes) await sendChunk(upload, chunkBytes, sending);
  // the last chunk is sent with the commit
  const { offset } = upload;
  // with a range around the whole blob some registries apply their limit for chunks
  const range = offset === 0 ? {} : rangeOf(offset, size - offset);
  const rest = { headers: { ...contentType, ...range }, body: partOf(sending, offset, size - offset) };
  await commitUpload(upload, rest, content.descriptor, requests);
}

async function sendChunk(upload: Upload, bytes: number, sending: Sending): Promise<void> {
  const { offset, location: url } = upload;
  const { requests } = sending;
  const headers = { ...contentType, ...rangeOf(offset, bytes) };
  const body = partOf(sending, offset, bytes);
  const response = await requests.send({ method: "PATCH", url, headers, body, resend: true });
  const isOutOfRange = response.status === 416;
  if (!isSuccess(response)) {
    const error = await registryError(response, "a chunk of a blob", requests.login);
    const stands = isOutOfRange ? await rangeTold(response, upload, requests) : offset;
    if (stands !== offset) throw new OutOfStep(upload, stands, offset);
    throw error;
  }
  response.discard();
  upload.location = nextLocation(response, url);
  const expected = offset + bytes;
  const actual = acknowledged(response) ?? expected;
  if (actual !== expected) throw new OutOfStep(upload, actual, expected);
  upload.offset = actual;
}

/** Some bytes of a blob, read while they are sent, so that a chunk needs no memory. Those that end the blob must be its last ones. */
function partOf({ content, onProgress }: Sending, offset: number, bytes: number): RepeatableBody {
  const { descriptor } = content;
  const isLast = offset + bytes === descriptor.size;
  const open = async function* (): AsyncGenerator<Uint8Array, void> {
    let sent = 0;
    for await (const chunk of content.open(offset)) {
      if (isLast && sent + chunk.length > bytes) throw otherSize(descriptor);
      const wanted = chunk.subarray(0, bytes - sent);
      yield wanted;
      sent += wanted.length;
      onProgress?.(offset + sent);
      // after the blob's last byte the source is read to its end, where nothing must follow
      if (sent === bytes && !isLast) return;
    }
    if (sent < bytes) throw otherSize(descriptor);
  };
  return { bytes, open };
}

/** A 416 concerns the start of a chunk, or its size. */
async function rangeTold(response: HttpResponse, upload: Upload, requests: UploadRequests): Promise<number> {
  return acknowledged(response) ?? (await whereItStands(upload, requests))?.offset ?? upload.offset;
}

function rangeOf(offset: number, bytes: number): Readonly<Record<string, string>> {
  return bytes === 0 ? {} : { "content-range": `${offset}-${offset + bytes - 1}` };
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
