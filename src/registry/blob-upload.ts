/** Sends a blob in chunks: what was lost with a connection is sent again, from where the registry says it stands. */
import { hasCode, NetworkError } from "../errors.ts";
import type { HttpRequest, HttpResponse } from "./http-client.ts";
import type { Descriptor } from "./manifest.ts";
import { describeUrl } from "./network-failure.ts";
import { isTemporary, registryError } from "./registry-error.ts";
import { pause } from "./retry.ts";

/** What an upload needs from its client. */
export interface UploadRequests {
  /** sends to the upload's own URL: with our identity only where that is the registry itself */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** begins an upload and answers 202, or 201 when the blob was mounted */
  start(): Promise<HttpResponse>;
}

/** A blob that can be read from any offset, as often as needed. */
export interface BlobContent {
  readonly descriptor: Descriptor;
  /** the bytes from `offset` on */
  open(offset: number): AsyncIterable<Uint8Array>;
}

/** Settings of one upload. */
export interface UploadOptions {
  readonly signal: AbortSignal | undefined;
  /** bytes acknowledged by the registry so far */
  readonly onProgress: ((bytes: number) => void) | undefined;
  /** largest chunk (8 MiB); raised to the registry's minimum */
  readonly chunkBytes: number;
}

const maxChunkBytes = 256 * 1024 * 1024;
const maxFruitlessTries = 4;
/** A registry may honestly hash gigabytes before it answers that an upload is complete. */
const commitPatienceMs = 60_000;

/** An upload under way: where its next chunk goes, and how much the registry has acknowledged. */
interface Upload {
  location: URL;
  offset: number;
}

/**
 * Uploads a blob and has the registry check its digest.
 *
 * @returns `mounted` when another repository's copy served
 * @throws NetworkError `REGISTRY_DIGEST_MISMATCH` when the registry says the bytes are others, and as requests do
 */
export async function uploadBlob(
  content: BlobContent,
  requests: UploadRequests,
  options: UploadOptions,
): Promise<"mounted" | "uploaded"> {
  const first = await requests.start();
  first.discard();
  if (first.status === 201) return "mounted";
  let upload: Upload = { location: nextLocation(first), offset: 0 };
  const chunkBytes = chunkSize(first, options.chunkBytes);
  let furthest = 0;
  let fruitless = 0;
  for (;;) {
    try {
      await sendFrom(upload, content, requests, { ...options, chunkBytes });
      return "uploaded";
    } catch (error) {
      // only new ground counts: an upload that begins again and again for ever gets nowhere
      fruitless = upload.offset > furthest ? 1 : fruitless + 1;
      furthest = Math.max(furthest, upload.offset);
      const mayGoOn = isTemporary(error) || hasCode(error, "REGISTRY_NOT_FOUND");
      if (!mayGoOn || fruitless >= maxFruitlessTries) throw error;
      await pause(200 * 2 ** (fruitless - 1), options.signal);
      upload = (await whereItStands(upload, requests)) ?? (await restart(requests));
    }
  }
}

async function restart(requests: UploadRequests): Promise<Upload> {
  const response = await requests.start();
  response.discard();
  return { location: nextLocation(response), offset: 0 };
}

/** Asks how much arrived. @returns undefined when the upload is gone, or the registry cannot go on with it */
async function whereItStands(upload: Upload, requests: UploadRequests): Promise<Upload | undefined> {
  const response = await requests.send({ method: "GET", url: upload.location });
  if (response.status >= 500) throw await registryError(response, "a GET of an upload's state");
  response.discard();
  if (response.status !== 204 && response.status !== 200) return undefined;
  return { location: nextLocation(response, upload.location), offset: acknowledged(response) ?? 0 };
}

