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

/** What the user chose of the keys of a role. */
export interface KeyChoice {
  /** IDs in either form */
  readonly replace: readonly string[] | undefined;
  /** the keys that the role is to have, apart from those it keeps; undefined when one is made */
  readonly given: readonly PublicKey[] | undefined;
}

/**
 * The keys to replace: those that the user named, or the only one. Of several, a spare key for emergencies for instance, none is replaced
 * unless it is named, and none needs to be if all are among the given keys. A key whose certificate is given is replaced by it.
 *
 * @throws UsageError `USAGE` for a role with several keys and no choice; `KEY_NOT_FOUND` for a key that the role does not have
 */
export function keysToReplace(
  named: readonly NamedKey[],
  { replace, given }: KeyChoice,
  rotated: RotatedRole,
): readonly NamedKey[] {
  if (replace === undefined) {
    const others = named.filter((key) => !isAmong(key, given ?? []));
    if (others.length > 0 && named.length > 1) throw undecided(named, others, rotated);
    return [...others, ...renewed(named, given ?? [])];
  }
  const chosen = namedByUser(named, replace, rotated);
  return [...chosen, ...recertified(named, given ?? []).filter((key) => !chosen.includes(key))];
}

/** Of the given keys, those that the role does not keep as they are. */
export function keysToAdd(
  given: readonly PublicKey[],
  named: readonly NamedKey[],
  replaced: readonly NamedKey[],
): readonly PublicKey[] {
  const kept = named.filter((key) => !replaced.includes(key));
  return given.filter((key) => !kept.some(({ canonicalId }) => canonicalId === namedKey(key).canonicalId));
}

/** Nothing but keys that the role has: they are named again, with new certificates where they have some. */
function renewed(named: readonly NamedKey[], given: readonly PublicKey[]): readonly NamedKey[] {
  const isNew = (key: PublicKey): boolean =>
    !named.some(({ canonicalId }) => canonicalId === namedKey(key).canonicalId);
  return given.some(isNew) ? recertified(named, given) : named.filter((key) => isAmong(key, given));
}

function recertified(named: readonly NamedKey[], given: readonly PublicKey[]): readonly NamedKey[] {
  const certificates = given.filter((key) => key.isX509).map(namedKey);
  return named.filter((key) =>
    certificates.some(({ keyId, canonicalId }) => canonicalId === key.canonicalId && keyId !== key.keyId),
  );
}

function isAmong({ canonicalId }: NamedKey, given: readonly PublicKey[]): boolean {
  return given.some((key) => namedKey(key).canonicalId === canonicalId);
}

function undecided(named: readonly NamedKey[], others: readonly NamedKey[], { gun, role }: RotatedRole): UsageError {
  const ids = named.map(({ canonicalId }) => canonicalId);
  const [first = ""] = others.map(({ canonicalId }) => canonicalId);
  return new UsageError("USAGE", `${role} of ${gun} has ${named.length} keys: ${ids.join(", ")}`, {
    hint: `Name those to replace (--key keeps one): tagseal trust key rotate --replace ${first} ${gun} ${role}`,
  });
}

function namedByUser(
  named: readonly NamedKey[],
  replace: readonly string[],
  { gun, role }: RotatedRole,
): readonly NamedKey[] {
  const ids = named.map(({ canonicalId }) => canonicalId);
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
