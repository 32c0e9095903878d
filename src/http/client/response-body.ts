/** Reads a response body: bounded, decompressed, ended when the peer is too slow, and at once by an abort signal. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
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
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  /** whether a gzip body was requested */
  readonly acceptGzip: boolean;
}

/**
 * The body's chunks in order. Ends normally only when every announced byte arrived.
 *
 * @throws NetworkError `NETWORK_TIMEOUT` (silent or too slow), `NETWORK_UNREACHABLE` (cut off), `RESPONSE_MALFORMED` (broken or
 *   unrequested compression); TagsealError `CANCELLED`
 */
export async function* readBody(message: IncomingMessage, options: BodyOptions): AsyncGenerator<Uint8Array, void> {
  const stream = await unpacked(message, options);
  const stop = (): void => void stream.destroy(options.signal === undefined ? undefined : cancelled(options.signal));
  if (options.signal?.aborted === true) stop();
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    yield* paced(stream, message, options);
  } catch (error) {
    throw bodyFailure(error, options.url);
  } finally {
    options.signal?.removeEventListener("abort", stop);
    // an abandoned body must not keep its connection; a finished one has already released it
    if (!message.readableEnded) message.destroy();
  }
}

async function* paced(
  stream: Readable,
  message: IncomingMessage,
  options: BodyOptions,
): AsyncGenerator<Uint8Array, void> {
  const { windowMs, minBytes } = options.pace;
  const chunks: AsyncIterator<Uint8Array> = stream.iterator({ destroyOnReturn: false });
  let received = 0;
  let window = { waitedMs: 0, bytes: 0 };
  for (;;) {
    const askedAt = performance.now();
    const slow = (): void => void stream.destroy(timeoutFailure(options.url, "more of the body", windowMs));
    const timer = setTimeout(slow, Math.max(1, windowMs - window.waitedMs));
    const next = await chunks.next().finally(() => clearTimeout(timer));
    if (next.done === true) break;
    received += next.value.length;
    window.waitedMs += performance.now() - askedAt;
    window.bytes += next.value.length;
    // after enough bytes a new window starts; a timer that fires in a window with too few ends the body
    if (window.bytes >= minBytes) window = { waitedMs: 0, bytes: 0 };
    yield next.value;
  }
  checkComplete(message, received, options);
}

/** Not every runtime reports a body that ends before its announced length, so it is counted here as well. */
function checkComplete(message: IncomingMessage, received: number, options: BodyOptions): void {
  const announced = message.headers["content-length"];
  if (announced === undefined || message.headers["content-encoding"] !== undefined || isBodiless(message)) return;
  if (Number(announced) === received) return;
  throw new NetworkError(
    "NETWORK_UNREACHABLE",
    `${describeUrl(options.url)} was cut off: expected ${announced} bytes, received ${received}`,
  );
}

function isBodiless(message: IncomingMessage): boolean {
  return message.statusCode === 204 || message.statusCode === 304 || ("req" in message && isHead(message.req));
}

function isHead(request: unknown): boolean {
  return typeof request === "object" && request !== null && "method" in request && request.method === "HEAD";
}

async function unpacked(message: IncomingMessage, options: BodyOptions): Promise<Readable> {
  const encoding = message.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding === "identity" || isBodiless(message)) return message;
  if (encoding !== "gzip" || !options.acceptGzip) {
    message.destroy();
    throw new NetworkError(
      "RESPONSE_MALFORMED",
      `${describeUrl(options.url)} answered with content encoding ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for`,
    );
  }
  const { createGunzip } = await import("node:zlib");
  const gunzip = createGunzip();
  message.once("error", (error) => gunzip.destroy(error));
  gunzip.once("close", () => {
    if (!message.readableEnded) message.destroy();
  });
  return message.pipe(gunzip);
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