/** Sends what is left, keeping `upload` at what the registry acknowledged. */
async function sendFrom(
  upload: Upload,
  content: BlobContent,
  requests: UploadRequests,
  options: UploadOptions,
): Promise<void> {
  const { size } = content.descriptor;
  let last: Uint8Array = new Uint8Array();
  for await (const chunk of inChunks(content.open(upload.offset), options.chunkBytes)) {
    const end = upload.offset + chunk.length;
    if (end > size) throw grown(content.descriptor);
    // the last chunk travels with the commit: small blobs need two requests in all
    if (end === size) {
      last = chunk;
      break;
    }
    await sendChunk(upload, chunk, requests);
    options.onProgress?.(upload.offset);
  }
  if (upload.offset + last.length !== size) throw grown(content.descriptor);
  await commit(upload, last, content.descriptor, requests);
  options.onProgress?.(size);
}

async function sendChunk(upload: Upload, chunk: Uint8Array, requests: UploadRequests): Promise<void> {
  const response = await requests.send(chunkRequest(upload.location, chunk, upload.offset));
  if (![201, 202, 204].includes(response.status)) throw await registryError(response, "a chunk of a blob");
  response.discard();
  const expected = upload.offset + chunk.length;
  const actual = acknowledged(response) ?? expected;
  upload.location = nextLocation(response, upload.location);
  if (actual !== expected) throw outOfStep(upload.location, expected, actual);
  upload.offset = actual;
}

async function commit(upload: Upload, last: Uint8Array, blob: Descriptor, requests: UploadRequests): Promise<void> {
  const url = new URL(upload.location);
  // appended as text: the registry's own parameters must come back exactly as it wrote them
  url.search = `${url.search}${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(blob.digest)}`;
  const request = chunkRequest(url, last, upload.offset);
  const response = await requests.send({ ...request, method: "PUT", patienceMs: commitPatienceMs });
  if (response.status !== 201 && response.status !== 204) throw await commitError(response, blob);
  response.discard();
}

function chunkRequest(url: URL, body: Uint8Array, offset: number): HttpRequest {
  const range = body.length === 0 ? {} : { "content-range": `${offset}-${offset + body.length - 1}` };
  return { method: "PATCH", url, headers: { "content-type": "application/octet-stream", ...range }, body };
}

async function commitError(response: HttpResponse, blob: Descriptor): Promise<NetworkError> {
  const error = await registryError(response, `the commit of blob ${blob.digest}`);
  if (!error.registryCodes.includes("DIGEST_INVALID")) return error;
  return new NetworkError("REGISTRY_DIGEST_MISMATCH", error.message, { status: response.status, cause: error });
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

function nextLocation(response: HttpResponse, fallback?: URL): URL {
  const text = response.headers.location;
  if (text === undefined && fallback !== undefined) return new URL(fallback);
  if (text === undefined || !URL.canParse(text, response.url.href)) {
    throw new NetworkError("RESPONSE_MALFORMED", `${describeUrl(response.url)} did not say where the upload goes on`);
  }
  const location = new URL(text, response.url.href);
  const isDowngrade = response.url.protocol === "https:" && location.protocol !== "https:";
  if (isDowngrade || !/^https?:$/.test(location.protocol) || location.username !== "" || location.password !== "") {
    throw new NetworkError(
      "REDIRECT_REFUSED",
      `${describeUrl(response.url)} sends the upload to ${describeUrl(location)}: refused`,
    );
  }
  return location;
}

/** How many bytes the registry has, from `Range: 0-<last>`; undefined when it does not say. */
function acknowledged(response: HttpResponse): number | undefined {
  const range = response.headers["range"];
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(typeof range === "string" ? range : "")?.[1];
  // "0-0" is also how registries say that there is nothing yet
  return last === undefined ? undefined : last === "0" ? 0 : Number(last) + 1;
}

function chunkSize(response: HttpResponse, wanted: number): number {
  const minimum = Number(response.headers["oci-chunk-min-length"] ?? 0);
  return minimum > wanted && minimum <= maxChunkBytes ? minimum : wanted;
}

function grown(blob: Descriptor): NetworkError {
  return new NetworkError(
    "IMAGE_MALFORMED",
    `the blob ${blob.digest} has not the ${blob.size} bytes its descriptor says`,
  );
}

function outOfStep(url: URL, expected: number, actual: number): NetworkError {
  return new NetworkError(
    "NETWORK_UNREACHABLE",
    `${describeUrl(url)} has ${actual} bytes of an upload instead of ${expected}`,
  );
}
