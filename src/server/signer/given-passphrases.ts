/** Passphrases by their aliases: how one is found, and what to do when it is missing. */

import { KeyStoreError } from "../../errors.ts";

/** The passphrases that an operator has given. */
export interface GivenPassphrases {
  /** by alias; case does not matter, as the variables that carry them are spelled in upper case */
  readonly byAlias: ReadonlyMap<string, string>;
  /** the alias for new keys, when the operator has named it */
  readonly defaultAlias?: string | undefined;
}

/** The alias of a signer's only passphrase. */
export const onlyAlias = "default";

/** The passphrase of an alias, if there is one. An alias is spelled as in its row, a variable as a shell allows. */
export function findPassphrase(byAlias: ReadonlyMap<string, string>, alias: string): string | undefined {
  const entries = [...byAlias];
  const isSame = ([name]: readonly [string, string]): boolean => name.toUpperCase() === alias.toUpperCase();
  const isLike = ([name]: readonly [string, string]): boolean => passphraseVariable(name) === passphraseVariable(alias);
  return (entries.find(isSame) ?? entries.find(isLike))?.[1];
}

/**
 * The passphrase of an alias.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`: nothing may be signed without it, especially not with another key
 */
export function passphraseOf(passphrases: GivenPassphrases, alias: string): string {
  const passphrase = findPassphrase(passphrases.byAlias, alias);
  if (passphrase !== undefined) return passphrase;
  throw missing(passphrases, [alias], []);
}

/**
 * Makes sure that each of these aliases has a passphrase.
 *
 * @param inUse aliases that keys are sealed under, for the hint
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`, naming all that are missing
 */
export function requirePassphrases(
  passphrases: GivenPassphrases,
  aliases: readonly string[],
  inUse: readonly string[],
): void {
  const byVariable = new Map(aliases.map((alias) => [passphraseVariable(alias), alias]));
  const absent = [...byVariable.values()].filter((alias) => findPassphrase(passphrases.byAlias, alias) === undefined);
  if (absent.length > 0) throw missing(passphrases, absent, inUse);
}

/** The variable that a passphrase is read from: Notary's, in letters that a shell can set. */
export function passphraseVariable(alias: string): string {
  return `NOTARY_SIGNER_${alias.toUpperCase().replaceAll(/[^A-Z0-9_]/gu, "_")}`;
}

function missing({ byAlias }: GivenPassphrases, absent: readonly string[], inUse: readonly string[]): KeyStoreError {
  const names = listed(absent);
  const message = `The signer was not given the passphrase${absent.length === 1 ? "" : "s"} ${names}`;
  const given = [...byAlias.keys()];
  const known = [
    ...(inUse.length === 0 ? [] : [`Keys are sealed under ${listed(inUse)}.`]),
    ...(given.length === 0 ? [] : [`Given: ${listed(given)}.`]),
  ];
  const hint = [
    ...missingHints(absent, given, inUse),
    ...known,
    "Keep every passphrase until `tagseal signer rekey` reports that no key needs it.",
  ];
  return new KeyStoreError("PASSPHRASE_UNAVAILABLE", message, { hint: hint.join(" ") });
}

function missingHints(
  absent: readonly string[],
  given: readonly string[],
  inUse: readonly string[],
): readonly string[] {
  const isUsed = (alias: string): boolean =>
    inUse.some((used) => passphraseVariable(used) === passphraseVariable(alias));
  const [alias = "", ...others] = absent;
  if (others.length === 0 && !isUsed(alias) && given.length > 0)
    return [`Set NOTARY_SIGNER_DEFAULT_ALIAS=${given[0]} to seal new keys under that, or set ${settingOf(alias)}.`];
  if (others.length === 0 && alias === onlyAlias)
    return [`Set ${settingOf(alias)}, or restore signer.passphrase from the backup that holds signer.db.`];
  return [`Set ${absent.map(settingOf).join(" and ")}.`];
}

function settingOf(alias: string): string {
  return alias === onlyAlias ? "TAGSEAL_SIGNER_PASSPHRASE" : passphraseVariable(alias);
}

function listed(aliases: readonly string[]): string {
  return aliases.map((alias) => JSON.stringify(alias)).join(", ");
}
