import { timingSafeEqual } from "node:crypto";
import { sha256 } from "../crypto/sha256.ts";
import type { UserAndPassword } from "../docker-config/credentials.ts";
import type { Authorise } from "../login/access-request.ts";

/** Everything for one user, nothing for all others of the machine. RFC 7617 */
export function onlyUser({ username, password }: UserAndPassword): Authorise {
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return async ({ headers: { authorization } }) =>
    isSame(authorization ?? "", wanted)
      ? { allowed: true, user: username }
      : {
          allowed: false,
          challenge: 'Basic realm="sandbox"',
          refusal: authorization === undefined ? "missing" : "invalid",
        };
}

/** Hashes have one length, and take the same time to compare wherever they differ. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(sha256(Buffer.from(one)), sha256(Buffer.from(other)));
}
