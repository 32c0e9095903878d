/** The body of a client's request, passed on as it comes. A client that sends too slowly is cut off. */
import type { IncomingMessage } from "node:http";
import { TagsealError } from "../../errors.ts";
import type { PassingBody } from "../../http/client/http-request.ts";
import type { Pace } from "../../http/client/response-body.ts";

/** A body on its way. */
export interface ClientBody {
  /** undefined for a request without a body */
  readonly passing: PassingBody | undefined;
  /** how many bytes came so far */
  readonly bytes: number;
  /** Ends it: nothing more is read, and what was passed on is not taken for the whole. */
  stop(): void;
}

/** The body of a request. @param pace at which it must come, while it is waited for */
export function clientBody(request: IncomingMessage, pace: Pace): ClientBody {
  const stopping = new AbortController();
  const announced = request.headers["content-length"];
  const isChunked = request.headers["transfer-encoding"] !== undefined;
  const bytes = announced === undefined || isChunked ? undefined : Number(announced);
  const body = { bytes: 0 };
  const open = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const piece of bodyPieces(request, pace, stopping.signal)) {
      body.bytes += piece.length;
      yield piece;
    }
  };
  return {
    passing: isChunked || (bytes ?? 0) > 0 ? { bytes, open, once: true } : undefined,
    get bytes() {
      return body.bytes;
    },
    stop: () => stopping.abort(),
  };
}

/** The bytes of a body as they come. @throws TagsealError `CANCELLED` from a client that is gone or too slow */
export async function* bodyPieces(
  request: IncomingMessage,
  { windowMs, minBytes }: Pace,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let window = { waitedMs: 0, bytes: 0 };
  for (;;) {
    if (stop.aborted) throw cutOff("the registry has answered");
    const piece = request.read() as Uint8Array | null; // no encoding is set
    if (piece !== null) {
      window.bytes += piece.length;
      if (window.bytes >= minBytes) window = { waitedMs: 0, bytes: 0 };
      yield piece;
    } else if (request.readableEnded) {
      return;
    } else {
      const askedAt = performance.now();
      await changed(request, stop, windowMs - window.waitedMs);
      window.waitedMs += performance.now() - askedAt;
    }
  }
}

/** Resolves when there may be more, or the end; rejects when there will be none. */
async function changed(request: IncomingMessage, stop: AbortSignal, waitMs: number): Promise<void> {
  if (request.destroyed) throw cutOff("the client closed its connection");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const resume = (): void => resolve();
  const gone = (): void => reject(cutOff("the client closed its connection"));
  const timer = setTimeout(() => reject(cutOff("the client sent too little for too long")), Math.max(1, waitMs));
  request.on("readable", resume).on("end", resume).on("close", gone).on("error", gone);
  stop.addEventListener("abort", resume);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", resume);
    request.off("readable", resume).off("end", resume).off("close", gone).off("error", gone);
  }
}

function cutOff(reason: string): TagsealError {
  return new TagsealError("CANCELLED", `the upload was cut off: ${reason}`);
}
