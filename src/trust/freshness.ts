import { hasCode } from "../errors.ts";
import { durationWords, signedAt } from "../tuf/timestamp-age.ts";
import type { TrustedCollection } from "../tuf/trusted-collection.ts";
import type { UpdateWarning } from "../tuf/updater.ts";
import type { TrustContext } from "./trust-context.ts";

/** How fresh what was read is, and from where. */
export interface Freshness {
  /** in words: `signed 3 h ago, valid until 2026-12-01T09:00:00.000Z` */
  readonly summary: string;
  /** when the timestamp was signed, reckoned from its end and its lifetime; undefined when that lifetime is not known */
  readonly signedAt: Date | undefined;
  readonly validUntil: Date;
  /** the trust server's address */
  readonly server: string;
  /** the server did not answer: this is what it last said to this machine */
  readonly cached: boolean;
  /** when the server last presented this timestamp to this machine, where that is on record */
  readonly confirmedAt: Date | undefined;
}

/** Tells how fresh a collection is that was read just now. */
export async function freshnessOf(context: TrustContext, collection: TrustedCollection): Promise<Freshness> {
  const { cache, server, timestampLifetimeMs } = context;
  const now = context.now();
  const validUntil = (collection.timestamp ?? collection.snapshot).body.expiresAt;
  const seenAt = (await cache.firstSeenAt?.("timestamp")) ?? now;
  const at = signedAt({ expiresAt: validUntil, seenAt: seenAt < now ? seenAt : now, lifetimeMs: timestampLifetimeMs });
  const age = at === undefined ? "" : `signed ${durationWords(now.getTime() - at.getTime())} ago, `;
  return {
    summary: `${age}valid until ${validUntil.toISOString()}`,
    signedAt: at,
    validUntil,
    server: server.url,
    cached: collection.isTimestampCached === true,
    confirmedAt: await cache.confirmedAt?.("timestamp"),
  };
}

/** What a person should know when the server did not answer: which one, why, and how old what is used instead is. */
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
