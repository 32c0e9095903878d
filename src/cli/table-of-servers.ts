import { command, type Entry } from "./table-entry.ts";

/** `tagseal import`: repositories from elsewhere into a trust server. */
export const importCommands: readonly Entry[] = [
  command("bundle", "Import repositories from a bundle", () => import("./commands/import/bundle.ts")),
  command(
    "hand-over",
    "Hand the server keys of a moved repository over to its new server",
    () => import("./commands/import/hand-over.ts"),
  ),
  command(
    "notary-db",
    "Import repositories from the databases of a Notary server and signer",
    () => import("./commands/import/notary-db.ts"),
  ),
  command(
    "notary-server",
    "Import repositories from a running Notary server",
    () => import("./commands/import/notary-server.ts"),
  ),
];

/** Commands that work on a server's data, beside the server itself. */
export const serverCommands: readonly Entry[] = [
  command("backup", "Back up the databases of a running server", () => import("./commands/server/backup.ts")),
  command("check", "Verify the repositories of a server as a reader would", () => import("./commands/server/check.ts")),
  {
    name: "config",
    summary: "Inspect a server's configuration",
    children: [
      command(
        "check",
        "Check a server's configuration without starting it",
        () => import("./commands/server/config-check.ts"),
      ),
    ],
  },
  command("gc", "Remove superseded versions", () => import("./commands/server/gc.ts")),
  command("limits", "Show the usage of each limit of a server", () => import("./commands/server/limits.ts")),
  command("list", "List the repositories of a server", () => import("./commands/server/list.ts")),
  command("migrate", "Update the schema of a shared database", () => import("./commands/server/migrate.ts")),
  command("raise", "Raise the signed versions after a restore", () => import("./commands/server/raise.ts")),
  command("show", "Show one repository of a server", () => import("./commands/server/show.ts")),
  command("undelete", "Restore a deleted repository", () => import("./commands/server/undelete.ts")),
];

/** Commands that work on a signer's keys, beside the signer itself. */
export const signerCommands: readonly Entry[] = [
  command("backup", "Back up the keys of a running signer", () => import("./commands/signer/backup.ts")),
  command("import", "Move a server's keys to a signer, or back", () => import("./commands/signer/import.ts")),
  command("rekey", "Re-encrypt a signer's keys under another passphrase", () => import("./commands/signer/rekey.ts")),
];
