/** Which keys of a role a rotation replaces. */

import type { PublicKey } from "../../crypto/public-key.ts";
import { UsageError } from "../../errors.ts";
import type { RoleKeys } from "../../tuf/metadata.ts";

/** A key of a role with both of its IDs: they differ for certificates. */
export interface NamedKey {
  /** the ID in metadata */
  readonly keyId: string;
  /** the ID of its private key's file */
  readonly canonicalId: string;
}

/** A key with its IDs. A certificate that cannot be read has one ID only. */
export function namedKey(key: PublicKey): NamedKey {
  return { keyId: key.keyId, canonicalId: key.bareKeyId ?? key.keyId };
}

/** The keys that a role names, in its order. */
export function namedKeys(roleKeys: RoleKeys | undefined, keys: ReadonlyMap<string, PublicKey>): readonly NamedKey[] {
  return (roleKeys?.keyIds ?? []).map((keyId) => ({ keyId, canonicalId: keys.get(keyId)?.bareKeyId ?? keyId }));
}

/** The role of a rotation, for messages. */
export interface RotatedRole {
  readonly gun: string;
  readonly role: string;
}

/**
 * The keys to replace: those that the user named, or the only one. Of several, a spare key for emergencies for instance, none is replaced
 * unless it is named.
 *
 * @param replace IDs in either form
 * @throws UsageError `USAGE` for a role with several keys and no choice; `KEY_NOT_FOUND` for a key that the role does not have
 */
export function keysToReplace(
  named: readonly NamedKey[],
  replace: readonly string[] | undefined,
  { gun, role }: RotatedRole,
): readonly NamedKey[] {
  const ids = named.map(({ canonicalId }) => canonicalId);
  if (replace === undefined) {
    if (named.length <= 1) return named;
    throw new UsageError("USAGE", `${role} of ${gun} has ${named.length} keys: ${ids.join(", ")}`, {
      hint: `Name those to replace: tagseal trust key rotate --replace ${ids[0]} ${gun} ${role}`,
    });
  }
  const unknown = replace.find((id) => !named.some((key) => isId(key, id)));
  if (unknown === undefined) return named.filter((key) => replace.some((id) => isId(key, id)));
  throw new UsageError("KEY_NOT_FOUND", `${role} of ${gun} does not have the key ${unknown}, but ${ids.join(", ")}`, {
    hint: `Name a key that it has: tagseal trust key rotate --replace ${ids[0] ?? "KEYID"} ${gun} ${role}`,
  });
}

/** True when the role has all these keys already and none that is to be replaced; without a choice, when it has exactly these. */
export function hasThemAlready(
  named: readonly NamedKey[],
  wanted: readonly PublicKey[],
  replace: readonly string[] | undefined,
): boolean {
  const wantedIds = wanted.map((key) => namedKey(key).canonicalId);
  if (!wantedIds.every((id) => named.some(({ canonicalId }) => canonicalId === id))) return false;
  return replace === undefined
    ? named.every(({ canonicalId }) => wantedIds.includes(canonicalId))
    : !named.some((key) => replace.some((id) => isId(key, id)));
}

function isId({ keyId, canonicalId }: NamedKey, id: string): boolean {
  return keyId === id || canonicalId === id;
}
