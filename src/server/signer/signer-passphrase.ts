/** Where the passphrase that seals the server's keys comes from: the operator, or a file the server makes on its first start. */

import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { KeyStoreError, TagsealError } from "../../errors.ts";

const minPassphraseLength = 8;

/** The passphrase, and the file it was just written to when it is new. */
export interface SignerPassphrase {
  readonly passphrase: string;
  readonly generatedInto?: string;
}

/**
 * The passphrase for a signer that has no keys yet: the given one, the file's, or a new one written to the file (mode 0600).
 *
 * @throws KeyStoreError `PASSPHRASE_TOO_SHORT`
 * @throws TagsealError `SERVER_CONFIGURATION` when the file cannot be read or written
 */
export function firstPassphrase(given: string | undefined, path: string): SignerPassphrase {
  const known = given ?? readPassphraseFile(path);
  if (known === undefined) return { passphrase: generateInto(path), generatedInto: path };
  if (known.length < minPassphraseLength) {
    throw new KeyStoreError(
      "PASSPHRASE_TOO_SHORT",
      `The signer's passphrase needs at least ${minPassphraseLength} characters`,
      {
        hint: "Set TAGSEAL_SIGNER_PASSPHRASE to a longer one, or leave it unset to have one generated.",
      },
    );
  }
  return { passphrase: known };
}

/**
 * The passphrase for a signer that has keys: the given one or the file's, never a new one.
 *
 * @throws TagsealError `SERVER_CONFIGURATION` when there is none
 */
export function existingPassphrase(given: string | undefined, path: string): string {
  const passphrase = given ?? readPassphraseFile(path);
  if (passphrase !== undefined) return passphrase;
  throw new TagsealError(
    "SERVER_CONFIGURATION",
    `Cannot open the signer's keys: no passphrase is given and ${path} does not exist`,
    {
      hint: "Set TAGSEAL_SIGNER_PASSPHRASE, or restore that file from the backup that holds signer.db.",
    },
  );
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
