/**
 * What docker's daemon asks an authorization plugin: a request to its API, before it is carried out. The request is read as the daemon's router
 * reads it; where two readings are possible, it is refused.
 */
import { decodeBase64 } from "../../encoding/base64.ts";
import {
  isJsonObject,
  jsonMember,
  type JsonObject,
  type JsonValue,
  memberNames,
  parseOrdinaryJsonOr,
} from "../../encoding/json.ts";
import { TagsealError, UsageError } from "../../errors.ts";

/** A request to the engine's API. */
export interface EngineCall {
  readonly method: string;
  /** decoded, without the version: `/containers/create` */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  /** the JSON that it sends; undefined when the daemon passed none on */
  readonly body: JsonObject | undefined;
  /** the daemon showed a body: it was JSON, not a form */
  readonly showsBody: boolean;
  /** a body was announced, of whatever type */
  readonly announcesBody: boolean;
  /** the name in the client's certificate */
  readonly user: string | undefined;
}

/**
 * Reads what the daemon sends to `AuthZPlugin.AuthZReq`.
 *
 * @throws UsageError `USAGE` for a request that can be read in two ways, or not at all
 */
export function parseEngineCall(message: JsonValue): EngineCall {
  const uri = textMember(message, "RequestUri");
  const method = textMember(message, "RequestMethod");
  if (uri === undefined || method === undefined) throw ambiguous("it has no address or no method");
  const [rawPath = "", ...rest] = uri.split("?");
  if (rest.length > 1) throw ambiguous("its address has two question marks");
  const query = parseQuery(rest[0] ?? "");
  const headers = jsonMember(message, "RequestHeaders");
  refuseForms(headers);
  const body = textMember(message, "RequestBody");
  return {
    showsBody: (body ?? "") !== "",
    announcesBody: Number(textMember(headers, "Content-Length") ?? 0) !== 0,
    method,
    path: decodedPath(rawPath).replace(/^\/v[0-9.]+(?=\/)/u, ""),
    query,
    body: parseBody(body),
    user: textMember(message, "User"),
  };
}

/** The answer of the engine to a call, as far as it counts: see {@link parseEngineCall} for the call itself. */
export function parseEngineAnswer(message: JsonValue): {
  readonly status: number;
  readonly body: JsonObject | undefined;
} {
  const status = jsonMember(message, "ResponseStatusCode");
  const body = textMember(message, "ResponseBody");
  return { status: typeof status === "number" ? status : 0, body: body === undefined ? undefined : parseBody(body) };
}

/** A member that Go would take for `name`. @throws UsageError `USAGE` when there are several */
export function onlyMember(object: JsonValue | undefined, name: string): JsonValue | undefined {
  if (!isJsonObject(object)) return undefined;
  if (memberNames(object, name).length > 1) throw ambiguous(`${name} is in it more than once`);
  return jsonMember(object, name);
}

/** The router decodes a path once. It redirects one with empty or dotted parts, which then comes again. */
function decodedPath(raw: string): string {
  if (!raw.startsWith("/") || raw.includes("#")) throw ambiguous("its address is not a path");
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch (cause) {
    throw ambiguous("its path is not encoded as a path is", cause);
  }
  const parts = path.slice(1).split("/");
  const isClean = parts.every((part, index) => !/^\.{1,2}$/u.test(part) && (part !== "" || index === parts.length - 1));
  if (!isClean || /[\p{Cc}%\\]/u.test(path)) throw ambiguous("its path has empty, dotted or control parts");
  return path;
}

/** The daemon takes the first of several values, and old ones separate them by semicolons as well. */
function parseQuery(text: string): ReadonlyMap<string, string> {
  if (text.includes(";") || /%(?![0-9a-f]{2})/iu.test(text)) throw ambiguous("its query is not encoded as a query is");
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (repeatable.has(name)) continue;
    if (query.has(name)) throw ambiguous(`its query has ${name} twice`);
    query.set(name, value);
  }
  return query;
}

/** What docker's own clients repeat, and what names no image. */
const repeatable: ReadonlySet<string> = new Set(["changes", "names", "t", "cachefrom", "filters", "platform"]);

/** The daemon would prefer the fields of a form to those of the query, and passes no form on. */
function refuseForms(headers: JsonValue | undefined): void {
  const type = textMember(headers, "Content-Type") ?? "";
  if (/form/iu.test(type)) throw ambiguous("it sends a form");
}

function parseBody(text: string | undefined): JsonObject | undefined {
  if (text === undefined || text === "") return undefined;
  const value = parseOrdinaryJsonOr(notJson, bytesOf(text));
  return isJsonObject(value) ? value : undefined;
}

function notJson(cause: Error): UsageError {
  return ambiguous("its body is not JSON", cause);
}

function bytesOf(text: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (error instanceof TagsealError) throw ambiguous("its body is not base64", error);
    throw error;
  }
}

function textMember(value: JsonValue | undefined, name: string): string | undefined {
  const member = onlyMember(value, name);
  return typeof member === "string" ? member : undefined;
}

function ambiguous(why: string, cause?: unknown): UsageError {
  return new UsageError("USAGE", `the request to the engine is not understood: ${why}`, { cause });
}
