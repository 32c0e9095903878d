/** What is in a key backup, for people. */
import type { BackupListing } from "../../keys/backup/backup-listing.ts";
import type { RestoredKey } from "../../keys/backup/restore-backup.ts";
import type { Io } from "../io.ts";
import { printable } from "./printable.ts";
import { textTable } from "./text-table.ts";

/** Shows the list beside a backup. */
export function showListing(listing: BackupListing, io: Io): void {
  const rows = listing.keys.map(({ keyId, role, gun }) => [keyId, role, gun ?? ""]);
  io.stdout.write(textTable([["KEY ID", "ROLE", "REPOSITORY"], ...rows]));
  io.stdout.write(`Made ${printable(listing.made)}; opens with ${listing.opensWith.map(printable).join(", or ")}.\n`);
  const passphrase = listing.bringsPassphrase ? "is inside" : "is not inside: each key has its own";
  io.stdout.write(`The passphrase of the keys ${passphrase}.\n`);
  for (const key of listing.notContained) io.stdout.write(`Not contained: ${printable(key)}\n`);
  io.stderr.write("The list beside a backup is not signed; trust key restore --dry-run reads the backup itself.\n");
}

const words = { added: "added", here: "here already", conflict: "not added" } as const;

/** Shows what became of each key. */
export function showRestored(keys: readonly RestoredKey[], io: Io): void {
  const rows = keys.map(({ keyId, role, gun, result }) => [keyId, role, gun ?? "", words[result]]);
  io.stdout.write(textTable([["KEY ID", "ROLE", "REPOSITORY", "RESULT"], ...rows]));
}
