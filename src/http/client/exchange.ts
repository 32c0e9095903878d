/** Sends one request and reads the head of its answer, on a connection from an agent. No redirects, no retries, no policy. */
import { cancelled } from "../../errors.ts";
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { maxHeaderBytes } from "./unread-answer.ts";
import { timeoutFailure } from "./network-failure.ts";

/** What is sent. */
export interface Exchange {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly signal: AbortSignal | undefined;
  /** opens the request: `http.request` or `https.request` */
  readonly open: (options: RequestOptions) => ClientRequest;
  readonly agent: Agent;
  /** overrides of host, port and path for a proxy; TLS settings */
  readonly connection: RequestOptions;
  /** the longest wait without a connection, without progress in sending, or without an answer; the body's source may take longer */
  readonly patienceMs: number;
}

const taking = "the request to be taken";
/** Small enough that a slow uplink completes one within the timeout. */
const sendSliceBytes = 64 * 1024;

/**
 * Sends the request and resolves with the answer once its headers are complete; the body is left unread.
 *
 * @throws NetworkError `NETWORK_TIMEOUT`; TagsealError `CANCELLED`; else the system's error, for the caller to wrap
 */
export function exchange(send: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    if (send.signal?.aborted === true) return reject(cancelled(send.signal));
    const request = send.open({
      ...send.connection,
      method: send.method,
      headers: { ...send.headers },
      agent: send.agent,
      maxHeaderSize: maxHeaderBytes,
    });
    const watch = watchRequest(request, send);
    const finish = (settle: () => void): void => {
      watch.stop();
      settle();
    };
    request.once("response", (message) => {
      // answered before everything was sent (401, 413): the rest is not needed, so it must not keep the connection
      if (!request.writableFinished) message.once("close", () => request.destroy());
      finish(() => resolve(message));
    });
    // errors after the answer (the peer stops reading the request, for example) appear where the body is read
    request.on("error", (error) => finish(() => reject(error)));
    sendBody(request, send.body, watch).catch((error: unknown) => {
      request.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
}

interface Watch {
  /** the source of the body is waited for, not the peer */
  readonly awaitSource: () => void;
  /** restarts the timeout after progress */
  readonly progress: () => void;
  readonly stop: () => void;
}

function watchRequest(request: ClientRequest, send: Exchange): Watch {
  const isTls = send.url.protocol === "https:";
  let waitingFor = `a connection to ${send.url.host}`;
  let isSourceAwaited = false;
  const giveUp = (): void => {
    if (isSourceAwaited && waitingFor === taking) timer.refresh();
    else request.destroy(timeoutFailure(send.url, waitingFor, send.patienceMs));
  };
  let timer = setTimeout(giveUp, send.patienceMs);
  let isOver = false;
  const abort = (): void => {
    if (send.signal !== undefined) request.destroy(cancelled(send.signal));
  };
  send.signal?.addEventListener("abort", abort, { once: true });
  request.once("socket", (socket) => {
    if (!socket.connecting) return (waitingFor = taking);
    socket.once("connect", () => (waitingFor = isTls ? "the TLS handshake" : taking));
    return isTls && socket.once("secureConnect", () => (waitingFor = taking));
  });
  request.once("finish", () => (waitingFor = "the answer"));
  return {
    awaitSource: () => (isSourceAwaited = true),
    progress: () => {
      isSourceAwaited = false;
      clearTimeout(timer);
      // Sending may go on after an early answer: a timer would keep the program running.
      if (isOver) return;
      timer = setTimeout(giveUp, send.patienceMs);
    },
    stop: () => {
      isOver = true;
      clearTimeout(timer);
      send.signal?.removeEventListener("abort", abort);
    },
  };
}

async function sendBody(request: ClientRequest, body: Exchange["body"], watch: Watch): Promise<void> {
  if (body === undefined) return void request.end();
  const chunks = body instanceof Uint8Array ? [body] : body;
  watch.awaitSource();
  for await (const chunk of chunks) {
    watch.progress();
    for (let offset = 0; offset < chunk.length; offset += sendSliceBytes) {
      // an early answer (401, 413) ends the need to send the rest
      if (request.destroyed) return;
      if (request.write(chunk.subarray(offset, offset + sendSliceBytes))) continue;
      await drained(request);
      watch.progress();
    }
    watch.awaitSource();
  }
  watch.progress();
  request.end();
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off("drain", done);
      request.off("close", done);
      resolve();
    };
    request.on("drain", done);
    request.on("close", done);
  });
}
