/** Downloads a blob: bounded by its descriptor, resumed after a lost connection, verified before the stream ends normally. */
import { createHash } from "node:crypto";
import { NetworkError } from "../errors.ts";
import { digestAlgorithm, digestHex } from "../reference/digest.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import type { Descriptor } from "./manifest.ts";
import { describeUrl } from "../http/client/network-failure.ts";
import { isTemporary, registryError } from "./registry-error.ts";
import { pause } from "../timing/pause.ts";

/** Requests the blob's bytes from an offset. */
export type OpenBlob = (headers: Readonly<Record<string, string>>) => Promise<HttpResponse>;

/** Consecutive lost connections without progress after which a download fails. */
const maxFruitlessTries = 4;
const firstPauseMs = 200;

/**
 * The blob's bytes in order. Do not use them before the iterator has ended: only then is the hash complete.
 *
 * @throws NetworkError `REGISTRY_DIGEST_MISMATCH` (other bytes, more or fewer), `REGISTRY_NOT_FOUND`, and as requests do
 */
export async function* downloadBlob(
  blob: Descriptor,
  open: OpenBlob,
  { signal, login }: { readonly signal: AbortSignal | undefined; readonly login?: string },
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash(digestAlgorithm(blob.digest));
  let received = 0;
  let fruitless = 0;
  while (received < blob.size || fruitless === 0) {
    const before = received;
    try {
      for await (const chunk of await rest(blob, received, open, login)) {
        received += chunk.length;
        if (received > blob.size) throw tooLong(blob);
        hash.update(chunk);
        yield chunk;
      }
      break;
    } catch (error) {
      fruitless = received > before ? 1 : fruitless + 1;
      if (!isTemporary(error) || fruitless >= maxFruitlessTries) throw error;
      await pause(firstPauseMs * 2 ** (fruitless - 1), signal);
    }
  }
  const actual = hash.digest("hex");
  if (received === blob.size && actual === digestHex(blob.digest)) return;
  throw mismatch(
    `expected ${blob.digest} (${blob.size} bytes), got ${digestAlgorithm(blob.digest)}:${actual} (${received} bytes)`,
  );
}

/** A part of a blob: its first and its last byte, counted from 0. */
export interface BlobPart {
  readonly first: number;
  readonly last: number;
}

/**
 * A part of a blob, in order. A part cannot be verified: the reader checks the whole blob.
 *
 * @throws NetworkError `RESPONSE_MALFORMED` for another part or a shorter one, `REGISTRY_NOT_FOUND`, and as requests do
 */
export async function* downloadPart(
  blob: Descriptor,
  { first, last }: BlobPart,
  open: OpenBlob,
  login?: string,
): AsyncGenerator<Uint8Array, void> {
  let left = last - first + 1;
  const openPart: OpenBlob = async () => await open({ range: `bytes=${first}-${last}` });
  for await (const chunk of await rest(blob, first, openPart, login)) {
    const wanted = chunk.subarray(0, left);
    left -= wanted.length;
    yield wanted;
    if (left === 0) return;
  }
  throw new NetworkError(
    "RESPONSE_MALFORMED",
    `the registry sent ${left} bytes less of blob ${blob.digest} than asked for`,
  );
}

/** The bytes from `offset`, whether the registry honours the range or sends everything again. */
async function rest(
  blob: Descriptor,
  offset: number,
  open: OpenBlob,
  login: string | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const response = await open(offset === 0 ? {} : { range: `bytes=${offset}-` });
  if (response.status === 206) {
    checkRange(response, offset);
    return response.body;
  }
  if (response.status !== 200) throw await registryError(response, `a GET of blob ${blob.digest}`, login);
  return offset === 0 ? response.body : withoutFirst(offset, response.body);
}

/** Everything but the first bytes. */
export async function* withoutFirst(
  bytes: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  let skip = bytes;
  for await (const chunk of chunks) {
    const wanted = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - wanted.length;
    if (wanted.length > 0) yield wanted;
  }
}

function checkRange(response: HttpResponse, offset: number): void {
  const range = response.headers["content-range"] ?? "";
  if (range.startsWith(`bytes ${offset}-`)) return;
  response.discard();
  throw new NetworkError(
    "RESPONSE_MALFORMED",
    `${describeUrl(response.url)} answered a range from ${offset} with ${JSON.stringify(range.slice(0, 80))}`,
  );
}

function tooLong(blob: Descriptor): NetworkError {
  return mismatch(`expected ${blob.digest} (${blob.size} bytes), got more bytes than that`);
}

function mismatch(what: string): NetworkError {
  return new NetworkError("REGISTRY_DIGEST_MISMATCH", `the registry sent a wrong blob: ${what}`, {
    hint: "The content was changed or damaged in the registry or on its way; nothing of it was used.",
  });
}
