/** Answers calls by gRPC: certificates on both sides, bounds, errors as statuses, and a line of the log for each call. */

import { basename } from "node:path/posix";
import type { handleUnaryCall, Server, ServerCredentials, ServerUnaryCall, UntypedHandleCall } from "@grpc/grpc-js";
import { hasCode, TagsealError } from "../../../errors.ts";
import { requestIdHeader } from "../../../service/current-request.ts";
import { requestIdOf } from "../../../http/server/request-id.ts";
import { errorFields, type LogFields, type LogLevel, type ServerLog } from "../../../service/log.ts";
import { areKeysOutOfReach } from "../signing-service.ts";
import type { SignerMetrics } from "../signer-metrics.ts";
import type { SignerLimits } from "../signer-options.ts";
import { callerTest } from "./allowed-callers.ts";
import { loadGrpc } from "./load-grpc.ts";
import { methods, type Method } from "./methods.ts";
import { mutualCredentials, type MutualTls } from "./server-credentials.ts";
import type { OnKey, SignerService } from "./signer-service.ts";

/** What the server needs. */
export interface GrpcServerParts {
  readonly service: SignerService;
  readonly host: string;
  readonly port: number;
  readonly tls: MutualTls;
  /** names of the only callers that are accepted; all when absent */
  readonly allowedCallers?: readonly string[] | undefined;
  readonly limits: SignerLimits;
  readonly log: ServerLog;
  readonly metrics?: Pick<SignerMetrics, "observeCall"> | undefined;
}

/** A server that accepts calls. */
export interface RunningGrpcServer {
  readonly port: number;
  /** Replaces the certificates for new connections. */
  useCertificates(tls: MutualTls): void;
  /** Waits a while for calls under way to end. */
  close(): Promise<void>;
}

/** In an object, because the library treats a message that is empty or 0 as missing. */
interface Asked<Request> {
  readonly message: Request;
}

/** Numbers of the gRPC statuses that are answered. */
const status = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  internal: 13,
  unavailable: 14,
} as const;

/** Names of these statuses, and of success. */
const statusNames: ReadonlyMap<number, string> = new Map([
  [0, "OK"],
  [status.invalidArgument, "INVALID_ARGUMENT"],
  [status.notFound, "NOT_FOUND"],
  [status.permissionDenied, "PERMISSION_DENIED"],
  [status.failedPrecondition, "FAILED_PRECONDITION"],
  [status.internal, "INTERNAL"],
  [status.unavailable, "UNAVAILABLE"],
]);

/**
 * Listens.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when the address cannot be used, or without the gRPC library
 */
export async function startGrpcServer(parts: GrpcServerParts): Promise<RunningGrpcServer> {
  const grpc = await loadGrpc();
  const { limits } = parts;
  const server = new grpc.Server({
    "grpc.max_receive_message_length": limits.maxMessageBytes,
    "grpc.max_concurrent_streams": limits.maxConcurrentCalls,
    // A caller that disappears without closing its connection holds it no longer than this.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
  });
  addMethods(server, parts);
  const certificates = mutualCredentials(grpc, parts.tls);
  const port = await bind(server, certificates.credentials, parts);
  return {
    port,
    useCertificates: (tls) => certificates.replace(tls),
    close: () => close(server, limits.shutdownTimeoutMs),
  };
}

type AddMethod = <Request, Reply>(
  method: Method<Request, Reply>,
  level: LogLevel,
  fields: (request: Request) => LogFields,
  run: (request: Request, onKey: OnKey) => Promise<Reply>,
) => void;

/** Adds one method at a time to a server, with its log line and its metric. */
function methodAdder(server: Server, { log, metrics, allowedCallers }: GrpcServerParts): AddMethod {
  const isAllowed = callerTest(allowedCallers);
  return ({ path, request, reply }, level, fields, run) => {
    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestDeserialize: (bytes: Buffer): Asked<ReturnType<typeof request.decode>> => ({
        message: request.decode(bytes),
      }),
      requestSerialize: ({ message }: Asked<ReturnType<typeof request.decode>>) => request.encode(message),
      responseSerialize: (message: ReturnType<typeof reply.decode>) => reply.encode(message),
      responseDeserialize: (bytes: Buffer) => reply.decode(bytes),
    };
    const observe = (code: number, durationMs: number): void =>
      metrics?.observeCall({ method: basename(path), code: statusNames.get(code) ?? String(code), durationMs });
    const handler = unary({ log, level, fields, observe, isAllowed }, run);
    server.addService({ [path]: definition }, { [path]: handler as UntypedHandleCall });
  };
}

