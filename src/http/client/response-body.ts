/** Reads a response body: bounded, decompressed, ended when the peer is too slow, and at once by an abort signal. */
import { type Answer, bodyOf, chunksOf, type UnreadBody } from "./unread-answer.ts";
import type { DictionaryOffer } from "./http-request.ts";
import { gather } from "../../encoding/gathered-bytes.ts";
import { NetworkError, type TagsealError, cancelled } from "../../errors.ts";
import { describeUrl, networkFailure, timeoutFailure } from "./network-failure.ts";

/** How slow a peer may be. A window is time spent waiting for the peer: a slow local reader does not count. */
export interface Pace {
  /** length of one window in milliseconds */
  readonly windowMs: number;
  /** bytes that must arrive in each window, unless the body ends in it */
  readonly minBytes: number;
}

/** How to read a body. */
export interface BodyOptions {
  readonly url: URL;
  /** of the request: the answer to a HEAD has no body */
  readonly method: string;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  /** whether a gzip body was requested */
  readonly acceptGzip: boolean;
  /** what a `dcz` body may be a difference from; undefined when none was requested */
  readonly dictionary?: DictionaryOffer | undefined;
}

/**
 * The body's chunks in order. Ends normally only when every announced byte arrived.
 *
 * @throws NetworkError `NETWORK_TIMEOUT` (silent or too slow), `NETWORK_UNREACHABLE` (cut off), `RESPONSE_MALFORMED` (broken or
 *   unrequested compression); TagsealError `CANCELLED`
 */
export async function* readBody(message: Answer, options: BodyOptions): AsyncGenerator<Uint8Array, void> {
  const { dictionary, url } = options;
  const chunks = readChunks(message, options);
  if (dictionary === undefined || !isDifference(message, options)) {
    yield* chunks;
    return;
  }
  const { decodedDifference } = await import("./dictionary-body.ts");
  yield await decodedDifference(chunks, dictionary, url);
}

function isDifference(message: Answer, options: BodyOptions): boolean {
  return message.headers["content-encoding"]?.toLowerCase() === "dcz" && !isBodiless(message, options);
}

async function* readChunks(message: Answer, options: BodyOptions): AsyncGenerator<Uint8Array, void> {
  const body = await unpacked(message, options);
  const stop = (): void => body.end(options.signal === undefined ? undefined : cancelled(options.signal));
  if (options.signal?.aborted === true) stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  const next = pacedReader(body, options);
  let received = 0;
  try {
    for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
      received += chunk.length;
      yield chunk;
    }
    checkComplete(message, received, options);
  } catch (error) {
    throw bodyFailure(error, options.url);
  } finally {
    options.signal?.removeEventListener("abort", stop);
    // an abandoned body must not keep its connection; a finished one has already released it
    if (!message.body.isRead) message.body.end();
  }
}

/** Reads one chunk after another; fails when the peer is too slow. */
function pacedReader(body: UnreadBody, options: BodyOptions): () => Promise<Uint8Array | undefined> {
  const { windowMs, minBytes } = options.pace;
  const slow = (): void => body.end(timeoutFailure(options.url, "more of the body", windowMs));
  let window = { waitedMs: 0, bytes: 0 };
  return async () => {
    const askedAt = performance.now();
    const timer = setTimeout(slow, Math.max(1, windowMs - window.waitedMs));
    try {
      const chunk = await body.next();
      if (chunk === undefined) return undefined;
      window.waitedMs += performance.now() - askedAt;
      window.bytes += chunk.length;
      // after enough bytes a new window starts; a timer that fires in a window with too few ends the body
      if (window.bytes >= minBytes) window = { waitedMs: 0, bytes: 0 };
      return chunk;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Not every runtime reports a body that ends before its announced length, so it is counted here as well. */
function checkComplete(message: Answer, received: number, options: BodyOptions): void {
  const announced = message.headers["content-length"];
  if (announced === undefined || message.headers["content-encoding"] !== undefined || isBodiless(message, options))
    return;
  if (Number(announced) === received) return;
  throw new NetworkError(
    "NETWORK_UNREACHABLE",
    `${describeUrl(options.url)} was cut off: expected ${announced} bytes, received ${received}`,
  );
}

function isBodiless(message: Answer, { method }: BodyOptions): boolean {
  return message.statusCode === 204 || message.statusCode === 304 || method === "HEAD";
}

async function unpacked(message: Answer, options: BodyOptions): Promise<UnreadBody> {
  const { headers, body } = message;
  const encoding = headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding === "identity" || isBodiless(message, options)) return body;
  if (encoding === "dcz" && options.dictionary !== undefined) return body;
  if (encoding !== "gzip" || !options.acceptGzip) {
    body.end();
    throw new NetworkError(
      "RESPONSE_MALFORMED",
      `${describeUrl(options.url)} answered with content encoding ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for`,
    );
  }
  const [{ createGunzip }, { Readable }] = await Promise.all([import("node:zlib"), import("node:stream")]);
  const packed = Readable.from(chunksOf(body), { objectMode: false });
  const gunzip = createGunzip();
  packed.once("error", (error) => gunzip.destroy(error));
  gunzip.once("close", () => {
    if (!body.isRead) body.end();
  });
  return bodyOf(packed.pipe(gunzip));
}

function bodyFailure(error: unknown, url: URL): TagsealError {
  const isZlib = error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
  if (!isZlib) return networkFailure(error, url);
  return new NetworkError("RESPONSE_MALFORMED", `${describeUrl(url)} sent a broken gzip body`, { cause: error });
}

/**
 * Collects a whole body of at most `maxBytes`.
 *
 * @throws NetworkError `RESPONSE_TOO_LARGE` as soon as one byte more arrives or is announced, counted after decompression
 */
export async function collect(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  url: URL,
  announced?: string,
): Promise<Uint8Array> {
  const tooLarge = (): NetworkError =>
    new NetworkError("RESPONSE_TOO_LARGE", `${describeUrl(url)} sent more than the ${maxBytes} bytes allowed there`);
  if (announced !== undefined && Number(announced) > maxBytes) throw tooLarge();
  return await gather(body, maxBytes, tooLarge);
}
