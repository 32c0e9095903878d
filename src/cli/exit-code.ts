/** What the command's exit status says. Scripts rely on it; docs/commands.md lists the same numbers. */
import { MetadataError, NetworkError, TagsealError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";

/** Exit statuses of Tagseal's own verbs; `tagseal trust …` uses docker's 0 and 1 only. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  /** the tag, or the whole repository, is not signed */
  notSigned: 2,
  /** somebody presented something that must not be trusted */
  refused: 3,
  /** the registry or trust server could not be reached or did not do its part */
  unreachable: 4,
  /** a flag was not understood, as docker has it */
  badFlag: 125,
  /** ended by Ctrl-C, as a shell reports it */
  interrupted: 130,
} as const;

const notSigned: readonly ErrorCode[] = ["TAG_NOT_SIGNED", "REPOSITORY_NOT_SIGNED"];
/** Bytes that are not what was signed are a refusal, whatever layer noticed. */
const refused: readonly ErrorCode[] = ["TAG_DIGEST_MISMATCH", "REGISTRY_DIGEST_MISMATCH", "JSON_MALFORMED"];

/** The peer answered, honestly, and the answer is no: something is missing here or there, or not allowed. */
const plainFailure: readonly ErrorCode[] = [
  "SIGNING_KEY_MISSING",
  "SIGNER_UNKNOWN",
  "SIGNER_NAME_INVALID",
  "UPDATE_REFUSED",
  "AUTHENTICATION_REQUIRED",
  "AUTHENTICATION_REFUSED",
  "REGISTRY_NOT_FOUND",
  "PLATFORM_NOT_FOUND",
  "TRUST_SERVER_REFUSED",
  "IMAGE_MALFORMED",
];

/** The exit status for an error that ended one of Tagseal's own verbs. */
export function exitCodeFor(error: unknown): number {
  if (!(error instanceof TagsealError)) return exitCodes.failure;
  if (notSigned.includes(error.code)) return exitCodes.notSigned;
  if (plainFailure.includes(error.code)) return exitCodes.failure;
  if (refused.includes(error.code) || error instanceof MetadataError) return exitCodes.refused;
  if (error instanceof NetworkError) return exitCodes.unreachable;
  return exitCodes.failure;
}
