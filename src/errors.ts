/**
 * The base error and every code. A code is stable: scripts branch on it, `docs/errors.md` explains it, and it is never
 * renamed once released. Branch on `code`, never on a class name (bundlers rename classes).
 */

/** Every error code there is, grouped by the part that raises it. `docs/errors.md` lists the same codes; a test keeps the two equal. */
export const errorCodes = [
  // usage: the caller asked for something that cannot be
  "USAGE",
  "REFERENCE_INVALID",
  "PINNING_INVALID",
  "POLICY_INVALID",
  "FOREIGN_POLICY_INVALID",
  "FILE_UNREADABLE",
  "FILE_UNWRITABLE",
  "CANCELLED",
  // encoding: bytes that are not what they claim to be
  "JSON_MALFORMED",
  "DCZ_MALFORMED",
  "BASE64_MALFORMED",
  "HEX_MALFORMED",
  "PEM_MALFORMED",
  "DER_MALFORMED",
  "PROTOBUF_MALFORMED",
  "TOO_LARGE",
  // crypto
  "KEY_UNSUPPORTED",
  "KEY_MALFORMED",
  "CERTIFICATE_INVALID",
  // metadata: not trusted
  "METADATA_MALFORMED",
  "METADATA_TYPE_UNEXPECTED",
  "METADATA_THRESHOLD_NOT_MET",
  "METADATA_KEY_ID_MISMATCH",
  "METADATA_VERSION_ROLLBACK",
  "METADATA_VERSION_MISMATCH",
  "METADATA_EXPIRED",
  "METADATA_HASH_MISMATCH",
  "METADATA_LENGTH_MISMATCH",
  "METADATA_MISSING",
  "METADATA_ROLE_UNKNOWN",
  "METADATA_STALE",
  "METADATA_ORDER",
  "METADATA_CACHE_CORRUPT",
  "ROOT_INVALID",
  "ROOT_ROTATION_REFUSED",
  "ROOT_PINNING_MISMATCH",
  "UPDATE_REFUSED",
  "POLICY_REFUSED",
  // what is signed
  "TAG_NOT_SIGNED",
  "TAG_DIGEST_MISMATCH",
  "REPOSITORY_NOT_SIGNED",
  "SIGNER_UNKNOWN",
  "SIGNER_NAME_INVALID",
  "SIGNING_KEY_MISSING",
  "PUBLISH_CONFLICT",
  "PUBLISH_UNCONFIRMED",
  "RECOVERY_REFUSED",
  // changes that several people sign
  "PROPOSAL_MALFORMED",
  "PROPOSAL_NOT_FOUND",
  "PROPOSAL_OVERTAKEN",
  "PROPOSAL_EXPIRED",
  "PROPOSALS_UNSUPPORTED",
  // key stores
  "KEY_NOT_FOUND",
  "KEY_EXISTS",
  "KEY_FILE_UNSAFE",
  "KEY_URI_INVALID",
  "KEY_AMBIGUOUS",
  "KEY_CHANGED",
  "KEY_SERVICE_UNAVAILABLE",
  "KEY_SERVICE_FAILED",
  "PIN_WRONG",
  "PIN_LOCKED",
  "PASSPHRASE_WRONG",
  "PASSPHRASE_TOO_SHORT",
  "PASSPHRASE_UNAVAILABLE",
  "BACKUP_MALFORMED",
  "BACKUP_LOCKED",
  "SHARE_INVALID",
  "SHARES_TOO_FEW",
  // network, registry, trust server
  "NETWORK_UNREACHABLE",
  "NETWORK_TIMEOUT",
  "TLS_UNTRUSTED",
  "REDIRECT_REFUSED",
  "AUTHENTICATION_REQUIRED",
  "AUTHENTICATION_REFUSED",
  "RESPONSE_MALFORMED",
  "RESPONSE_TOO_LARGE",
  "REGISTRY_ERROR",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_DIGEST_MISMATCH",
  "TRUST_SERVER_ERROR",
  "TRUST_SERVER_REFUSED",
  "TRUST_SERVER_URL_INVALID",
  // images
  "IMAGE_MALFORMED",
  "PLATFORM_NOT_FOUND",
  // container engines
  "ENGINE_NOT_FOUND",
  "ENGINE_UNREACHABLE",
  "ENGINE_ERROR",
  "ENGINE_RESPONSE_MALFORMED",
  "DOCKERFILE_REFUSED",
  "COMPOSE_REFUSED",
  "COMMAND_NOT_COVERED",
  // server
  "SERVER_CONFIGURATION",
  "STORAGE_FAILED",
  "STORAGE_CONFLICT",
  "LIMIT_REACHED",
  "UPLOAD_TOO_COSTLY",
  "UPLOAD_UNCHECKED",
  "SERVER_CLOCK_WRONG",
  "BUNDLE_MALFORMED",
  "SIGNING_SERVICE_UNREACHABLE",
  "SIGNING_SERVICE_FAILED",
  // ours
  "INTERNAL",
] as const;

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** Everything that a Tagseal error may have besides its sentence. */
export interface ErrorDetails {
  /** the error that led to this one */
  readonly cause?: unknown;
  /** one sentence that says what to do next */
  readonly hint?: string;
}

