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
} as const satisfies Record<string, TextOption>;

/** Variables that these commands read, for help. */
export const passphraseEnvironment: readonly (readonly [string, string])[] = [
  ["DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "passphrase of root keys; when unset, you are asked at the terminal"],
  ["DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "passphrase of all other keys"],
];
