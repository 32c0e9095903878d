import type { TextOption } from "./option.ts";

/** Flags of every command that unlocks or creates keys. No flag takes the passphrase itself: argv is public. */
export const passphraseOptions = {
  "passphrase-fd": {
    kind: "text",
    value: "number",
    help: "Read the passphrase of all keys from this open file descriptor and nowhere else",
  },
  "passphrase-command": {
    kind: "text",
    value: "command",
    help: "Run this program (split at spaces, no shell) and use the first line of its output as the passphrase; TAGSEAL_KEY_ROLE, TAGSEAL_KEY_ID and TAGSEAL_KEY_PURPOSE name the key",
  },
  "passphrase-helper": {
    kind: "text",
    value: "name",
    help: "Keep passphrases in your keychain, with docker's credential helper of this name (secretservice, osxkeychain, wincred, pass); asks once for each key",
  },
} as const satisfies Record<string, TextOption>;

/** The variable of `--passphrase-command`, which docker-shaped commands read, too. */
export const passphraseCommandVariable = "TAGSEAL_PASSPHRASE_COMMAND";

/** The variable of `--passphrase-helper`. */
export const passphraseHelperVariable = "TAGSEAL_PASSPHRASE_HELPER";

/** Flags for the passphrase that a key gets, where that is not the one that opens it. */
export const newPassphraseOptions = {
  "new-passphrase-fd": {
    kind: "text",
    value: "number",
    help: "Read the new passphrase from this open file descriptor and nowhere else",
  },
  "new-passphrase-command": {
    kind: "text",
    value: "command",
    help: "Run this program, as --passphrase-command does, for the new passphrase",
  },
} as const satisfies Record<string, TextOption>;

/** Variables that these commands read, for help. */
export const passphraseEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "passphrase of root keys; when unset, you are asked at the terminal"],
  ["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "passphrase of all other keys"],
  [passphraseCommandVariable, "as --passphrase-command; the two variables above are not used then"],
  [passphraseHelperVariable, "as --passphrase-helper; the first two variables are not used then"],
];
