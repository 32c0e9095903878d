/** What the gateway does not answer as asked, in the words of OCI distribution. */
import { hasCode, NetworkError, TagsealError } from "../errors.ts";

/** Codes of OCI distribution 1.1. `UNAVAILABLE` and `INTERNAL` are not in its table, and used by registries. */
export type RegistryErrorCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DENIED"
  | "DIGEST_INVALID"
  | "INTERNAL"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "TAG_INVALID"
  | "TOOMANYREQUESTS"
  | "UNAUTHORIZED"
  | "UNAVAILABLE"
  | "UNSUPPORTED";

/** An answer that is not what was asked for. */
export class GatewayRefusal extends Error {
  readonly status: number;
  readonly registryCode: RegistryErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  /** why, as a stable code of Tagseal: the label of the metric and a field of the log */
  readonly reason: string;

  constructor(
    status: number,
    registryCode: RegistryErrorCode,
    message: string,
    { headers = {}, reason = registryCode }: { headers?: Readonly<Record<string, string>>; reason?: string } = {},
  ) {
    super(message);
    this.name = "GatewayRefusal";
    this.status = status;
    this.registryCode = registryCode;
    this.headers = headers;
    this.reason = reason;
  }

  /** The body that registries send. @see OCI distribution-spec 1.1, error codes */
  toBody(): string {
    const detail = this.reason === this.registryCode ? {} : { detail: { reason: this.reason } };
    return `${JSON.stringify({ errors: [{ code: this.registryCode, message: this.message, ...detail }] })}\n`;
  }
}

/** Seconds after which a client may ask again what could not be decided. */
const retryAfterSeconds = 5;

/** The refusal of an image: 403 when it must not be used, 503 when that cannot be known now. */
export function refusalOfVerdict(error: TagsealError): GatewayRefusal {
  const message = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  const { code: reason } = error;
  if (isUnavailable(error))
    return new GatewayRefusal(503, "UNAVAILABLE", `trust data cannot be had now: ${message}`, {
      reason,
      headers: { "retry-after": String(retryAfterSeconds) },
    });
  return new GatewayRefusal(403, "DENIED", message, { reason });
}

/** What went wrong between the gateway and a registry, or in the gateway. */
export function refusalOfFailure(error: unknown): GatewayRefusal {
  if (error instanceof GatewayRefusal) return error;
  const reason = error instanceof TagsealError ? error.code : "INTERNAL";
  if (hasCode(error, "REGISTRY_NOT_FOUND"))
    return new GatewayRefusal(404, "MANIFEST_UNKNOWN", error.message, { reason });
  if (hasCode(error, "AUTHENTICATION_REFUSED")) return new GatewayRefusal(403, "DENIED", error.message, { reason });
  if (error instanceof NetworkError)
    return new GatewayRefusal(502, "UNAVAILABLE", `the registry did not give what is signed: ${error.message}`, {
      reason,
    });
  if (error instanceof TagsealError) return refusalOfVerdict(error);
  return new GatewayRefusal(500, "INTERNAL", "the gateway failed; its log says why");
}

function isUnavailable(error: TagsealError): boolean {
  return error instanceof NetworkError || hasCode(error, ...memoryCodes);
}

/** Without a memory nothing is decided: an older state would not be noticed. */
const memoryCodes = [
  "FILE_UNREADABLE",
  "FILE_UNWRITABLE",
  "METADATA_CACHE_CORRUPT",
  "STORAGE_FAILED",
  "STORAGE_CONFLICT",
] as const;
