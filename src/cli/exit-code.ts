/** The exit statuses of commands. Scripts rely on them; docs/commands.md lists the same numbers. */
import { MetadataError, TagsealError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";

/** Exit statuses of Tagseal's own commands; `tagseal trust …` uses only docker's 0 and 1. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  /** the tag, or the whole repository, is not signed */
  notSigned: 2,
  /** a server or registry presented something that must not be trusted */
  refused: 3,
  /** the registry or trust server could not be reached, or failed */
  unreachable: 4,
  /** an unknown flag, as in docker */
  badFlag: 125,
  /** ended by Ctrl-C, as shells report it */
  interrupted: 130,
} as const;

/** The meaning of a code for the caller. `by class`: raised both for the caller's files and for what a server presented. */
type Meaning = Exclude<keyof typeof exitCodes, "ok" | "badFlag" | "interrupted"> | "by class";

const meanings: Readonly<Record<ErrorCode, Meaning>> = {
  USAGE: "failure",
  REFERENCE_INVALID: "failure",
  PINNING_INVALID: "failure",
  POLICY_INVALID: "refused",
  FOREIGN_POLICY_INVALID: "failure",
  FILE_UNREADABLE: "failure",
  FILE_UNWRITABLE: "failure",
  CANCELLED: "failure",
  // Bytes that differ from the signed ones are a refusal, in whatever layer.
  JSON_MALFORMED: "refused",
  DCZ_MALFORMED: "failure",
  BASE64_MALFORMED: "failure",
  HEX_MALFORMED: "failure",
  PEM_MALFORMED: "failure",
  DER_MALFORMED: "failure",
  PROTOBUF_MALFORMED: "failure",
  TOO_LARGE: "by class",
  KEY_UNSUPPORTED: "by class",
  KEY_MALFORMED: "by class",
  CERTIFICATE_INVALID: "by class",
  METADATA_MALFORMED: "refused",
  METADATA_TYPE_UNEXPECTED: "refused",
  METADATA_THRESHOLD_NOT_MET: "refused",
  METADATA_KEY_ID_MISMATCH: "refused",
  METADATA_VERSION_ROLLBACK: "refused",
  METADATA_VERSION_MISMATCH: "refused",
  METADATA_EXPIRED: "refused",
  METADATA_HASH_MISMATCH: "refused",
  METADATA_LENGTH_MISMATCH: "refused",
  METADATA_MISSING: "refused",
  METADATA_ROLE_UNKNOWN: "refused",
  METADATA_STALE: "refused",
  METADATA_ORDER: "refused",
  METADATA_CACHE_CORRUPT: "refused",
  ROOT_INVALID: "refused",
  ROOT_ROTATION_REFUSED: "refused",
  ROOT_PINNING_MISMATCH: "refused",
  POLICY_REFUSED: "refused",
  // The peer answered honestly and refused: something is missing on one side, or is not permitted.
  UPDATE_REFUSED: "failure",
  TAG_NOT_SIGNED: "notSigned",
  TAG_DIGEST_MISMATCH: "refused",
  REPOSITORY_NOT_SIGNED: "notSigned",
  SIGNER_UNKNOWN: "failure",
  SIGNER_NAME_INVALID: "failure",
  SIGNING_KEY_MISSING: "failure",
  PUBLISH_CONFLICT: "unreachable",
  PUBLISH_UNCONFIRMED: "unreachable",
  RECOVERY_REFUSED: "failure",
  // A proposal is neither trusted nor published yet; one that must not be is refused like a file that must not be.
  PROPOSAL_MALFORMED: "refused",
  PROPOSAL_NOT_FOUND: "failure",
  PROPOSAL_OVERTAKEN: "failure",
  PROPOSAL_EXPIRED: "failure",
  PROPOSALS_UNSUPPORTED: "failure",
  KEY_NOT_FOUND: "failure",
  KEY_EXISTS: "failure",
  KEY_FILE_UNSAFE: "failure",
  KEY_URI_INVALID: "failure",
  KEY_AMBIGUOUS: "failure",
  KEY_CHANGED: "refused",
  KEY_SERVICE_UNAVAILABLE: "unreachable",
  KEY_SERVICE_FAILED: "unreachable",
  PIN_WRONG: "failure",
  PIN_LOCKED: "failure",
  PASSPHRASE_WRONG: "failure",
  PASSPHRASE_TOO_SHORT: "failure",
  PASSPHRASE_UNAVAILABLE: "failure",
  BACKUP_MALFORMED: "failure",
  BACKUP_LOCKED: "failure",
  SHARE_INVALID: "failure",
  SHARES_TOO_FEW: "failure",
  NETWORK_UNREACHABLE: "unreachable",
  NETWORK_TIMEOUT: "unreachable",
  TLS_UNTRUSTED: "unreachable",
  REDIRECT_REFUSED: "unreachable",
  AUTHENTICATION_REQUIRED: "failure",
  AUTHENTICATION_REFUSED: "failure",
  RESPONSE_MALFORMED: "unreachable",
  RESPONSE_TOO_LARGE: "unreachable",
  REGISTRY_ERROR: "unreachable",
  REGISTRY_NOT_FOUND: "failure",
  REGISTRY_DIGEST_MISMATCH: "refused",
  TRUST_SERVER_ERROR: "unreachable",
  TRUST_SERVER_REFUSED: "failure",
  TRUST_SERVER_URL_INVALID: "failure",
  IMAGE_MALFORMED: "failure",
  PLATFORM_NOT_FOUND: "failure",
  ENGINE_NOT_FOUND: "failure",
  ENGINE_UNREACHABLE: "unreachable",
  ENGINE_ERROR: "unreachable",
  ENGINE_RESPONSE_MALFORMED: "unreachable",
  DOCKERFILE_REFUSED: "failure",
  COMPOSE_REFUSED: "failure",
  COMMAND_NOT_COVERED: "failure",
  SERVER_CONFIGURATION: "failure",
  STORAGE_FAILED: "failure",
  STORAGE_CONFLICT: "failure",
  LIMIT_REACHED: "failure",
  UPLOAD_TOO_COSTLY: "failure",
  UPLOAD_UNCHECKED: "failure",
  SERVER_CLOCK_WRONG: "failure",
  BUNDLE_MALFORMED: "refused",
  SIGNING_SERVICE_UNREACHABLE: "failure",
  SIGNING_SERVICE_FAILED: "failure",
  INTERNAL: "failure",
};

/** docker's rule for its commands: every failure is 1; only flags and Ctrl-C have other statuses. */
export function dockerExitCode(exitCode: number): number {
  return [exitCodes.notSigned, exitCodes.refused, exitCodes.unreachable].some((code) => code === exitCode)
    ? exitCodes.failure
    : exitCode;
}

/** The exit status for an error that ended one of Tagseal's own commands. Code and class decide, not the message. */
export function exitCodeFor(error: unknown): number {
  if (!(error instanceof TagsealError)) return exitCodes.failure;
  const meaning = meanings[error.code];
  if (meaning !== "by class") return exitCodes[meaning];
  return error instanceof MetadataError ? exitCodes.refused : exitCodes.failure;
}
