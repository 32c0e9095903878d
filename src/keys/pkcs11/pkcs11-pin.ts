import { KeyStoreError } from "../../errors.ts";
import { isLoose, refuseWorldWritable } from "../../files/private-modes.ts";
import { type FoundFile, readLinkedFile } from "../../files/read-private-file.ts";
import { systemReason } from "../../files/system-error.ts";
import type { PassphraseSource } from "../passphrase.ts";
import type { AskForPin } from "./pkcs11-session.ts";
import { describeToken } from "./pkcs11-token.ts";

const maxFileBytes = 4096;

/** Where the PIN of a key comes from: the file that its URI names and nothing else, or else the source of passphrases. */
export function pinFrom(secrets: PassphraseSource, file: string | undefined): AskForPin {
  return async (token, subject) => {
    if (file !== undefined) return readPinFile(file);
    return await secrets.passphraseFor({ ...subject, purpose: "pin", attempt: 1, token: describeToken(token) });
  };
}

/** The first line of a file that only its owner can read. @throws KeyStoreError `PASSPHRASE_UNAVAILABLE`, `KEY_FILE_UNSAFE` */
export function readPinFile(path: string): string {
  const found = readOrExplain(path);
  if (found.kind === "nothing") throw unavailable(path, "it does not exist");
  if (found.kind !== "file")
    throw unavailable(path, found.kind === "too large" ? "it is too large" : "it is not a file");
  refuseWorldWritable(path, found.stats);
  if (isLoose(found.stats)) {
    throw new KeyStoreError("KEY_FILE_UNSAFE", `Refusing to use the PIN in ${path}: other users may read it`, {
      hint: `Change the PIN if they may have, then run: chmod 600 ${path}`,
    });
  }
  const [line = ""] = found.bytes.toString("utf8").split(/\r?\n/);
  if (line === "") throw unavailable(path, "its first line is empty");
  return line;
}

function readOrExplain(path: string): FoundFile {
  try {
    return readLinkedFile(path, maxFileBytes);
  } catch (cause) {
    throw unavailable(path, systemReason(cause), cause);
  }
}

function unavailable(path: string, reason: string, cause?: unknown): KeyStoreError {
  return new KeyStoreError("PASSPHRASE_UNAVAILABLE", `Cannot read the PIN in ${path}: ${reason}`, {
    cause,
    hint: "Correct pin-source in the URI of the key, or leave it out: no other source is asked while it is there.",
  });
}
