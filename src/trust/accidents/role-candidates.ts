/** Which keys of a role an accident is about. */

import { UsageError } from "../../errors.ts";
import type { RoleName } from "../../tuf/metadata.ts";

/** The keys of a role. All IDs are canonical. */
export interface RoleCandidates {
  readonly gun: string;
  readonly role: RoleName;
  /** those that the role names */
  readonly named: readonly string[];
  /** of these, private keys on this machine */
  readonly here: readonly string[];
  /** the spare that the user gave; not among `here` */
  readonly spare: string | undefined;
  /** chosen by the user */
  readonly replace: readonly string[];
}

/**
 * The keys that are lost: those that the user names; else those that are not on this machine and are not the spare; a role with one key
 * has no choice.
 *
 * @param candidates of which one is missing or named by the user
 * @throws UsageError `KEY_NOT_FOUND` for a key that the role does not have; `USAGE` when several may be meant
 */
export function lostKeys(candidates: RoleCandidates): readonly string[] {
  const chosen = chosenOf(candidates);
  if (chosen.length > 0) return chosen;
  const { named, here, spare } = candidates;
  const missing = named.filter((keyId) => keyId !== spare && !here.includes(keyId));
  const isCertain = missing.length === 1 || (spare === undefined && here.length === 0);
  return isCertain ? missing : ambiguous(candidates, missing);
}

/**
 * The keys that leaked: those that the user names; else the only one, or the only one on this machine that is not the spare.
 *
 * @throws as {@link lostKeys}
 */
export function leakedKeys(candidates: RoleCandidates): readonly string[] {
  const chosen = chosenOf(candidates);
  if (chosen.length > 0) return chosen;
  const { named, here, spare } = candidates;
  if (named.length === 1) return named;
  const used = here.filter((keyId) => keyId !== spare);
  return used.length === 1 ? used : ambiguous(candidates, named);
}

function chosenOf({ gun, role, named, replace }: RoleCandidates): readonly string[] {
  const unknown = replace.find((keyId) => !named.includes(keyId));
  if (unknown === undefined) return replace;
  throw new UsageError("KEY_NOT_FOUND", `${role} of ${gun} does not have the key ${unknown}, but ${named.join(", ")}`, {
    hint: `Name a key that it has: --replace ${named[0] ?? "KEYID"}`,
  });
}

function ambiguous({ gun, role }: RoleCandidates, keyIds: readonly string[]): never {
  throw new UsageError("USAGE", `${role} of ${gun} has several keys that may be meant: ${keyIds.join(", ")}`, {
    hint: `Name those to replace: --replace ${keyIds[0] ?? "KEYID"}`,
  });
}
