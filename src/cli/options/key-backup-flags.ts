import type { Options, OptionValues } from "./option.ts";
import { jsonOption } from "./output-flags.ts";
import { passphraseOptions } from "./passphrase-flags.ts";

const identityOption = {
  kind: "list",
  value: "file",
  complete: "file",
  help: "File with age identities, as age-keygen writes it; may be repeated",
} as const;

/** Flags of `trust key backup`. */
export const keyBackupOptions = {
  to: { kind: "text", value: "file", complete: "file", help: "The file to write" },
  gun: { kind: "list", value: "repository", help: "Back up the keys of this repository; may be repeated" },
  recipient: { kind: "list", short: "r", value: "age1…", help: "Encrypt for this age recipient; may be repeated" },
  "recipients-file": {
    kind: "list",
    value: "file",
    complete: "file",
    help: "Encrypt for the recipients in this file, one on each line; may be repeated",
  },
  identity: { ...identityOption, help: "Prove with these age identities that a recipient's backup opens" },
  shares: {
    kind: "text",
    value: "k/n",
    help: "Encrypt for a new key, and split that into n shares of which any k open the backup",
  },
  "shares-to": {
    kind: "text",
    value: "dir",
    complete: "directory",
    help: "Write each share to a text file here, instead of showing one after another",
  },
  "qr-to": {
    kind: "text",
    value: "dir",
    complete: "directory",
    help: "Write each share as a page to print (SVG) with a QR code here",
  },
  "with-passphrase": {
    kind: "switch",
    help: "Encrypt the keys inside under a new passphrase, and put that in the backup: then it alone restores them",
  },
  armor: { kind: "switch", short: "a", help: "Write text instead of bytes, to be printed or mailed" },
  force: { kind: "switch", short: "f", help: "Overwrite existing files" },
  list: { kind: "text", value: "file", complete: "file", help: "Show the list beside this backup, and write nothing" },
  json: jsonOption,
  ...passphraseOptions,
} as const satisfies Options;

/** Flags of `trust key restore`. */
export const keyRestoreOptions = {
  identity: { ...identityOption, short: "i" },
  share: { kind: "list", value: "file", complete: "file", help: "File with a share; may be repeated" },
  shares: { kind: "switch", help: "Ask for the shares that are still missing, one after another" },
  "identity-to": {
    kind: "text",
    value: "file",
    complete: "file",
    help: "Write the identity that the shares give to this file, for age itself, and restore nothing",
  },
  "dry-run": { kind: "switch", help: "Show what is in the backup and what would be added, and change nothing" },
  json: jsonOption,
  ...passphraseOptions,
} as const satisfies Options;

/** The flags of `trust key backup` as given. */
export type KeyBackupFlags = OptionValues<typeof keyBackupOptions>;

/** The flags of `trust key restore` as given. */
export type KeyRestoreFlags = OptionValues<typeof keyRestoreOptions>;
