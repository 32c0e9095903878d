import { basename } from "node:path";
import { EncodingError, UsageError } from "../../../errors.ts";
import type { PemKeyStore, StoredKey } from "../../../keys/key-store.ts";
import type { BackupListing } from "../../../keys/backup/backup-listing.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { backupLock } from "../../open/backup-lock.ts";
import { placeFile, readGivenFile, requireFree } from "../../open/backup-file.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { openKeyFiles, openKeyStore } from "../../open/user-keys.ts";
import { type KeyBackupFlags, keyBackupOptions } from "../../options/key-backup-flags.ts";
import { passphraseEnvironment } from "../../options/passphrase-flags.ts";
import { backupPassphrase, keyFilesHelp } from "../../options/shared-help.ts";
import { showListing } from "../../output/backup-contents-list.ts";
import { deliverShares, requireDelivery } from "../../output/share-delivery.ts";
import { printable } from "../../output/printable.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust key backup`: private keys in one file that the `age` command opens, too. */
export const command = defineCommand(
  {
    path: "trust key backup",
    usage: "--to FILE [OPTIONS] [KEY...]",
    summary: "Back up private keys to an encrypted file",
    description: [
      "Writes private keys (all of them, or those that KEY and --gun name) to one file in the age format: for a passphrase, for age recipients, or for the holders of shares. The file is opened again before success is reported. FILE.txt beside it lists its contents and holds no secret.",
      "Inside, each key keeps its passphrase: to use a restored key you need that, too. With --with-passphrase the backup alone is enough.",
      "Without Tagseal, 'age --decrypt FILE > keys.pem' opens the backup, and 'notary key import keys.pem' reads what is in it.",
    ],
    options: keyBackupOptions,
    args: { min: 0 },
    complete: "key",
    examples: [
      { text: "back up all keys under a passphrase", line: "tagseal trust key backup --to keys.age" },
      {
        text: "make five shares, of which any three restore the keys, and print them",
        line: "tagseal trust key backup --to keys.age --with-passphrase --shares 3/5 --qr-to pages",
      },
      { text: "see what is in a backup", line: "tagseal trust key backup --list keys.age" },
    ],
    ...keyFilesHelp([backupPassphrase, ...passphraseEnvironment]),
  },
  async ({ options, args }, io) => {
    if (options.list !== undefined) return await list(options.list, options, io);
    const { to = "" } = options;
    if (to === "") throw new UsageError("USAGE", "--to is required", { hint: "Name the file to write." });
    if (options.shares === undefined && (options["shares-to"] ?? options["qr-to"]) !== undefined)
      throw new UsageError("USAGE", "--shares-to and --qr-to belong to --shares", { hint: "Add --shares k/n." });
    if (options.shares !== undefined) requireDelivery(options, io);
    requireFree([to, listPath(to)], options);
    return await backUp(to, args, options, io);
  },
);

async function backUp(to: string, wanted: readonly string[], options: KeyBackupFlags, io: Io): Promise<number> {
  const { collectKeys, sealBackup } = await import("../../../keys/backup/make-backup.ts");
  const { listingOf, listingText } = await import("../../../keys/backup/backup-listing.ts");
  const { findKeyIds } = await import("../../../keys/key-selection.ts");
  const store = await openKeyFiles(io, await passphraseSource(options, io));
  const keyIds = wanted.length === 0 ? undefined : findKeyIds(wanted, await store.list(), "in the trust directory");
  const guns = options.gun.length === 0 ? undefined : options.gun;
  const selection = { ...(keyIds === undefined ? {} : { keyIds }), ...(guns === undefined ? {} : { guns }) };
  const bringPassphrase = options["with-passphrase"];
  const contents = await collectKeys(store, {
    selection,
    bringPassphrase,
    elsewhere: await keysElsewhere(store, io),
    now: io.now(),
  });
  const { lock, proof, shared, opensWith } = await backupLock(options, store.passphrases);
  const file = await sealBackup(contents, lock, { proof, armored: options.armor });
  const details = { backup: basename(to), madeAt: contents.madeAt };
  // The shares first: a backup that no person can open must not take the place of another.
  const pages = shared === undefined ? [] : await deliverShares(shared.shares, details, options, io);
  const listing = listingOf(contents, opensWith, file);
  await placeFile(to, file, options);
  await requireSame(to, file);
  await placeFile(listPath(to), listingText(listing), options);
  const opened = "passphrase" in lock || proof !== undefined;
  if (options.json) writeJson(io, { file: to, list: listPath(to), pages, opened, ...listing });
  else report(to, { listing, pages, opened }, shared === undefined || pages.length > 0 ? io.stdout : io.stderr);
  return 0;
}

/** Keys that cannot leave their store, such as those of tokens. */
async function keysElsewhere(files: PemKeyStore, io: Io): Promise<readonly StoredKey[]> {
  const here = new Set((await files.list()).map(({ keyId }) => keyId));
  const all = await openKeyStore(io, { onWarning: () => undefined });
  return (await all.list()).filter(({ keyId }) => !here.has(keyId));
}

/** @throws EncodingError `BACKUP_MALFORMED` for a disk that gives back something else */
async function requireSame(path: string, written: Uint8Array): Promise<void> {
  if ((await readGivenFile(path, written.length + 1)).equals(written)) return;
  throw new EncodingError("BACKUP_MALFORMED", `${path} does not hold what was written to it`, {
    hint: "Do not rely on this file: write the backup to another disk.",
  });
}

interface Made {
  readonly listing: BackupListing;
  readonly pages: readonly string[];
  /** false when only the owner of an identity elsewhere can open the file */
  readonly opened: boolean;
}

function report(to: string, { listing, pages, opened }: Made, output: Io["stdout"]): void {
  const count = listing.keys.length === 1 ? "1 key" : `${listing.keys.length} keys`;
  const check = opened
    ? "It was opened again and holds them."
    : "Its identity is not here: open it once where that is, with tagseal trust key restore --dry-run.";
  output.write(`${printable(to)}: ${count}. ${check}\n`);
  for (const way of listing.opensWith) output.write(`Opens with ${printable(way)}.\n`);
  for (const key of listing.notContained) output.write(`Not contained: ${printable(key)}\n`);
  for (const page of pages) output.write(`Share: ${printable(page)}\n`);
  if (!listing.bringsPassphrase)
    output.write("The passphrases of the keys are not in it: keep them in a different place.\n");
}

function listPath(to: string): string {
  return `${to}.txt`;
}

async function list(path: string, options: KeyBackupFlags, io: Io): Promise<number> {
  const { maxListingBytes, parseListing } = await import("../../../keys/backup/backup-listing.ts");
  const { maxAgeFileBytes } = await import("../../../keys/backup/age-file.ts");
  const { sha256Hex } = await import("../../../crypto/sha256.ts");
  const text = await readGivenFile(listPath(path), maxListingBytes);
  const listing = parseListing(text.toString("utf8"));
  if (sha256Hex(await readGivenFile(path, maxAgeFileBytes)) !== listing.sha256)
    throw new EncodingError("BACKUP_MALFORMED", `${listPath(path)} is the list of another file than ${path}`, {
      hint: `Read what is in the backup itself: tagseal trust key restore --dry-run ${path}`,
    });
  if (options.json) writeJson(io, listing);
  else showListing(listing, io);
  return 0;
}
