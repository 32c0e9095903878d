import { KeyStoreError, UsageError } from "../../../errors.ts";
import type { KeyDescription } from "../../../keys/backup/backup-contents.ts";
import type { RestoredKey } from "../../../keys/backup/restore-backup.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { placeFile, requireFree } from "../../open/backup-file.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { openKeyFiles } from "../../open/user-keys.ts";
import { type KeyRestoreFlags, keyRestoreOptions } from "../../options/key-backup-flags.ts";
import { passphraseEnvironment } from "../../options/passphrase-flags.ts";
import { backupPassphrase, keyFilesHelp } from "../../options/shared-help.ts";
import { showRestored } from "../../output/backup-contents-list.ts";
import { printable } from "../../output/printable.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust key restore`: puts keys of a backup back, and changes none that is here. */
export const command = defineCommand(
  {
    path: "trust key restore",
    usage: "[OPTIONS] FILE [KEY...]",
    summary: "Restore private keys from a backup",
    description: [
      "Adds the keys of a backup (all of them, or those that KEY names) to the trust directory. A key that is here already stays as it is; one that is here for another role or repository is reported, and the exit status is 1. Run the command again after an interruption.",
      "FILE may also be what age itself encrypted: the export of tagseal or notary. With - as FILE it reads standard input, armored or opened by age.",
      "An age recipient proves nothing about the person who encrypted for it: restore only files that you kept.",
    ],
    options: keyRestoreOptions,
    args: { min: 1 },
    complete: "file",
    examples: [
      { text: "restore all keys of a backup with a passphrase", line: "tagseal trust key restore keys.age" },
      { text: "type the shares that open a backup", line: "tagseal trust key restore --shares keys.age" },
      {
        text: "open a backup with an identity, and only look at it",
        line: "tagseal trust key restore --dry-run --identity identity.txt keys.age",
      },
    ],
    ...keyFilesHelp([backupPassphrase, ...passphraseEnvironment]),
  },
  async ({ options, args: [path = "", ...wanted] }, io) => {
    if (options["identity-to"] !== undefined) return await writeIdentity(options["identity-to"], options, io);
    const { openBackup } = await import("../../open/opened-backup.ts");
    const { parseContents } = await import("../../../keys/backup/backup-contents.ts");
    const { restoreKeys } = await import("../../../keys/backup/restore-backup.ts");
    const { findKeyIds } = await import("../../../keys/key-selection.ts");
    const store = await openKeyFiles(io, await passphraseSource(options, io));
    const contents = parseContents(await openBackup(path, options, store.passphrases, io));
    const keyIds = wanted.length === 0 ? undefined : findKeyIds(wanted, contents.keys, "in the backup");
    const dryRun = options["dry-run"];
    const restored = await restoreKeys(store, { contents, keyIds, dryRun });
    if (options.json) writeJson(io, { file: path, dryRun, keys: restored });
    else report(restored, dryRun, io);
    return conclude(restored);
  },
);

function report(restored: readonly RestoredKey[], dryRun: boolean, io: Io): void {
  showRestored(restored, io);
  const added = restored.filter(({ result }) => result === "added").length;
  const count = added === 1 ? "1 key" : `${added} keys`;
  io.stdout.write(dryRun ? `${count} would be added. Nothing was changed.\n` : `Added ${count}.\n`);
}

/** @throws KeyStoreError `KEY_EXISTS` that names the first key with another use */
function conclude(restored: readonly RestoredKey[]): 0 {
  const conflict = restored.find(({ result }) => result === "conflict");
  if (conflict === undefined) return 0;
  const [theirs, ours] = [conflict, conflict.stored ?? conflict].map(useInWords);
  throw new KeyStoreError(
    "KEY_EXISTS",
    `Key ${conflict.keyId} is kept for ${theirs} in the backup and for ${ours} here; the one here was not changed`,
    { hint: "Move the key file away if you want the one of the backup, and restore it again." },
  );
}

function useInWords({ role, gun }: KeyDescription): string {
  return gun === undefined ? role : `${role} of ${gun}`;
}

async function writeIdentity(to: string, options: KeyRestoreFlags, io: Io): Promise<0> {
  if (options.share.length === 0 && !options.shares)
    throw new UsageError("USAGE", "--identity-to writes what shares give", { hint: "Add --shares or --share FILE." });
  requireFree([to], { force: false });
  const { collectIdentity } = await import("../../open/typed-shares.ts");
  const { identity, set } = await collectIdentity(options, io);
  await placeFile(to, `# Joined from the shares of set ${set}. Secret: remove it after use.\n${identity}\n`, {
    force: false,
  });
  if (options.json) writeJson(io, { identity: to, set });
  else io.stdout.write(`${printable(to)}: open the backup with it: age --decrypt --identity ${printable(to)} FILE\n`);
  return 0;
}
