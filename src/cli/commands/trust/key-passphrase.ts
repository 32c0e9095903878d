import { KeyStoreError, UsageError } from "../../../errors.ts";
import type { PemKeyStore, StoredKey } from "../../../keys/key-store.ts";
import { changePassphrases } from "../../../keys/passphrase-change.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { keysNamed, openLocalKeys } from "../../open/local-keys.ts";
import { changedPassphraseSource } from "../../open/passphrases.ts";
import { openKeyFiles } from "../../open/user-keys.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { newPassphraseOptions, passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { keyInWords, storedKeyJson } from "../../output/key-words.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust key passphrase`: changes the passphrases of private keys. */
export const command = defineCommand(
  {
    path: "trust key passphrase",
    usage: "[OPTIONS] KEY [KEY...] | --all",
    summary: "Change the passphrase of private keys",
    description: [
      "Encrypts private keys again, under a new passphrase and with the number of rounds of today; a key that is not encrypted is encrypted. KEY is the ID of a key, an ID under which a repository names it, or at least the first 7 characters of either.",
      "The old passphrase comes from where all commands take it. The new one is asked for at the terminal, once for each role, or comes from --new-passphrase-fd or --new-passphrase-command; no variable of the environment is used for it.",
      "All keys are unlocked before the first is written. Whatever interrupts the command, each key has its old passphrase or the new one.",
    ],
    options: {
      all: { kind: "switch", help: "Change the passphrase of every key file" },
      json: jsonOption,
      ...newPassphraseOptions,
      ...passphraseOptions,
    },
    args: { min: 0 },
    complete: "key",
    examples: [
      { text: "change the passphrase of one key", line: "tagseal trust key passphrase 3f9a1c27b04d" },
      {
        text: "change all passphrases in a script",
        line: "tagseal trust key passphrase --all --passphrase-fd 3 --new-passphrase-fd 4 3< old.txt 4< new.txt",
      },
    ],
    ...keyFilesHelp(passphraseEnvironment),
  },
  async ({ options, args }, io) => {
    if (options.all !== (args.length === 0)) {
      throw new UsageError("USAGE", "give either KEY or --all", {
        hint: "See the IDs of the keys here: tagseal trust key list",
      });
    }
    const files = await openKeyFiles(io, await changedPassphraseSource(options, io));
    const keys = options.all ? await files.list() : await fileKeys(args, files, io);
    const changed: StoredKey[] = [];
    await changePassphrases(files, keys, (key) => {
      changed.push(key);
      if (!options.json) io.stdout.write(`Changed the passphrase of the ${keyInWords(key)}\n`);
    });
    if (options.json) writeJson(io, changed.map(storedKeyJson));
    return 0;
  },
);

/** @throws KeyStoreError `KEY_UNSUPPORTED` for a key that is not a file */
async function fileKeys(names: readonly string[], files: PemKeyStore, io: Io): Promise<readonly StoredKey[]> {
  const keys = await keysNamed(names, await openLocalKeys(io));
  for (const key of keys) {
    if ((await files.find(key.keyId)) === undefined) {
      throw new KeyStoreError(
        "KEY_UNSUPPORTED",
        `the ${keyInWords(key)} is not a file and has no passphrase here: ${key.location}`,
      );
    }
  }
  return keys;
}
