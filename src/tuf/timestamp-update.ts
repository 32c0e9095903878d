/** Fetches the timestamp, or uses the cached one when the server cannot be reached. */

import { MetadataError, TagsealError, hasCode } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { CachedFiles } from "./cached-files.ts";
import type { MetadataFile } from "./metadata.ts";
import { maxFileBytes } from "./notary-v1/bounds.ts";
import { durationWords, signedAt } from "./timestamp-age.ts";
import type { TrustedMetadata } from "./trusted-metadata.ts";
import type { UpdateOptions } from "./update-options.ts";

/**
 * Failures after which the cached timestamp may be used: the server could not be reached, or had no answer. Never a failure that says the
 * answer, or the server, must not be trusted, and never a 400.
 *
 * Off-spec: the reference also falls back when the server's certificate is not trusted.
 */
const unreachable: readonly ErrorCode[] = [
  "METADATA_MISSING",
  "TRUST_SERVER_ERROR",
  "NETWORK_UNREACHABLE",
  "NETWORK_TIMEOUT",
  "AUTHENTICATION_REQUIRED",
  "AUTHENTICATION_REFUSED",
];

const fallbackWarning =
  "Error while downloading remote metadata, using cached timestamp - this might not be the latest version available remotely";

/** Where the timestamp that was accepted came from. */
export type TimestampOrigin = "server" | "cache";

/** One update while it runs: its settings, the cached files, and the set that grows. */
export interface RunningUpdate {
  readonly options: UpdateOptions;
  readonly files: CachedFiles;
  readonly trusted: TrustedMetadata;
}

/** What may replace an answer of the server. */
export interface AllowedFallback {
  readonly cachedTimestamp: boolean;
}

/** The server's timestamp, or the failure: a promise of it never rejects, so that it can be awaited later. */
export type TimestampAnswer = { readonly bytes: Uint8Array } | { readonly error: unknown };

/** Asks the server for its timestamp. The answer is untrusted bytes until {@link loadTimestamp} has verified it. */
export async function askForTimestamp({ source }: UpdateOptions): Promise<TimestampAnswer> {
  try {
    return { bytes: await source.fetch("timestamp", maxFileBytes("timestamp")) };
  } catch (error) {
    return { error };
  }
}

/**
 * Loads the server's timestamp into the set of trusted files, or the cached one with a warning.
 *
 * @param asked the answer, if the server was already asked
 * @throws MetadataError for a timestamp that must not be trusted; `METADATA_STALE` for one that is older than the caller allows
 * @throws TagsealError what the source threw, when no cached timestamp may be used
 * @see Notary v1: update loop
 */
export async function loadTimestamp(
  update: RunningUpdate,
  allowed: AllowedFallback,
  asked?: Promise<TimestampAnswer>,
): Promise<TimestampOrigin> {
  const { options, files, trusted } = update;
  const asking = asked ?? askForTimestamp(options);
  // While the server works, read what is needed in any case.
  const cached = await files.latest("timestamp");
  await files.latest("snapshot");
  await files.latest("targets");
  const answer = await asking;
  if ("bytes" in answer) {
    const accepted = await acceptTimestamp(update, answer.bytes, cached);
    if (options.maxStalenessMs !== 0) await requireRecent(options, accepted, undefined);
    return "server";
  }
  if (!allowed.cachedTimestamp) throw answer.error;
  await useCached(options, trusted, cached, answer.error);
  return "cache";
}

async function acceptTimestamp(
  { options, files, trusted }: RunningUpdate,
  bytes: Uint8Array,
  cached: MetadataFile | undefined,
): Promise<MetadataFile> {
  if (cached !== undefined && Buffer.from(cached.bytes).equals(bytes)) {
    trusted.load("timestamp", cached);
    await options.cache.confirm?.("timestamp");
    return cached;
  }
  const minVersion = await files.trustedVersion("timestamp", trusted.signersOf("timestamp"));
  const file = trusted.load("timestamp", bytes, { minVersion: minVersion ?? 1 });
  await files.store(file);
  return file;
}

async function useCached(
  options: UpdateOptions,
  trusted: TrustedMetadata,
  cached: MetadataFile | undefined,
  failure: unknown,
): Promise<void> {
  if (cached === undefined || !hasCode(failure, ...unreachable)) throw failure;
  try {
    trusted.load("timestamp", cached);
  } catch (error) {
    if (!(error instanceof TagsealError)) throw error;
    // What matters to the user is that the server did not answer: with an answer the cached file would have been replaced.
    throw failure;
  }
  await requireRecent(options, cached, failure);
  options.onWarning?.({ kind: "cached-timestamp", message: fallbackWarning, role: "timestamp", error: failure });
}

/** @param failure why the server did not answer; undefined when it did */
async function requireRecent(options: UpdateOptions, timestamp: MetadataFile, failure: unknown): Promise<void> {
  const { cache, maxStalenessMs, now, timestampLifetimeMs } = options;
  if (maxStalenessMs === undefined) return;
  const { expiresAt } = timestamp.body;
  const seenAt = earlier(await cache.firstSeenAt?.("timestamp"), now);
  const at = signedAt({ expiresAt, seenAt, lifetimeMs: timestampLifetimeMs });
  if (maxStalenessMs > 0 && at !== undefined && now.getTime() - at.getTime() <= maxStalenessMs) return;
  throw tooOld(options, at, failure);
}

function earlier(one: Date | undefined, other: Date): Date {
  return one !== undefined && one < other ? one : other;
}

function tooOld({ maxStalenessMs = 0, now }: UpdateOptions, at: Date | undefined, cause: unknown): MetadataError {
  const allowed = `at most ${durationWords(maxStalenessMs)} is allowed`;
  const age =
    at === undefined
      ? "does not tell how old it is"
      : `was signed ${durationWords(now.getTime() - at.getTime())} ago, at ${at.toISOString()}`;
  if (cause !== undefined) {
    const message = `the trust server cannot be asked, and the cached timestamp ${age}; ${allowed}`;
    return new MetadataError("METADATA_STALE", message, { cause, hint: "Try again when the server can be reached." });
  }
  return new MetadataError("METADATA_STALE", `the timestamp the trust server presents ${age}; ${allowed}`, {
    hint: "The server has not signed since, or something presents old files in its place. Notary signs a timestamp again only once its fortnight is over; for a server with another lifetime set TAGSEAL_TIMESTAMP_LIFETIME.",
  });
}
