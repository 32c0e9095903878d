/** Uploads of blobs: begun, continued, completed and cancelled at the registry, with locations that only this gateway can read. */
import type { IncomingMessage } from "node:http";
import type { HttpResponse } from "../../http/client/http-response.ts";
import type { Pace } from "../../http/client/response-body.ts";
import { type Digest, isDigest } from "../../reference/digest.ts";
import type { PushRelay, UploadBeginning, UploadStep } from "../../registry/push-relay.ts";
import { isRepository } from "../../registry/registry-route.ts";
import { header } from "../../registry/registry-response.ts";
import { isSuccess } from "../../registry/upload-session.ts";
import type { Answer } from "../answer.ts";
import { GatewayRefusal } from "../gateway-refusal.ts";
import type { PassedRepository } from "../proved-logins.ts";
import { type ClientBody, clientBody } from "./client-body.ts";
import type { ManifestMemory } from "./manifest-memory.ts";
import type { PushJournal } from "./push-journal.ts";
import { refusalOfAnswer } from "./push-refusal.ts";
import type { UploadSeal } from "./upload-seal.ts";

/** A request about an upload. */
export interface UploadRequest {
  readonly request: IncomingMessage;
  readonly name: PassedRepository;
  /** the repository as the client names it */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly relay: PushRelay;
}

/** What uploads are answered with. */
export interface UploadParts {
  readonly seal: UploadSeal;
  readonly journal: PushJournal;
  readonly manifests: ManifestMemory;
  readonly pace: Pace;
}

/** An answer of the registry that says where an upload continues. @throws GatewayRefusal; NetworkError */
export async function beginAnswer(parts: UploadParts, asked: UploadRequest): Promise<Answer> {
  const { query, name, relay } = asked;
  const body = clientBody(asked.request, parts.pace);
  const mount = digestIn(query, "mount");
  const digest = mount === undefined ? digestIn(query, "digest") : undefined;
  const beginning: UploadBeginning = {
    mount: mount && { digest: mount, from: sourceIn(query) },
    whole: digest && { digest, body: body.passing },
    algorithm: algorithmIn(query),
  };
  const passing = { body, asked, what: "the start of an upload" };
  const answer = await passed(parts, passing, async () => await relay.begin(beginning));
  const stored = mount ?? digest;
  if (answer.status !== 201) return await continuing(parts, asked, answer, 202);
  if (stored === undefined)
    throw new GatewayRefusal(502, "UNAVAILABLE", "the registry stored what nothing was sent of");
  parts.journal.stored(name, { kind: "blob", digest: stored, bytes: body.bytes, isMounted: mount !== undefined });
  return created(`/v2/${asked.path}/blobs/${stored}`, stored);
}

/** What an upload that was begun is asked to do. @param id as in the path @throws GatewayRefusal; NetworkError */
export async function stepAnswer(parts: UploadParts, asked: UploadRequest, id: string): Promise<Answer> {
  const { relay, name, request, query } = asked;
  const method = stepMethod(request.method);
  const location = parts.seal.open(name, id);
  if (location === undefined) throw unknownUpload();
  const isWriting = method === "PATCH" || method === "PUT";
  const body = isWriting ? clientBody(request, parts.pace) : undefined;
  const digest = method === "PUT" ? requiredDigest(query) : undefined;
  const step = {
    method,
    location,
    digest,
    body: body?.passing,
    contentRange: isWriting ? rangeOf(request) : undefined,
  };
  const passing = { body, asked, what: `a ${method} of an upload` };
  const answer = await passed(parts, passing, async () => await relay.step(step));
  if (digest !== undefined) {
    parts.journal.stored(name, { kind: "blob", digest, bytes: body?.bytes ?? 0 });
    return created(`/v2/${asked.path}/blobs/${digest}`, digest);
  }
  if (method === "DELETE") return { status: 204, headers: {} };
  return await continuing(parts, asked, answer, method === "PATCH" ? 202 : 204, location);
}

interface Passing {
  readonly body: ClientBody | undefined;
  readonly asked: UploadRequest;
  /** as part of a sentence */
  readonly what: string;
}

/**
 * Passes a body on while it is counted. Whatever the registry says, nothing more is read afterwards; until then its connection stays, or why it refuses
 * would be lost.
 *
 * @throws GatewayRefusal for an answer that is not a success
 */
