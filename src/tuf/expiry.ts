/** Expiry: how long new files stay valid, how it is written, that an expired file is refused, and when to sign again. */

import { MetadataError } from "../errors.ts";
import type { Body, MetadataFile, RoleName } from "./metadata.ts";
import { displayTime } from "./notary-v1/time.ts";
import { isServerRole } from "./role-name.ts";

/** A day in milliseconds. */
export const dayMs = 86_400_000;

/** How long before its end users are told that something expires: 90 days. Off-spec: docker and notary warn for six months. */
export const noticeMs = 90 * dayMs;

/** True once something that expires at `expiresAt` is due: the one rule for everything that users are warned about. */
export function isDue(expiresAt: Date, now: Date, withinMs: number = noticeMs): boolean {
  return expiresAt.getTime() - now.getTime() <= withinMs;
}

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

/**
 * True from six calendar months before the end of the file's validity: a publication signs it again if the keys are here, before users must be
 * told. Notary v1: publish, step by step.
 */
export function isNearExpiry(body: Body, now: Date): boolean {
  const horizon = new Date(now);
  horizon.setUTCMonth(horizon.getUTCMonth() + 6);
  return body.expiresAt.getTime() < horizon.getTime();
}

/** Whose clock a file was compared with. */
export type ClockOwner = "this machine" | "this server";

/** What a clock shows, as part of a sentence. */
export function clockSays(owner: ClockOwner, now: Date): string {
  return `${owner}'s clock says ${now.toISOString()}`;
}

/**
 * Refuses an expired file.
 *
 * @throws MetadataError `METADATA_EXPIRED`
 */
export function requireFresh(file: MetadataFile, now: Date, clockOf: ClockOwner = "this machine"): void {
  if (now <= file.body.expiresAt) return;
  const expired = `${file.role} expired at ${displayTime(file.body.expiresAt)}`;
  // A publisher cannot see the server's clock.
  const message = clockOf === "this server" ? `${clockSays(clockOf, now)}, but ${expired}` : expired;
  throw new MetadataError("METADATA_EXPIRED", message, { hint: staleHint(file.role, clockSays(clockOf, now)) });
}

/** Who must sign again: the server renews two of the roles itself; if they are old, an attacker may be withholding newer files. */
function staleHint(role: RoleName, clock: string): string {
  if (isServerRole(role))
    return `Check the clock: ${clock}. If that is right, the trust server no longer renews this file, or an attacker keeps newer files from you: ask the operator of the server.`;
  return `Its owner signs it again with "tagseal trust renew IMAGE"; check the clock, too: ${clock}.`;
}
