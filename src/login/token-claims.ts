/** Reads a token's user and permissions. */

import type { JWTPayload } from "jose";
import { isUserName, type Grants } from "./login.ts";

/** One entry of `access`: a resource and what may be done with it. */
interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

/** The user and the permissions in a verified token. */
export interface TokenClaims {
  /** undefined when the token was issued without a login */
  readonly user: string | undefined;
  readonly grants: Grants;
}

/** far more than a client asks for at once */
const maxEntries = 100;
const maxActions = 20;

/**
 * Reads the claims of a token whose signature, issuer, audience and times are good.
 *
 * @returns undefined when they do not have the form that docker's token servers write
 * @see Notary v1: token authentication
 */
export function parseClaims(payload: JWTPayload, latestIssue: Date): TokenClaims | undefined {
  const { sub = "", iat } = payload;
  // A token server written in Go writes an empty list as null.
  const access = payload["access"] ?? [];
  if (typeof sub !== "string" || (sub !== "" && !isUserName(sub))) return undefined;
  if (iat !== undefined && (typeof iat !== "number" || iat * 1000 > latestIssue.getTime())) return undefined;
  if (!isAccessList(access)) return undefined;
  return { user: sub === "" ? undefined : sub, grants: (gun, actions) => isGranted(access, gun, actions) };
}

function isGranted(access: readonly Access[], gun: string | undefined, actions: readonly string[]): boolean {
  const [type, name] = gun === undefined ? ["registry", "catalog"] : ["repository", gun];
  const granted = new Set(
    access.filter((entry) => entry.type === type && entry.name === name).flatMap((entry) => entry.actions),
  );
  return granted.has("*") || (actions.length > 0 && actions.every((action) => granted.has(action)));
}

function isAccessList(value: unknown): value is readonly Access[] {
  return Array.isArray(value) && value.length <= maxEntries && value.every(isAccess);
}

function isAccess(value: unknown): value is Access {
  if (typeof value !== "object" || value === null) return false;
  const { type, name, actions } = value as Readonly<Record<string, unknown>>;
  return typeof type === "string" && typeof name === "string" && isActionList(actions);
}

function isActionList(value: unknown): boolean {
  return Array.isArray(value) && value.length <= maxActions && value.every((action) => typeof action === "string");
}
