import { hasCode } from "../../errors.ts";
import { durationWords, signedAt } from "../../tuf/timestamp-age.ts";
import type { TrustedCollection } from "../../tuf/trusted-collection.ts";
import type { UpdateWarning } from "../../tuf/updater.ts";
import type { TrustContext } from "../trust-context.ts";

/** How fresh a reading is, and where it comes from. */
export interface Freshness {
  /** in words: `signed 3 h ago, valid until 2026-12-01T09:00:00.000Z` */
  readonly summary: string;
  /** when the timestamp was signed, calculated from its expiry and its lifetime; undefined when that lifetime is unknown */
  readonly signedAt: Date | undefined;
  readonly validUntil: Date;
  /** the trust server's address */
  readonly server: string;
  /** the server did not answer: this is its last known answer */
  readonly cached: boolean;
  /** when the server last presented this timestamp to this machine, where that is recorded */
  readonly confirmedAt: Date | undefined;
}

/** How fresh a collection is that has just been read. */
export async function freshnessOf(context: TrustContext, collection: TrustedCollection): Promise<Freshness> {
  const { cache, repository, timestampLifetimeMs } = context;
  const now = context.now();
  const validUntil = (collection.timestamp ?? collection.snapshot).body.expiresAt;
  const seenAt = (await cache.firstSeenAt?.("timestamp")) ?? now;
  const at = signedAt({ expiresAt: validUntil, seenAt: seenAt < now ? seenAt : now, lifetimeMs: timestampLifetimeMs });
  const age = at === undefined ? "" : `signed ${durationWords(now.getTime() - at.getTime())} ago, `;
  return {
    summary: `${age}valid until ${validUntil.toISOString()}`,
    signedAt: at,
    validUntil,
    server: repository.url,
    cached: collection.isTimestampCached === true,
    confirmedAt: await cache.confirmedAt?.("timestamp"),
  };
}

/** The warning for when the server did not answer: which server, why, and the age of what is used instead. */
export async function cachedWarning(
  context: TrustContext,
  collection: TrustedCollection,
  { message, error: why }: UpdateWarning,
): Promise<string> {
  const { summary, server, confirmedAt } = await freshnessOf(context, collection);
  const reason = hasCode(why, "METADATA_MISSING") ? "it does not have it" : why instanceof Error ? why.message : "";
  const last =
    confirmedAt === undefined
      ? ""
      : `last confirmed ${durationWords(context.now().getTime() - confirmedAt.getTime())} ago, `;
  return `${message}: ${server} did not answer (${reason}); what is cached was ${last}${summary}`;
}
