/** How long new files stay valid, how their expiry is written, and when to sign them again. */

import type { Body, RoleName } from "./metadata.ts";

/** A day in milliseconds. */
export const dayMs = 86_400_000;

/** The expiry of a role, as signed text and as the instant it names. */
export type Expiry = Pick<Body, "expires" | "expiresAt">;

/**
 * How long a newly signed file of `role` stays valid, in milliseconds: root ten years, timestamp a fortnight, all others three years.
 *
 * @see Notary v1: roles, thresholds, expiry
 */
export function lifetimeMs(role: RoleName): number {
  if (role === "root") return 3650 * dayMs;
  return role === "timestamp" ? 14 * dayMs : 1095 * dayMs;
}

/**
 * The expiry of a file signed at `now`: UTC, RFC 3339, the fraction without its trailing zeros and absent when it is zero. Any other
 * spelling of the same instant changes when the reference server writes the file again, and so the hash every reader asks for.
 *
 * @see Notary v1: times
 */
export function expiryAfter(now: Date, validForMs: number): Expiry {
  const expiresAt = new Date(now.getTime() + validForMs);
  const expires = expiresAt.toISOString().replace(/\.?0*Z$/, "Z");
  return { expires, expiresAt };
}

/** True once the file has expired at `now`. TUF 1.0.34 §5.4.4 */
export function isExpired(body: Body, now: Date): boolean {
  return now.getTime() > body.expiresAt.getTime();
}

/** True from six calendar months before the end of the file's validity: time to sign it again. Notary v1: publish, step by step. */
export function isNearExpiry(body: Body, now: Date): boolean {
  const horizon = new Date(now);
  horizon.setUTCMonth(horizon.getUTCMonth() + 6);
  return body.expiresAt.getTime() < horizon.getTime();
}
