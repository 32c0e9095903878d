/** The error answers of a registry: its codes and words, the status, the URL without secrets. */
import { jsonMember, type JsonValue, parseOrdinaryJson } from "../encoding/json.ts";
import { type ErrorCode, NetworkError, TagsealError, systemCode } from "../errors.ts";
import type { HttpResponse } from "../http/client/http-response.ts";
import { describeUrl } from "../http/client/network-failure.ts";

/** An error answer of a registry. */
export class RegistryError extends NetworkError {
  /** the registry's codes, such as `MANIFEST_UNKNOWN`; empty when there are none */
  readonly registryCodes: readonly string[];

  constructor(
    code: ErrorCode,
    message: string,
    details: { status: number; registryCodes: readonly string[]; hint?: string },
  ) {
    super(code, message, details);
    this.registryCodes = details.registryCodes;
  }
}

const maxErrorBytes = 64 * 1024;
const maxShownLength = 300;

/**
 * Reads the (bounded) error body and makes the error: `REGISTRY_NOT_FOUND` for 404, `AUTHENTICATION_REFUSED` for 401 and 403, else
 * `REGISTRY_ERROR`.
 *
 * @param asked method and subject of the request, for the message
 * @param login the command that logs in, for the hint
 */
export async function registryError(
  response: HttpResponse,
  asked: string,
  login = `docker login ${response.url.host}`,
): Promise<RegistryError> {
  const errors = await readErrors(response);
  const said = errors.map(({ code, message }) => [code, message].filter((text) => text !== "").join(": ")).join("; ");
  const { status } = response;
  const message = `${response.url.host} answered ${asked} (${describeUrl(response.url)}) with status ${status}${said === "" ? "" : `: ${said}`}`;
  const registryCodes = errors.map(({ code }) => code).filter((code) => code !== "");
  if (status === 404) return new RegistryError("REGISTRY_NOT_FOUND", message, { status, registryCodes });
  if (status === 401 || status === 403) {
    const hint = `Check that you may do this, or log in: ${login}`;
    return new RegistryError("AUTHENTICATION_REFUSED", message, { status, registryCodes, hint });
  }
  return new RegistryError("REGISTRY_ERROR", message, { status, registryCodes });
}

/** True when the same request may succeed in a moment: a lost connection, 429, and the 5xx of overload. */
export function isTemporary(error: unknown): boolean {
  if (!(error instanceof NetworkError)) return false;
  // nothing listens there, or there is no such host: waiting a second changes nothing
  if (error.code === "NETWORK_UNREACHABLE")
    return !/^(?:ECONNREFUSED|E[A-Z]*NOTFOUND|EAI_.*|E.*UNREACH)$/.test(systemCode(error.cause));
  return error.code === "REGISTRY_ERROR" && [429, 500, 502, 503, 504].includes(error.status ?? 0);
}

async function readErrors(response: HttpResponse): Promise<{ code: string; message: string }[]> {
  try {
    const errors = jsonMember(parseOrdinaryJson(await response.bytes(maxErrorBytes)), "errors");
    if (!Array.isArray(errors)) return [];
    return errors.slice(0, 5).map((error) => ({ code: shown(error, "code"), message: shown(error, "message") }));
  } catch (error) {
    // the status is what matters; a body that is not JSON, too long or cut off adds nothing to it
    if (error instanceof TagsealError && error.code !== "CANCELLED") return [];
    throw error;
  }
}

function shown(error: JsonValue, name: string): string {
  const text = jsonMember(error, name);
  return typeof text === "string" ? text.replace(/[\p{Cc}\p{Cf}]/gu, " ").slice(0, maxShownLength) : "";
}
