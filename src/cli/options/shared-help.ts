/** What help says, in the same words, of all commands that use keys. */
import { passphraseEnvironment } from "./passphrase-flags.ts";
import { trustEnvironment } from "./trust-flags.ts";

type Variable = readonly [string, string];

/** Of commands about the keys of this machine. @param more variables beside the place of the keys */
export function keyFilesHelp(more: readonly Variable[] = []) {
  const place: Variable = ["DOCKER_CONFIG", "docker's configuration directory; keys are in its trust/private"];
  return { environment: [place, ...more], dockerExitCodes: true };
}

/** The variable of every command that opens or makes a backup of keys. */
export const backupPassphrase: Variable = [
  "TAGSEAL_BACKUP_PASSPHRASE",
  "passphrase of the backup; when unset, you are asked at the terminal",
];

/** Of commands that sign for a repository. */
export const signingHelp = {
  environment: [...trustEnvironment, ...passphraseEnvironment],
  dockerExitCodes: true,
} as const;

/** Of commands that import another tool's policy. */
export const importExitCodes: readonly (readonly [number, string])[] = [
  [1, "the file cannot be read or imported; nothing was written"],
  [3, "a file of certificates that the policy names cannot be used; nothing was written"],
  [125, "a flag was not understood"],
];
