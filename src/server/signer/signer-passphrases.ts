/**
 * The passphrases that seal a signer's keys. Each has an alias, which the row of a sealed key names. They come from the operator; a signer with one
 * passphrase may generate it into a file on its first start.
 */

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { KeyStoreError, TagsealError } from "../../errors.ts";
import { checkSecret } from "../../service/secret-files.ts";
import type { ServerLog } from "../../service/log.ts";
import {
  type GivenPassphrases,
  onlyAlias,
  findPassphrase,
  passphraseOf,
  requirePassphrases,
} from "./given-passphrases.ts";

/** What a signer opens and seals keys with. */
export interface SignerPassphrases extends GivenPassphrases {
  /** the alias for new keys */
  readonly defaultAlias: string;
}

/** Where passphrases come from. */
export interface PassphraseSource {
  /** without it the only passphrase is the file's, under the alias `default` */
  readonly given?: GivenPassphrases | undefined;
  /** holds the passphrase of the alias `default` when it is not given; made on the first start. Without a file all passphrases are given. */
  readonly file?: string | undefined;
  /** called for a file that other users may read */
  readonly log?: Pick<ServerLog, "write"> | undefined;
  /** called once, with the path, when a passphrase was generated */
  readonly onGenerated?: ((path: string) => void) | undefined;
}

const minPassphraseLength = 8;

/** One passphrase as a signer's only one; undefined when there is none. */
export function onePassphrase(passphrase: string | undefined): SignerPassphrases | undefined {
  return passphrase === undefined
    ? undefined
    : { byAlias: new Map([[onlyAlias, passphrase]]), defaultAlias: onlyAlias };
}

/**
 * The passphrases for a signer that has keys: the given ones and the file's, never a new one. Missing ones are found when keys are opened.
 *
 * @param inUse aliases that keys are sealed under: see {@link defaultAliasOf}
 * @throws TagsealError `SERVER_CONFIGURATION` when the file exists and cannot be read
 */
export function existingPassphrases(source: PassphraseSource, inUse: readonly string[] = []): SignerPassphrases {
  const { byAlias, defaultAlias } = source.given ?? { byAlias: new Map<string, string>() };
  const file = passphraseFileOf(source);
  const inFile = file === undefined ? undefined : readPassphraseFile(file, source.log);
  const all = inFile === undefined ? byAlias : new Map([...byAlias, [onlyAlias, inFile]]);
  return { byAlias: all, defaultAlias: defaultAlias ?? defaultAliasOf(all, inUse) };
}

/** The file that is looked into for a passphrase; undefined where none is, since what it would hold was given. */
export function passphraseFileOf({ given, file }: Pick<PassphraseSource, "given" | "file">): string | undefined {
  return given !== undefined && findPassphrase(given.byAlias, onlyAlias) !== undefined ? undefined : file;
}

/**
 * The passphrases for a signer that has no secret for new keys yet: as {@link existingPassphrases}, but when there is none at all for new
 * keys, and the file may be made, a new one is written to it (mode 0600).
 *
 * @throws KeyStoreError `PASSPHRASE_TOO_SHORT`, `PASSPHRASE_UNAVAILABLE`
 * @throws TagsealError `SERVER_CONFIGURATION` when the file cannot be read or written
 */
export function firstPassphrases(source: PassphraseSource, inUse: readonly string[] = []): SignerPassphrases {
  const found = existingPassphrases(source, inUse);
  const { file, onGenerated } = source;
  const mayGenerate = file !== undefined && found.defaultAlias === onlyAlias;
  if (mayGenerate && findPassphrase(found.byAlias, onlyAlias) === undefined) {
    const generated = generateInto(file);
    onGenerated?.(file);
    return { ...found, byAlias: new Map([...found.byAlias, [onlyAlias, generated]]) };
  }
  requirePassphrases(found, [...inUse, found.defaultAlias], inUse);
  // A passphrase already in use has the length another signer accepted; refusing it would protect nothing and stop the start.
  if (!inUse.includes(found.defaultAlias)) checkLength(passphraseOf(found, found.defaultAlias));
  return found;
}

/**
 * The alias for new keys when the operator has named none: `default` where it has a passphrase, else the first of those in use that has one, else the
 * only one that was given. So a table from another signer works without naming the alias that already seals its keys.
 *
 * @param inUse the most important one first
 */
function defaultAliasOf(byAlias: ReadonlyMap<string, string>, inUse: readonly string[]): string {
  if (findPassphrase(byAlias, onlyAlias) !== undefined) return onlyAlias;
  const used = inUse.find((alias) => findPassphrase(byAlias, alias) !== undefined);
  if (used !== undefined) return used;
  const [only, ...others] = byAlias.keys();
  return only === undefined || others.length > 0 ? onlyAlias : only;
}

function checkLength(passphrase: string): void {
  if (passphrase.length >= minPassphraseLength) return;
  const message = `The signer's passphrase needs at least ${minPassphraseLength} characters`;
  throw new KeyStoreError("PASSPHRASE_TOO_SHORT", message, {
    hint: "Set TAGSEAL_SIGNER_PASSPHRASE to a longer one, or leave it unset to have one generated.",
  });
}

function readPassphraseFile(path: string, log: PassphraseSource["log"]): string | undefined {
  try {
    checkSecret(path, statSync(path), log);
    return readFileSync(path, "utf8").trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if (error instanceof KeyStoreError) throw error;
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