function addMethods(server: Server, parts: GrpcServerParts): void {
  const { service } = parts;
  const add = methodAdder(server, parts);
  add(
    methods.createKey,
    "info",
    ({ gun, role, algorithm }) => ({
      gun: gun.slice(0, 255),
      role: role.slice(0, 64),
      algorithm: algorithm.slice(0, 64),
    }),
    (r, onKey) => service.createKey(r, onKey),
  );
  add(methods.getKeyInfo, "debug", keyField, (keyId) => service.getKeyInfo(keyId));
  add(
    methods.findKey,
    "debug",
    ({ keyId }) => keyField(keyId),
    (inquiry, onKey) => service.findKey(inquiry, onKey),
  );
  add(methods.deleteKey, "info", keyField, (keyId, onKey) => service.deleteKey(keyId, onKey));
  add(
    methods.sign,
    "info",
    ({ keyId, content }) => ({ ...keyField(keyId), bytes: content.length }),
    (r, onKey) => service.sign(r, onKey),
  );
  add(
    methods.checkHealth,
    "debug",
    () => ({}),
    (name) => service.checkHealth(name),
  );
}

function keyField(keyId: string): LogFields {
  return { keyId: keyId.slice(0, 64) };
}

interface CallRecord<Request> {
  readonly log: ServerLog;
  /** of a successful call */
  readonly level: LogLevel;
  readonly fields: (request: Request) => LogFields;
  readonly observe: (code: number, durationMs: number) => void;
  readonly isAllowed: (certificate: Uint8Array | undefined) => boolean;
}

function unary<Request, Reply>(
  { log, level, fields, observe, isAllowed }: CallRecord<Request>,
  run: (request: Request, onKey: OnKey) => Promise<Reply>,
): handleUnaryCall<Asked<Request>, Reply> {
  return (call, answer) => {
    const startedAt = performance.now();
    const caller = callerFields(call);
    const line = (): LogFields => ({
      ...caller(),
      call: call.getPath(),
      ...fields(call.request.message),
      durationMs: Math.round((performance.now() - startedAt) * 1000) / 1000,
    });
    if (!isAllowed(call.getAuthContext().sslPeerCertificate?.raw)) {
      observe(status.permissionDenied, performance.now() - startedAt);
      log.write("warning", "call refused", line());
      return answer({ code: status.permissionDenied, details: "the caller is not one of those that are obeyed here" });
    }
    const onKey: OnKey = (event, key) => log.write("info", event, { ...key, ...caller() });
    run(call.request.message, onKey).then(
      (reply) => {
        observe(0, performance.now() - startedAt);
        if (log.writes(level)) log.write(level, "call", line());
        answer(null, reply);
      },
      (error: unknown) => {
        const code = statusOf(error);
        observe(code, performance.now() - startedAt);
        const isOurs = code === status.internal || code === status.unavailable || code === status.failedPrecondition;
        log.write(isOurs ? "error" : "info", isOurs ? "call failed" : "call", { ...line(), ...errorFields(error) });
        answer({ code, details: error instanceof TagsealError ? error.message : "internal error" });
      },
    );
  };
}

/** The caller, as fields of each line about one call: a call without a request ID gets one at its first line. */
function callerFields<Request, Reply>(call: ServerUnaryCall<Request, Reply>): () => LogFields {
  let requestId: string | undefined;
  return () => ({
    requestId: (requestId ??= requestIdOf(givenRequestId(call))),
    remote: call.getPeer(),
    caller: nameOfCaller(call),
  });
}

/** The ID of the trust server's request that causes the call. Notary's server sends none. */
function givenRequestId<Request, Reply>(call: ServerUnaryCall<Request, Reply>): string | undefined {
  const [given] = call.metadata.get(requestIdHeader);
  return typeof given === "string" ? given : undefined;
}

/** The common name of the caller's verified certificate. */
function nameOfCaller<Request, Reply>(call: ServerUnaryCall<Request, Reply>): string | undefined {
  const name: unknown = call.getAuthContext().sslPeerCertificate?.subject.CN;
  return typeof name === "string" ? name.slice(0, 128) : undefined;
}

function statusOf(error: unknown): number {
  if (hasCode(error, "KEY_NOT_FOUND")) return status.notFound;
  if (hasCode(error, "USAGE")) return status.invalidArgument;
  // Not "not found": a server must not mistake a key that does not open for one that does not exist.
  if (hasCode(error, "PASSPHRASE_UNAVAILABLE", "PASSPHRASE_WRONG")) return status.failedPrecondition;
  return hasCode(error, "STORAGE_FAILED") || areKeysOutOfReach(error) ? status.unavailable : status.internal;
}

async function bind(server: Server, credentials: ServerCredentials, { host, port }: GrpcServerParts): Promise<number> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(address, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  try {
    return await promise;
  } catch (cause) {
    throw new TagsealError("SERVER_CONFIGURATION", `Cannot listen on ${host}:${port}`, {
      cause,
      hint: "Choose another address or port, or stop what uses this one.",
    });
  }
}

async function close(server: Server, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const impatience = setTimeout(() => server.forceShutdown(), timeoutMs);
  server.tryShutdown(() => resolve());
  await promise;
  clearTimeout(impatience);
}
