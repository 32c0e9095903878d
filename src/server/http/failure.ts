/** Maps internal errors to the answers that clients get. */

import { hasCode, MetadataError } from "../../errors.ts";
import { UpdateRefused } from "../../tuf/update-refused.ts";
import { areKeysOutOfReach } from "../signer/signing-service.ts";
import { errorFields, type LogFields } from "../../service/log.ts";
import { storeLost, WireError } from "./wire-error.ts";

/** The answer to a failed request. Unexpected errors become UNKNOWN: their text stays in the log. */
export function toWireError(error: unknown, doing: "reading" | "changing"): WireError {
  if (error instanceof WireError) return error;
  if (error instanceof UpdateRefused) return refusedUpdate(error);
  if (hasCode(error, "PROPOSAL_OVERTAKEN")) return new WireError("VERSION", { detail: {}, cause: error });
  if (hasCode(error, "PROPOSAL_MALFORMED", "PROPOSAL_EXPIRED", "METADATA_STALE")) return refusedProposal(error);
  if (hasCode(error, "STORAGE_CONFLICT")) return new WireError("VERSION", { detail: {}, cause: error });
  if (hasCode(error, "LIMIT_REACHED")) return limitReached(error);
  if (hasCode(error, "UPLOAD_TOO_COSTLY"))
    return new WireError("MALFORMED_UPLOAD", { status: 413, detail: error.message, cause: error });
  if (hasCode(error, "UPLOAD_UNCHECKED")) return storeLost("UPDATING", error);
  if (hasCode(error, "STORAGE_FAILED")) return storeLost(doing === "changing" ? "UPDATING" : "UNKNOWN", error);
  if (hasCode(error, "SERVER_CLOCK_WRONG"))
    return new WireError("UPDATING", {
      status: 503,
      headers: { "Retry-After": "60" },
      detail: error.message,
      cause: error,
    });
  // The stored content cannot be parsed. Notary v1: such an update is invalid, without a reason for the client.
  if (doing === "changing" && error instanceof MetadataError) return new WireError("INVALID_UPDATE", { cause: error });
  const code = doing === "changing" ? "UPDATING" : "UNKNOWN";
  // Clients report this status as "not available now", not as a broken server.
  if (areKeysOutOfReach(error))
    return new WireError(code, { status: 503, headers: { "Retry-After": "10" }, cause: error });
  return new WireError(code, { cause: error });
}

/**
 * How much a refusal matters to an operator. `error`: something is wrong with the server. `info`: it works as configured, or publishers collided or
 * sent too many requests. `warning`: content that readers would reject, or a limit the operator should know about.
 */
export function refusalLevel({ isIntended, wireCode, status }: WireError): "error" | "warning" | "info" {
  if (!isIntended) return "error";
  return wireCode === "VERSION" || status === 429 || status >= 500 ? "info" : "warning";
}

/** Why a request was refused, as fields of a log line. */
export function refusalFields(error: WireError): LogFields {
  const { wireCode, detail, cause } = error;
  if (cause !== undefined) return { wireCode, ...errorFields(cause) };
  return { wireCode, error: typeof detail === "string" ? `${error.message} ${detail}` : error.message };
}

/** @see Notary v1: error bodies. Text that is not JSON has a separate code. */
function refusedUpdate(error: UpdateRefused): WireError {
  if (isMalformedJson(error)) return new WireError("MALFORMED_JSON", { cause: error });
  const missing = error.missing === undefined ? {} : { Missing: error.missing };
  const detail = { Name: error.kind, Error: { ...missing, Msg: error.message } };
  return new WireError("INVALID_UPDATE", { detail, cause: error });
}

function refusedProposal(error: Error): WireError {
  const detail = { Name: "ErrValidation", Error: { Msg: error.message } };
  return new WireError("INVALID_UPDATE", { detail, cause: error });
}

/** Only for status 400 do docker and notary show a reason, and only in this form; they report 403 as a wrong login and 507 as an unavailable server. */
function limitReached(error: Error): WireError {
  const detail = { Name: "ErrValidation", Error: { Msg: error.message } };
  return new WireError("LIMIT_REACHED", { detail, cause: error });
}

function isMalformedJson(error: unknown): boolean {
  if (hasCode(error, "JSON_MALFORMED")) return true;
  return error instanceof Error && error.cause !== undefined && isMalformedJson(error.cause);
}
