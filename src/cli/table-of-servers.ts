import type { Entry } from "./table-entry.ts";

/** `tagseal import`: repositories from elsewhere into a trust server. */
export const importCommands: readonly Entry[] = [
  {
    name: "bundle",
    summary: "Import repositories from a bundle",
    load: async () => (await import("./commands/import/bundle.ts")).command,
  },
  {
    name: "hand-over",
    summary: "Hand the server keys of a moved repository over to its new server",
    load: async () => (await import("./commands/import/hand-over.ts")).command,
  },
  {
    name: "notary-db",
    summary: "Import repositories from the databases of a Notary server and signer",
    load: async () => (await import("./commands/import/notary-db.ts")).command,
  },
  {
    name: "notary-server",
    summary: "Import repositories from a running Notary server",
    load: async () => (await import("./commands/import/notary-server.ts")).command,
  },
];

/** Commands that work on a server's data, beside the server itself. */
export const serverCommands: readonly Entry[] = [
  {
    name: "backup",
    summary: "Back up the databases of a running server",
    load: async () => (await import("./commands/server/backup.ts")).command,
  },
  {
    name: "check",
    summary: "Verify the repositories of a server as a reader would",
    load: async () => (await import("./commands/server/check.ts")).command,
  },
  {
    name: "config",
    summary: "Inspect a server's configuration",
    children: [
      {
        name: "check",
        summary: "Check a server's configuration without starting it",
        load: async () => (await import("./commands/server/config-check.ts")).command,
      },
    ],
  },
  {
    name: "gc",
    summary: "Remove superseded versions",
    load: async () => (await import("./commands/server/gc.ts")).command,
  },
  {
    name: "limits",
    summary: "Show the usage of each limit of a server",
    load: async () => (await import("./commands/server/limits.ts")).command,
  },
  {
    name: "list",
    summary: "List the repositories of a server",
    load: async () => (await import("./commands/server/list.ts")).command,
  },
  {
    name: "migrate",
    summary: "Update the schema of a shared database",
    load: async () => (await import("./commands/server/migrate.ts")).command,
  },
  {
    name: "raise",
    summary: "Raise the signed versions after a restore",
    load: async () => (await import("./commands/server/raise.ts")).command,
  },
  {
    name: "show",
    summary: "Show one repository of a server",
    load: async () => (await import("./commands/server/show.ts")).command,
  },
  {
    name: "undelete",
    summary: "Restore a deleted repository",
    load: async () => (await import("./commands/server/undelete.ts")).command,
  },
];

/** Commands that work on a signer's keys, beside the signer itself. */
export const signerCommands: readonly Entry[] = [
  {
    name: "backup",
    summary: "Back up the keys of a running signer",
    load: async () => (await import("./commands/signer/backup.ts")).command,
  },
  {
    name: "import",
    summary: "Move a server's keys to a signer, or back",
    load: async () => (await import("./commands/signer/import.ts")).command,
  },
  {
    name: "rekey",
    summary: "Re-encrypt a signer's keys under another passphrase",
    load: async () => (await import("./commands/signer/rekey.ts")).command,
  },
];
