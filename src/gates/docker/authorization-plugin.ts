/**
 * An authorization plugin of docker's daemon: HTTP on a Unix socket. The daemon asks before it carries out a request, and again before it answers;
 * it refuses everything while no plugin answers.
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { gather } from "../../encoding/gathered-bytes.ts";
import { type JsonValue, parseOrdinaryJson } from "../../encoding/json.ts";
import { NetworkError, TagsealError } from "../../errors.ts";
import { statIfThere } from "../../files/stat-if-there.ts";
import { closeListener, makeListener } from "../../http/server/listening.ts";
import { answeredWithin } from "../../service/answered-within.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { CallJudge } from "./call-judge.ts";
import { type EngineCall, parseEngineAnswer, parseEngineCall } from "./engine-call.ts";

/** How to run the plugin. */
export interface AuthorizationPluginOptions {
  readonly socket: string;
  readonly judge: CallJudge;
  readonly log: ServerLog;
  /** how long a decision may take, in milliseconds (20 s; the daemon waits for 30) */
  readonly timeoutMs?: number;
}

/** What the daemon shows of a body, and the base64 of both: it cuts them at one mebibyte. */
const maxMessageBytes = 8 * 1024 * 1024;
const usualTimeoutMs = 20_000;

interface Answer {
  readonly Allow: boolean;
  readonly Msg?: string;
}

/** A plugin that answers. */
export interface RunningPlugin {
  /** Stops answering, after what is under way; the socket is removed. */
  readonly close: () => Promise<void>;
}

const timeouts = { headersTimeoutMs: 10_000, requestTimeoutMs: 60_000, idleTimeoutMs: 60_000 };
const shutdownMs = 10_000;

/** Starts the plugin. @throws TagsealError `SERVER_CONFIGURATION` for a socket that cannot be used */
export async function startAuthorizationPlugin(options: AuthorizationPluginOptions): Promise<RunningPlugin> {
  const server = makeListener(authorizationListener(options), timeouts, undefined);
  await listenOnSocket(server, options.socket);
  options.log.write("info", "listening", { socket: options.socket });
  return { close: async () => await closeListener(server, shutdownMs) };
}

/** Makes the function that answers the daemon. */
function authorizationListener(options: AuthorizationPluginOptions): RequestListener {
  return (request, response) => {
    answered(options, request)
      .then((answer) => send(response, answer === undefined ? 404 : 200, answer ?? { Err: "no such method" }))
      .catch(() => response.destroy());
  };
}

async function answered(options: AuthorizationPluginOptions, request: IncomingMessage): Promise<object | undefined> {
  if (request.url === "/Plugin.Activate") return { Implements: ["authz"] };
  if (request.url !== "/AuthZPlugin.AuthZReq" && request.url !== "/AuthZPlugin.AuthZRes") return undefined;
  const isAnswer = request.url.endsWith("Res");
  let call: EngineCall | undefined;
  try {
    const message = await messageOf(request);
    call = parseEngineCall(message);
    const judged = isAnswer ? judgedAnswer(options.judge, call, message) : options.judge.judge(call);
    await answeredWithin(judged, options.timeoutMs ?? usualTimeoutMs, tooLate);
    return { Allow: true } satisfies Answer;
  } catch (error) {
    options.log.write("warning", "request refused", {
      method: call?.method,
      path: call?.path,
      user: call?.user,
      ...errorFields(error),
    });
    return { Allow: false, Msg: reasonOf(error) } satisfies Answer;
  }
}

async function judgedAnswer(judge: CallJudge, call: EngineCall, message: JsonValue): Promise<void> {
  const { status, body } = parseEngineAnswer(message);
  await judge.judgeAnswer(call, status, body);
}

async function messageOf(request: IncomingMessage): Promise<JsonValue> {
  const bytes = await gather(
    request,
    maxMessageBytes,
    () => new NetworkError("RESPONSE_TOO_LARGE", "the engine's message is too large"),
  );
  return parseOrdinaryJson(bytes);
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/vnd.docker.plugins.v1.2+json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** docker shows it in one line, behind "authorization denied by plugin tagseal:". */
function reasonOf(error: unknown): string {
  if (!(error instanceof TagsealError)) return "internal error: see the log of the gate";
  const { message, hint, code } = error;
  return [message, ...(hint === undefined ? [] : [`hint: ${hint}`]), `[${code}]`]
    .join(" ")
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ");
}

function tooLate(): NetworkError {
  return new NetworkError("NETWORK_TIMEOUT", "there was no decision in time", {
    hint: "Check that this machine reaches the trust server and the registry.",
  });
}

/**
 * Listens on the socket, which only its owner may use. One that a stopped gate left behind is replaced.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when another gate answers there, or every user may change its directory
 */
async function listenOnSocket(server: Server, socket: string): Promise<void> {
  const directory = dirname(socket);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (((statIfThere(directory)?.mode ?? 0) & 0o002) !== 0)
    throw unusable(`every user can write to ${directory}`, `Run: chmod o-w ${directory}`);
  if (await isAnswered(socket))
    throw unusable("another process answers there", "Stop it, or choose another path with --socket.");
  const listening = Promise.withResolvers<void>();
  server.once("error", (cause) => listening.reject(unusable(cause.message, "Choose another path with --socket.")));
  rmSync(socket, { force: true });
  server.listen(socket, listening.resolve);
  await listening.promise;
  chmodSync(socket, 0o600);
}

async function isAnswered(socket: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect(socket);
  probe.on("connect", () => resolve(true)).on("error", () => resolve(false));
  return await promise.finally(() => probe.destroy());
}

function unusable(why: string, hint: string): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot listen on the socket: ${why}`, { hint });
}
