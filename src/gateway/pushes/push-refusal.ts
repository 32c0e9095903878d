/** What a registry refuses or fails to do for a publisher, in the words of the gateway's answers. */
import { hasCode, NetworkError } from "../../errors.ts";
import type { HttpResponse } from "../../http/client/http-response.ts";
import type { PushRelay } from "../../registry/push-relay.ts";
import { header } from "../../registry/registry-response.ts";
import { RegistryError } from "../../registry/registry-error.ts";
import { GatewayRefusal, type RegistryErrorCode } from "../gateway-refusal.ts";
import { refusalOfLogin } from "../proved-logins.ts";
import type { PassedLogin } from "../passed-login.ts";
import type { ShownLogin } from "../passed-logins.ts";

/** What clients act on. @see OCI distribution-spec 1.1, error codes */
const passedOn: Readonly<Record<string, RegistryErrorCode>> = {
  BLOB_UNKNOWN: "BLOB_UNKNOWN",
  BLOB_UPLOAD_INVALID: "BLOB_UPLOAD_INVALID",
  BLOB_UPLOAD_UNKNOWN: "BLOB_UPLOAD_UNKNOWN",
  DENIED: "DENIED",
  DIGEST_INVALID: "DIGEST_INVALID",
  MANIFEST_BLOB_UNKNOWN: "MANIFEST_BLOB_UNKNOWN",
  MANIFEST_INVALID: "MANIFEST_INVALID",
  MANIFEST_UNKNOWN: "MANIFEST_UNKNOWN",
  NAME_INVALID: "NAME_INVALID",
  NAME_UNKNOWN: "NAME_UNKNOWN",
  SIZE_INVALID: "SIZE_INVALID",
  TAG_INVALID: "TAG_INVALID",
  TOOMANYREQUESTS: "TOOMANYREQUESTS",
  UNSUPPORTED: "UNSUPPORTED",
};

const byStatus: Readonly<Record<number, RegistryErrorCode>> = {
  403: "DENIED",
  404: "NAME_UNKNOWN",
  413: "SIZE_INVALID",
  429: "TOOMANYREQUESTS",
};

/** The refusal for an answer of a registry that is not a success. @param asked as part of a sentence: `a PUT of a manifest` */
export async function refusalOfAnswer(relay: PushRelay, answer: HttpResponse, asked: string): Promise<GatewayRefusal> {
  const { status } = answer;
  const retryAfter = answer.headers["retry-after"];
  const isLater = (status === 429 || status === 503) && /^\d{1,6}$/u.test(retryAfter ?? "");
  const headers: Record<string, string> = isLater && retryAfter !== undefined ? { "retry-after": retryAfter } : {};
  const range = header(answer, "range");
  // of an upload: where it really stands
  if (status === 416 && range !== undefined && /^\d{1,15}-\d{1,15}$/u.test(range)) headers["range"] = range;
  return refusalOfStatus(await relay.refusal(answer, asked), headers);
}

/** What went wrong with a push, as its client is answered. */
export function refusalOfPush(error: unknown, login: PassedLogin, shown: ShownLogin): unknown {
  if (error instanceof RegistryError) return refusalOfStatus(error, {});
  if (hasCode(error, "CANCELLED"))
    return new GatewayRefusal(400, "BLOB_UPLOAD_INVALID", error.message, { reason: error.code });
  const refused = refusalOfLogin(error, login, shown);
  if (!(refused instanceof NetworkError)) return refused;
  const message = `the registry did not take what was pushed: ${refused.message}`;
  return new GatewayRefusal(502, "UNAVAILABLE", message, { reason: refused.code });
}

function refusalOfStatus(
  { status = 0, registryCodes, message, code }: RegistryError,
  headers: Readonly<Record<string, string>>,
): GatewayRefusal {
  if (status < 400 || status > 499 || status === 401) {
    const isBusy = status === 503;
    const text = `the registry did not take what was pushed: ${message}`;
    return new GatewayRefusal(isBusy ? 503 : 502, "UNAVAILABLE", text, { reason: code, headers });
  }
  const [known] = registryCodes.flatMap((each) => passedOn[each] ?? []);
  return new GatewayRefusal(status, known ?? byStatus[status] ?? "UNSUPPORTED", message, { headers });
}
