/** The variable of commands that make or open a spare root key, for help. */
export const spareEnvironment: readonly (readonly [string, string])[] = [
  [
    "TAGSEAL_SPARE_PASSPHRASE",
    "passphrase of a spare root key's file; when unset, you are asked at the terminal, and an existing file is tried with the one of root keys",
  ],
];
