/**
 * The exchange of `exchange.ts` by the `fetch` of the runtime that the executable is made of: it is part of the program and does TLS in another thread, where
 * `node:http` and `node:tls` are code that has to be loaded first and takes longer than a whole request. Node.js does not come here.
 */
import type { AgentOptions } from "node:https";
import { cancelled } from "../../errors.ts";
import { type Answer, maxHeaderBytes, type UnreadBody } from "./unread-answer.ts";
import type { HttpRequest } from "./http-request.ts";
import { headersWithoutEnd, timeoutFailure } from "./network-failure.ts";

/** What is sent. */
export interface FetchExchange {
  readonly request: HttpRequest & { readonly headers: Readonly<Record<string, string>> };
  /** the roots to trust; undefined for the runtime's */
  readonly ca?: AgentOptions["ca"];
  readonly patienceMs: number;
  /** collects what ends this exchange at once, while it runs */
  readonly running: Set<AbortController>;
}

/** A body that is one slice to `exchange.ts` as well. */
const maxBodyBytes = 64 * 1024;

/** Whether a request is of a form that `fetch` sends as `exchange.ts` does. */
export function hasFetchedForm({ method, body }: HttpRequest): boolean {
  if (body === undefined) return method === "GET" || method === "HEAD";
  return method === "POST" && body instanceof Uint8Array && body.length > 0 && body.length <= maxBodyBytes;
}

/** What that runtime adds to the standard's options. */
interface RuntimeOptions {
  readonly decompress: false;
  readonly tls: { readonly rejectUnauthorized: true; readonly ca?: AgentOptions["ca"] };
}

/**
 * Sends the request and resolves with the answer once its headers are complete; the body is left unread.
 *
 * @throws NetworkError `NETWORK_TIMEOUT`; TagsealError `CANCELLED`; else the system's error, for the caller to wrap
 */
export async function fetchExchange({ request, ca, patienceMs, running }: FetchExchange): Promise<Answer> {
  const { url, method, headers: given, body, signal } = request;
  if (signal?.aborted === true) throw cancelled(signal);
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal === undefined ? undefined : cancelled(signal));
  const timer = setTimeout(() => stop.abort(timeoutFailure(url, "the answer", patienceMs)), patienceMs);
  signal?.addEventListener("abort", abort, { once: true });
  running.add(stop);
  const ended = (): void => {
    signal?.removeEventListener("abort", abort);
    running.delete(stop);
  };
  // it counts a body itself
  const { "content-length": _length, ...headers } = given;
  const options: RequestInit & RuntimeOptions = {
    method,
    headers,
    ...(body instanceof Uint8Array ? { body: Buffer.from(body) } : {}),
    redirect: "manual",
    signal: stop.signal,
    decompress: false,
    tls: { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
  };
  try {
    const response = await fetch(url, options);
    const fields = [...response.headers];
    if (bytesOf(fields) > maxHeaderBytes) stop.abort(headersWithoutEnd(url));
    stop.signal.throwIfAborted();
    const { status: statusCode } = response;
    return { statusCode, headers: Object.fromEntries(fields), body: fetchedBody(response, stop, ended) };
  } catch (error) {
    ended();
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

function bytesOf(fields: readonly (readonly [name: string, value: string])[]): number {
  return fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

/** No stream of `node:stream`, which takes longer to load than a small answer to read. @param ended called once nothing more is to come */
function fetchedBody({ body }: Response, stop: AbortController, ended: () => void): UnreadBody {
  const reader = body?.getReader();
  let isRead = reader === undefined;
  let failure: Error | undefined;
  if (isRead) ended();
  return {
    get isRead() {
      return isRead;
    },
    async next() {
      if (failure !== undefined) throw failure;
      if (reader === undefined || isRead) return undefined;
      try {
        const { done, value } = await reader.read();
        if (!done) return value;
        isRead = true;
        ended();
        return undefined;
      } catch (error) {
        ended();
        throw failure ?? error;
      }
    },
    end(error) {
      failure ??= error;
      ended();
      stop.abort(error);
    },
  };
}