async function passed(
  { journal }: UploadParts,
  { body, asked, what }: Passing,
  send: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    const answer = await send();
    if (!isSuccess(answer)) throw await refusalOfAnswer(asked.relay, answer, what);
    answer.discard();
    return answer;
  } finally {
    body?.stop();
    journal.counts.bytes += body?.bytes ?? 0;
  }
}

async function continuing(
  { seal }: UploadParts,
  { relay, name, path }: UploadRequest,
  answer: HttpResponse,
  status: number,
  fallback?: string,
): Promise<Answer> {
  const id = seal.seal(name, await relay.continuesAt(answer, fallback));
  const said = Object.entries(passedOn).flatMap(([field, form]) => {
    const value = header(answer, field);
    return value !== undefined && form.test(value) ? [[field, value]] : [];
  });
  const headers: Record<string, string> = Object.fromEntries(said);
  const length: Record<string, string> = status === 204 ? {} : { "content-length": "0" };
  return { status, headers: { ...headers, location: `/v2/${path}/blobs/uploads/${id}`, ...length } };
}

/** What clients read of an answer, each exactly as the registry wrote it. */
const passedOn: Readonly<Record<string, RegExp>> = {
  range: /^(?:bytes=)?\d{1,15}-\d{1,15}$/u,
  "docker-upload-uuid": /^[\w.=-]{1,128}$/u,
  "oci-chunk-min-length": /^\d{1,15}$/u,
  "oci-chunk-max-length": /^\d{1,15}$/u,
};

/** The answer for something that the registry stored. */
export function created(location: string, digest: Digest, more: Readonly<Record<string, string>> = {}): Answer {
  const headers = { location, "docker-content-digest": digest, "content-length": "0", ...more };
  return { status: 201, headers };
}

function unknownUpload(): GatewayRefusal {
  const message =
    "this upload was begun at a gateway with another certificate, or for another repository: begin it again";
  return new GatewayRefusal(404, "BLOB_UPLOAD_UNKNOWN", message);
}

function stepMethod(method: string | undefined): UploadStep["method"] {
  if (method === "GET" || method === "HEAD" || method === "PATCH" || method === "PUT" || method === "DELETE")
    return method;
  throw new GatewayRefusal(405, "UNSUPPORTED", "an upload takes PATCH, PUT, GET and DELETE");
}

function single(query: URLSearchParams, member: string): string | undefined {
  const values = query.getAll(member);
  if (values.length > 1) throw new GatewayRefusal(400, "UNSUPPORTED", `the query has several ${member}`);
  return values[0];
}

function digestIn(query: URLSearchParams, member: string): Digest | undefined {
  const text = single(query, member);
  if (text === undefined || isDigest(text)) return text;
  throw new GatewayRefusal(400, "DIGEST_INVALID", `${member} is not a digest`);
}

function requiredDigest(query: URLSearchParams): Digest {
  const digest = digestIn(query, "digest");
  if (digest === undefined) throw new GatewayRefusal(400, "DIGEST_INVALID", "an upload is completed with its digest");
  return digest;
}

function sourceIn(query: URLSearchParams): string | undefined {
  const from = single(query, "from");
  if (from === undefined || isRepository(from)) return from;
  throw new GatewayRefusal(400, "NAME_INVALID", "from is not the name of a repository");
}

function algorithmIn(query: URLSearchParams): string | undefined {
  const algorithm = single(query, "digest-algorithm");
  if (algorithm === undefined || /^[a-z0-9+._-]{1,32}$/u.test(algorithm)) return algorithm;
  throw new GatewayRefusal(400, "DIGEST_INVALID", "digest-algorithm is not the name of an algorithm");
}

/** @see OCI distribution-spec 1.1, pushing a blob in chunks */
function rangeOf({ headers }: IncomingMessage): string | undefined {
  const range = headers["content-range"];
  if (range === undefined || /^(?:bytes )?\d{1,15}-\d{1,15}(?:\/(?:\d{1,15}|\*))?$/u.test(range)) return range;
  throw new GatewayRefusal(416, "BLOB_UPLOAD_INVALID", "Content-Range is malformed");
}
