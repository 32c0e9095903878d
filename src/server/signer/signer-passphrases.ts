/**
 * The passphrases that seal a signer's keys. Each has a name, an alias, which a sealed key's row carries. They come from
 * the operator; a signer of one passphrase may have it generated into a file on its first start.
 */

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { KeyStoreError, TagsealError } from "../../errors.ts";

/** What a signer is given to open and seal keys with. */
export interface SignerPassphrases {
  /** by alias; case does not matter, as the variables that carry them are spelled in upper case */
  readonly byAlias: ReadonlyMap<string, string>;
  /** what new keys are sealed under */
  readonly defaultAlias: string;
}

/** Where passphrases come from. */
export interface PassphraseSource {
  /** without it there is one passphrase, the file's, under the alias `default` */
  readonly given?: SignerPassphrases | undefined;
  /** holds the passphrase of the alias `default` when it is not given; made on the first start. Without it all are given. */
  readonly file?: string | undefined;
  /** told once, with the path, when a passphrase was generated */
  readonly onGenerated?: ((path: string) => void) | undefined;
}

/** The alias of a signer's only passphrase. */
const onlyAlias = "default";

const minPassphraseLength = 8;

/** A signer's only passphrase, as the source of all; undefined when there is none. */
export function onePassphrase(passphrase: string | undefined): SignerPassphrases | undefined {
  return passphrase === undefined
    ? undefined
    : { byAlias: new Map([[onlyAlias, passphrase]]), defaultAlias: onlyAlias };
}

/**
 * The passphrases for a signer that has keys: those given and the file's, never a new one. Which are missing turns out
 * when keys are opened.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when the file is there and cannot be read
 */
export function existingPassphrases({ given, file }: PassphraseSource): SignerPassphrases {
  const { byAlias, defaultAlias } = given ?? { byAlias: new Map<string, string>(), defaultAlias: onlyAlias };
  const inFile = file === undefined || find(byAlias, onlyAlias) !== undefined ? undefined : readPassphraseFile(file);
  return { byAlias: inFile === undefined ? byAlias : new Map([...byAlias, [onlyAlias, inFile]]), defaultAlias };
}

/**
 * The passphrases for a signer that has no keys yet: as {@link existingPassphrases}, but when there is none at all for new
 * keys, and the file may be made, a new one is written to it (mode 0600).
 *
 * @throws KeyStoreError `PASSPHRASE_TOO_SHORT`, `PASSPHRASE_UNAVAILABLE`
 * @throws TagsealError `SERVER_CONFIGURATION` when the file cannot be read or written
 */
export function firstPassphrases(source: PassphraseSource): SignerPassphrases {
  const found = existingPassphrases(source);
  const { file, onGenerated } = source;
  const mayGenerate = file !== undefined && found.defaultAlias === onlyAlias;
  if (mayGenerate && find(found.byAlias, onlyAlias) === undefined) {
    const generated = generateInto(file);
    onGenerated?.(file);
    return { ...found, byAlias: new Map([...found.byAlias, [onlyAlias, generated]]) };
  }
  checkLength(passphraseOf(found, found.defaultAlias));
  return found;
}

/**
 * The passphrase of an alias.
 *
 * @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`: without it nothing may be signed, least of all with another key
 */
export function passphraseOf({ byAlias }: SignerPassphrases, alias: string): string {
  const passphrase = find(byAlias, alias);
  if (passphrase !== undefined) return passphrase;
  throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", `The signer was not given the passphrase "${alias}"`, {
    hint: missingHint(alias),
  });
}

function missingHint(alias: string): string {
  const keep = "Keep every passphrase until `tagseal signer rekey` reports that no key needs it.";
  if (alias === onlyAlias)
    return `Set TAGSEAL_SIGNER_PASSPHRASE, or restore signer.passphrase from the backup that holds signer.db. ${keep}`;
  return `Set NOTARY_SIGNER_${alias.toUpperCase()}. ${keep}`;
}

function find(byAlias: ReadonlyMap<string, string>, alias: string): string | undefined {
  const wanted = alias.toUpperCase();
  for (const [name, passphrase] of byAlias) if (name.toUpperCase() === wanted) return passphrase;
  return undefined;
}

function checkLength(passphrase: string): void {
  if (passphrase.length >= minPassphraseLength) return;
  const message = `The signer's passphrase needs at least ${minPassphraseLength} characters`;
  throw new KeyStoreError("PASSPHRASE_TOO_SHORT", message, {
    hint: "Set TAGSEAL_SIGNER_PASSPHRASE to a longer one, or leave it unset to have one generated.",
  });
}

function readPassphraseFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable("read", path, error);
  }
}

function generateInto(path: string): string {
  const passphrase = randomBytes(32).toString("base64url");
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      writeSync(file, `${passphrase}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unusable("write", path, error);
  }
  return passphrase;
}

function unusable(doing: string, path: string, cause: unknown): TagsealError {
  return new TagsealError("SERVER_CONFIGURATION", `Cannot ${doing} the signer's passphrase file ${path}`, { cause });
}
