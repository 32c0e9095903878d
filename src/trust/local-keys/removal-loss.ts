import type { RoleName } from "../../tuf/metadata.ts";
import type { LocalKey } from "./local-key.ts";

/** A role that this machine can sign now, and no longer without the keys that go. */
export interface LostRole {
  readonly gun: string;
  readonly role: RoleName;
}

/**
 * What this machine can no longer sign once it has lost keys: every role that names one of them, and of whose other keys fewer than it
 * needs are here. A role that needs more keys than are here now is lost with the last of them only.
 *
 * @param removed the keys that go
 * @param all every key here, those included
 */
export function rolesLostWith(removed: readonly LocalKey[], all: readonly LocalKey[]): readonly LostRole[] {
  const going = new Set(removed.map(({ keyId }) => keyId));
  const here = new Set(all.map(({ keyId }) => keyId));
  const lost = new Map<string, LostRole>();
  for (const { gun, role, threshold, roleKeyIds } of removed.flatMap(({ namings }) => namings)) {
    const now = roleKeyIds.filter((keyId) => here.has(keyId));
    const left = now.filter((keyId) => !going.has(keyId));
    if (left.length === 0 || (now.length >= threshold && left.length < threshold))
      lost.set(`${gun} ${role}`, { gun, role });
  }
  return [...lost.values()];
}