/** Base of every error Tagseal raises on purpose. `message` says what failed, expected against actual, and where; never a secret. */
export class TagsealError extends Error {
  /** stable, documented in docs/errors.md */
  readonly code: ErrorCode;
  /** what to do next, when there is something to do */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "TagsealError";
    this.code = code;
    this.hint = details.hint;
  }
}

/** The caller asked for something that cannot be done as asked: flags, names, or the caller's files. */
export class UsageError extends TagsealError {}

/** Bytes or text that are not well-formed, or exceed a bound. */
export class EncodingError extends TagsealError {}

/** Metadata, keys or certificates that must not be trusted. */
export class MetadataError extends TagsealError {}

/** A key store could not produce, unlock or keep a key. */
export class KeyStoreError extends TagsealError {}

/** The registry or trust server could not be reached, or what it said cannot be used. Retrying later may help. */
export class NetworkError extends TagsealError {
  /** HTTP status, where an answer came at all */
  readonly status: number | undefined;
  /** the code in a trust server's error body: `VERSION`, `INVALID_ROLE` */
  readonly serverCode: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails & { readonly status?: number; readonly serverCode?: string } = {},
  ) {
    super(code, message, details);
    this.status = details.status;
    this.serverCode = details.serverCode;
  }
}

/**
 * The same failure in other words. Class, code and status stay, so that callers who branch on them decide as before.
 *
 * @param words what is left out stays as it is
 * @returns an error whose cause is the given one
 */
export function reworded(
  error: TagsealError,
  words: { readonly message?: string; readonly hint?: string },
): TagsealError {
  const { code, message, hint } = { code: error.code, message: error.message, hint: error.hint, ...words };
  const details = { cause: error, ...(hint === undefined ? {} : { hint }) };
  if (error instanceof NetworkError) {
    return new NetworkError(code, message, {
      ...details,
      ...(error.status === undefined ? {} : { status: error.status }),
      ...(error.serverCode === undefined ? {} : { serverCode: error.serverCode }),
    });
  }
  const kinds = [UsageError, EncodingError, MetadataError, KeyStoreError];
  const Kind = kinds.find((kind) => error instanceof kind) ?? TagsealError;
  return new Kind(code, message, details);
}

/** True for an error with this code, whatever copy of the class made it. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is TagsealError {
  return error instanceof TagsealError && codes.includes(error.code);
}

/** The system's code of an error (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), looked for in wrapped errors too; "" when there is none. */
export function systemCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return systemCode(error.errors[0]);
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return "";
}

/** The caller asked to stop. */
export function cancelled(signal: AbortSignal): TagsealError {
  return new TagsealError("CANCELLED", "cancelled", { cause: signal.reason });
}
