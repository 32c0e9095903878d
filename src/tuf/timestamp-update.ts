/** Asking for the timestamp, and what may stand in for it when the server cannot be asked. */

import { MetadataError, TagsealError, hasCode } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { CachedFiles } from "./cached-files.ts";
import type { MetadataFile } from "./metadata.ts";
import { maxFileBytes } from "./notary-v1/bounds.ts";
import type { TrustedMetadata } from "./trusted-metadata.ts";
import type { UpdateOptions } from "./update-options.ts";

/**
 * Failures after which the cached timestamp may be used: the server could not be asked, or had no answer. Never one that says the
 * answer, or the server, is not to be trusted, and never a 400.
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

/** How long a trust server of the reference lets a timestamp live, in milliseconds. */
const timestampLifetimeMs = 14 * 24 * 60 * 60 * 1000;

/** What may stand in for an answer of the server. */
export interface AllowedFallback {
  readonly cachedTimestamp: boolean;
}

/** The server's timestamp, or why there is none: a promise of it never rejects, so that it can be awaited late. */
export type TimestampAnswer = { readonly bytes: Uint8Array } | { readonly error: unknown };

/** Asks the server for its timestamp. What it answers is nothing but bytes until {@link loadTimestamp} has judged it. */
export async function askForTimestamp({ source }: UpdateOptions): Promise<TimestampAnswer> {
  try {
    return { bytes: await source.fetch("timestamp", maxFileBytes("timestamp")) };
  } catch (error) {
    return { error };
  }
}

/**
 * Loads the server's timestamp into `trusted`, or the cached one with a warning.
 *
 * @param asked the answer, if the server was asked already
 * @throws MetadataError for a timestamp that must not be trusted; `METADATA_STALE` when the cached one is too old to stand in
 * @throws TagsealError what the source threw, when there is nothing to stand in
 * @see Notary v1: update loop
 */
export async function loadTimestamp(
  options: UpdateOptions,
  files: CachedFiles,
  trusted: TrustedMetadata,
  allowed: AllowedFallback,
  asked?: Promise<TimestampAnswer>,
): Promise<void> {
  const asking = asked ?? askForTimestamp(options);
  // While the server thinks: read what will be needed whatever it says.
  const cached = await files.latest("timestamp");
  await files.latest("snapshot");
  await files.latest("targets");
  const answer = await asking;
  if ("bytes" in answer) await acceptTimestamp(options, files, trusted, answer.bytes, cached);
  else if (!allowed.cachedTimestamp) throw answer.error;
  else await useCached(options, trusted, cached, answer.error);
}

async function acceptTimestamp(
  options: UpdateOptions,
  files: CachedFiles,
  trusted: TrustedMetadata,
  bytes: Uint8Array,
  cached: MetadataFile | undefined,
): Promise<void> {
  if (cached !== undefined && Buffer.from(cached.bytes).equals(bytes)) {
    trusted.load("timestamp", cached);
    await options.cache.confirm?.("timestamp");
    return;
  }
  const minVersion = await files.trustedVersion("timestamp", trusted.signersOf("timestamp"));
  await files.store(trusted.load("timestamp", bytes, { minVersion: minVersion ?? 1 }));
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

async function requireRecent(options: UpdateOptions, cached: MetadataFile, cause: unknown): Promise<void> {
  const { maxStalenessMs, now } = options;
  if (maxStalenessMs === undefined) return;
  const confirmedAt = (await options.cache.confirmedAt?.("timestamp")) ?? issuedAt(cached);
  const ageMs = now.getTime() - confirmedAt.getTime();
  // An age below zero is a clock or a lifetime we do not understand, and no proof of youth.
  if (ageMs >= 0 && ageMs <= maxStalenessMs && maxStalenessMs > 0) return;
  throw new MetadataError(
    "METADATA_STALE",
    `the trust server cannot be asked and the cached timestamp dates from ${confirmedAt.toISOString()}`,
    {
      cause,
      hint: `At most ${maxStalenessMs} ms were allowed. Try again when the server can be reached.`,
    },
  );
}

/** The earliest a timestamp can have been signed, going by the lifetime it is usually given. */
function issuedAt(timestamp: MetadataFile): Date {
  return new Date(timestamp.body.expiresAt.getTime() - timestampLifetimeMs);
}
