/**
 * Uploads a blob. Registries differ in how they accept one: some limit the size of a request or of a chunk, some do not support chunks. If one
 * way is refused, the next one is tried. What was lost with a connection is sent again, in chunks from the offset that the registry
 * reports.
 */
import { hasCode, NetworkError } from "../errors.ts";
import { isTemporary, RegistryError } from "./registry-error.ts";
import { pause } from "../timing/pause.ts";
import { beginUpload, type Upload, type UploadRequests, whereItStands } from "./upload-session.ts";
import { type BlobContent, OutOfStep, sendBy, type Sending, type UploadWay } from "./upload-ways.ts";

export type { UploadRequests } from "./upload-session.ts";
export type { BlobContent } from "./upload-ways.ts";

/** Settings of one upload. */
export interface UploadOptions {
  readonly signal: AbortSignal | undefined;
  /** called with the number of bytes of the blob that are sent */
  readonly onProgress: ((bytes: number) => void) | undefined;
  /** largest chunk (32 MiB); raised to the registry's minimum */
  readonly chunkBytes: number;
}

const maxFruitlessTries = 4;
/** Known limits of registries and of proxies in front of them: 4 MiB at GitHub, 1 MiB by default in nginx. */
const smallerChunks = [8 * 1024 * 1024, 4 * 1024 * 1024, 1024 * 1024, 256 * 1024];
/** A blob of this size is sent again from its start after a lost connection, which costs less than two more requests for each. */
const maxWholeBytes = 8 * 1024 * 1024;
/** Statuses that may concern the way of sending: method or form not supported, too large. */
const wayStatuses: ReadonlySet<number> = new Set([400, 404, 405, 406, 411, 413, 415, 416, 417, 422, 501, 505]);
/** Codes that concern the blob or the repository, whatever the status. */
const finalCodes: ReadonlySet<string> = new Set(["DENIED", "UNAUTHORIZED", "NAME_INVALID", "NAME_UNKNOWN"]);

/**
 * Uploads a blob and has the registry check its digest.
 *
 * @returns `present` when the registry has it already (mounted from another repository, for example)
 * @throws NetworkError `REGISTRY_DIGEST_MISMATCH` when the registry reports other bytes, and as requests do: the error of the last way tried
 */
export async function uploadBlob(
  content: BlobContent,
  requests: UploadRequests,
  options: UploadOptions,
): Promise<"present" | "uploaded"> {
  const sending: Sending = { content, requests, onProgress: options.onProgress };
  let [way, ...others] = waysFor(content.descriptor.size, options.chunkBytes);
  for (;;) {
    try {
      return await sendPatiently(way, sending, options.signal);
    } catch (error) {
      const [next, ...later] = inOrderAfter(error, others);
      if (next === undefined || !isRefusedWay(error, way)) throw error;
      [way, others] = [next, later];
    }
  }
}

/** The ways, best first: a small blob in one request, a large one in chunks, of which only a lost one is sent again. */
function waysFor(size: number, chunkBytes: number): [UploadWay, ...UploadWay[]] {
  const smaller = smallerChunks
    .filter((bytes) => bytes < chunkBytes && bytes < size)
    .map((bytes) => ({ kind: "chunks", chunkBytes: bytes }) as const);
  const whole = { kind: "whole" } as const;
  const streamed = { kind: "streamed" } as const;
  if (size <= Math.min(chunkBytes, maxWholeBytes)) return [whole, streamed, ...smaller];
  return [{ kind: "chunks", chunkBytes }, streamed, ...smaller, whole];
}

/** A blob that is too large in chunks is too large in one piece. */
function inOrderAfter(error: unknown, ways: readonly UploadWay[]): readonly UploadWay[] {
  if (!(error instanceof NetworkError) || error.status !== 413) return ways;
  const chunks = ways.filter(({ kind }) => kind === "chunks");
  return [...chunks, ...ways.filter(({ kind }) => kind !== "chunks")];
}

function isRefusedWay(error: unknown, way: UploadWay): boolean {
  // a registry that lost chunks
  if (hasCode(error, "REGISTRY_DIGEST_MISMATCH")) return way.kind === "chunks";
  if (isTemporary(error)) return keepsFailing(error, way);
  if (!(error instanceof RegistryError) || error.registryCodes.some((code) => finalCodes.has(code))) return false;
  return wayStatuses.has(error.status ?? 0);
}

/** A proxy may close the connection at a request that it does not accept, and a registry may fail repeatedly at an unexpected range. */
function keepsFailing(error: unknown, { kind }: UploadWay): boolean {
  const status = error instanceof NetworkError ? error.status : undefined;
  return status === undefined || (kind === "chunks" && status !== 429 && status !== 503);
}

/** Sends in one way, across lost connections and lost uploads, while there is progress. */
async function sendPatiently(
  way: UploadWay,
  sending: Sending,
  signal: AbortSignal | undefined,
): Promise<"present" | "uploaded"> {
  let upload = await beginUpload(sending.requests);
  let furthest = 0;
  let fruitless = 0;
  while (upload !== undefined) {
    try {
      await sendBy(way, upload, sending);
      return "uploaded";
    } catch (error) {
      const isLost = hasCode(error, "REGISTRY_NOT_FOUND") && upload.offset > 0;
      // only new progress counts: an upload that starts again and again must end
      fruitless = upload.offset > furthest ? 1 : fruitless + 1;
      furthest = Math.max(furthest, upload.offset);
      if (!(isTemporary(error) || isLost) || fruitless >= maxFruitlessTries) throw error;
      await pause(200 * 2 ** (fruitless - 1), signal);
      const standing = way.kind === "chunks" ? await whereToGoOn(error, upload, sending) : undefined;
      // only the answer to the commit may have been lost
      upload = standing ?? ((await sending.requests.isStored()) ? undefined : await beginUpload(sending.requests));
    }
  }
  return "present";
}

async function whereToGoOn(error: unknown, upload: Upload, sending: Sending): Promise<Upload | undefined> {
  const told = error instanceof OutOfStep ? upload : undefined;
  const standing = (await whereItStands(upload, sending.requests)) ?? told;
  return standing !== undefined && standing.offset <= sending.content.descriptor.size ? standing : undefined;
}
