/** Which names of collections this server accepts. Invariant I8: clients keep files under these names. */

import { WireError } from "./wire-error.ts";

/** bytes of UTF-8; every store has room for that */
const maxGunBytes = 255;

// Control characters, and what file systems, URLs and shells treat specially: white space, backslash, star.
const refusedCharacter = /[\p{Cc}\p{Z}\\*]/u;

/** The reason a name is refused, or undefined when it may be used. */
export function gunFault(gun: string): string | undefined {
  if (Buffer.byteLength(gun) > maxGunBytes) return `a name has at most ${maxGunBytes} bytes`;
  if (!gun.isWellFormed() || refusedCharacter.test(gun))
    return "a name has no white space, control characters, \\ or *";
  const segments = gun.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    return "a name has no empty, . or .. segments";
  }
  return segments.includes("_trust") ? "a name has no segment _trust" : undefined;
}

/** Refuses a name that no collection may have. @throws WireError `INVALID_GUN` */
export function requireGun(gun: string): void {
  const fault = gunFault(gun);
  if (fault !== undefined) throw new WireError("INVALID_GUN", { detail: fault });
}

/**
 * Applies the operator's list of prefixes; an empty list allows every name.
 *
 * @throws WireError for a name outside: `INVALID_GUN` to a publisher, `METADATA_NOT_FOUND` to all others
 * @see Notary v1: GUN prefixes
 */
export function requirePrefix(gun: string, prefixes: readonly string[], publishing: boolean): void {
  if (prefixes.length === 0 || prefixes.some((prefix) => gun.startsWith(prefix))) return;
  if (!publishing) throw new WireError("METADATA_NOT_FOUND");
  throw new WireError("INVALID_GUN", { detail: `Require GUNs with prefix: [${prefixes.join(" ")}]` });
}
