import { findOrdinaryJson, isJsonObject, type JsonValue } from "../../encoding/json.ts";
import { MetadataError, NetworkError, type TagsealError } from "../../errors.ts";

/** An answer of a trust server other than success. */
export interface ServerAnswer {
  readonly status: number;
  /** the beginning of the body, up to a limit */
  readonly body: Uint8Array;
  /** the subject of the request: a metadata name, `publish`, `timestamp key` */
  readonly subject: string;
  /** the command that logs in, for hints; `docker login` when absent */
  readonly login?: string | undefined;
}

/** The introduction of each kind of refused update. Notary v1: error bodies. */
const refusalKinds: ReadonlyMap<string, string> = new Map([
  ["ErrBadRoot", "The root metadata is invalid: "],
  ["ErrBadTargets", "The targets metadata is invalid: "],
  ["ErrBadSnapshot", "The snapshot metadata is invalid: "],
  ["ErrBadHierarchy", "Metadata hierarchy is incomplete: "],
  ["ErrValidation", "An error occurred during validation: "],
]);

/**
 * Turns an answer other than 200 into the error to throw.
 *
 * - 404: MetadataError `METADATA_MISSING`
 * - 401, 403: NetworkError `AUTHENTICATION_REFUSED`
 * - 400 with VERSION: NetworkError `PUBLISH_CONFLICT`, another publisher was faster
 * - any other 400 (413 too): NetworkError `TRUST_SERVER_REFUSED`, with the reason the server gave
 * - everything else: NetworkError `TRUST_SERVER_ERROR`
 *
 * @see Notary v1: errors; error bodies
 */
export function serverRefusal(answer: ServerAnswer): TagsealError {
  const { status, subject, login = "docker login" } = answer;
  if (status === 404) {
    return new MetadataError(
      "METADATA_MISSING",
      `${subject} trust data unavailable.  Has a notary repository been initialized?`,
    );
  }
  if (status === 401 || status === 403) {
    return new NetworkError(
      "AUTHENTICATION_REFUSED",
      `you are not authorized to perform this operation: server returned ${status}.`,
      { status, hint: `Log in to the registry with an account that may do this: ${login}` },
    );
  }
  if (status === 400 || status === 413) return refusedRequest(answer);
  const said = firstError(answer.body);
  return new NetworkError(
    "TRUST_SERVER_ERROR",
    `unable to reach trust server at this time: ${status}.${asRemark(said)}`,
    {
      status,
    },
  );
}

function refusedRequest({ status, body }: ServerAnswer): NetworkError {
  const said = firstError(body);
  if (said?.code === "VERSION") {
    return new NetworkError("PUBLISH_CONFLICT", "the trust server has newer metadata than what was published", {
      status,
    });
  }
  const reason = said === undefined ? undefined : refusalReason(said);
  return new NetworkError("TRUST_SERVER_REFUSED", reason ?? `trust server rejected operation.${asRemark(said)}`, {
    status,
    ...(said === undefined ? {} : { serverCode: said.code }),
  });
}

interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly detail: JsonValue;
}

function refusalReason({ detail }: ServerError): string | undefined {
  if (!isJsonObject(detail)) return undefined;
  const { Name: kind, Error: error } = detail;
  const introduction = typeof kind === "string" ? refusalKinds.get(kind) : undefined;
  if (introduction === undefined || !isJsonObject(error) || typeof error["Msg"] !== "string") return undefined;
  return introduction + printable(error["Msg"]);
}

/** The first of the errors in a body; undefined for a body in any other form, such as a proxy's HTML page. */
function firstError(body: Uint8Array): ServerError | undefined {
  const parsed = findOrdinaryJson(body);
  const errors = isJsonObject(parsed) ? parsed["errors"] : undefined;
  const first = Array.isArray(errors) ? errors[0] : undefined;
  if (!isJsonObject(first)) return undefined;
  const { code = "", message = "", detail = null } = first;
  return typeof code === "string" && typeof message === "string" ? { code, message, detail } : undefined;
}

function asRemark(said: ServerError | undefined): string {
  return said === undefined ? "" : ` (${printable(said.code)}: ${printable(said.message)})`;
}

/** A server's words may appear in a terminal: no escape sequences, limited length. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\u{FFFD}").slice(0, 1_000);
}
