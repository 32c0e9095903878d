/** Failures of docker-shaped commands: docker's sentence first, then what docker does not say, as the hint. */
import { hasCode, reworded, TagsealError } from "../../errors.ts";
import { inDockerWords, unreachableServer } from "../../trust/docker-words.ts";

/**
 * `docker trust inspect` prints the same sentence for every failure, TLS and network included. The sentence stays, because scripts look
 * for it; the reason follows in the hint, and the codes differ.
 */
export function cannotInspect(error: unknown, name: string, gun: string): unknown {
  if (!(error instanceof TagsealError) || error.code === "CANCELLED" || error.code === "REFERENCE_INVALID")
    return error;
  const hint =
    error.code === "REPOSITORY_NOT_SIGNED"
      ? `Sign a tag first: ${gun} has no signatures yet.`
      : `The reason: ${error.message}.${error.hint === undefined ? "" : ` ${error.hint}`}`;
  return reworded(error, { message: `no signatures or cannot access ${name}`, hint });
}

/** The same error after docker's opening words: `prefix: message`. Cancellation stays unchanged. */
export function prefixed(error: unknown, prefix: string): unknown {
  if (!(error instanceof TagsealError) || error.code === "CANCELLED") return error;
  return reworded(error, { message: `${prefix}: ${error.message}` });
}

/** The same error in the words of docker's mapping, for failures that docker prints without an opening. */
export function dockerised(error: unknown, gun: string): unknown {
  if (!(error instanceof TagsealError) || error.code === "CANCELLED") return error;
  return reworded(error, { message: inDockerWords(error, gun) });
}

/**
 * A push that could not be signed. docker contacts the trust server before it begins to sign: an unreachable server is reported
 * as such, every later failure as `failed to sign`.
 */
export function failedToSign(error: unknown, gun: string, tag: string): unknown {
  const cannotAsk = hasCode(error, ...unreachableServer) || hasCode(error, "TRUST_SERVER_URL_INVALID");
  return cannotAsk ? dockerised(error, gun) : prefixed(error, `failed to sign ${gun}:${tag}`);
}

/** `docker trust signer remove` reads the signers first; failures to read them have this opening. */
export function cannotRetrieveSigners(error: unknown, gun: string): unknown {
  const isReading = hasCode(error, ...unreachableServer, "REPOSITORY_NOT_SIGNED");
  return isReading ? prefixed(error, `error retrieving signers for ${gun}`) : error;
}
