/**
 * Every command, by name. Commands are loaded when they are used: no command waits for the code of others, and `tagseal version`
 * loads almost nothing.
 */
import type { Command } from "./command.ts";

/** A command, a group of commands when it has children, or both. */
export interface Entry {
  readonly name: string;
  /** one line, as docker's help has it */
  readonly summary: string;
  /** absent for groups */
  readonly load?: () => Promise<Command>;
  /** absent for commands */
  readonly children?: readonly Entry[];
}

const trustKey: readonly Entry[] = [
  {
    name: "generate",
    summary: "Generate and load a signing key-pair",
    load: async () => (await import("./commands/trust/key-generate.ts")).command,
  },
  {
    name: "load",
    summary: "Load a private key file for signing",
    load: async () => (await import("./commands/trust/key-load.ts")).command,
  },
];

const trustSigner: readonly Entry[] = [
  {
    name: "add",
    summary: "Add a signer",
    load: async () => (await import("./commands/trust/signer-add.ts")).command,
  },
  {
    name: "remove",
    summary: "Remove a signer",
    load: async () => (await import("./commands/trust/signer-remove.ts")).command,
  },
];

const trust: readonly Entry[] = [
  { name: "key", summary: "Manage keys for signing Docker images", children: trustKey },
  { name: "signer", summary: "Manage entities who can sign Docker images", children: trustSigner },
  {
    name: "inspect",
    summary: "Return low-level information about keys and signatures",
    load: async () => (await import("./commands/trust/inspect.ts")).command,
  },
  {
    name: "recover-server",
    summary: "Send signed files back to a server that lost them",
    load: async () => (await import("./commands/trust/recover-server.ts")).command,
  },
  {
    name: "revoke",
    summary: "Remove trust for an image",
    load: async () => (await import("./commands/trust/revoke.ts")).command,
  },
  {
    name: "sign",
    summary: "Sign an image",
    load: async () => (await import("./commands/trust/sign.ts")).command,
  },
];

const importing: readonly Entry[] = [
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
const server: readonly Entry[] = [
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

/** The whole tree. Its root is the program itself. */
export const root: Entry = {
  name: "",
  summary: "Content trust for container images",
  children: [
    { name: "trust", summary: "Manage trust on Docker images", children: trust },
    {
      name: "build",
      summary: "Build an image from signed base images",
      load: async () => (await import("./front-end/engine-descriptions.ts")).build,
    },
    {
      name: "completion",
      summary: "Print the completion script for a shell",
      load: async () => (await import("./commands/completion.ts")).command,
    },
    {
      name: "create",
      summary: "Create a container from a signed image",
      load: async () => (await import("./front-end/engine-descriptions.ts")).create,
    },
    {
      name: "doctor",
      summary: "Check whether content trust is enforced on this machine",
      load: async () => (await import("./commands/doctor.ts")).command,
    },
    {
      name: "export",
      summary: "Export signed repositories to a bundle",
      load: async () => (await import("./commands/export.ts")).command,
    },
    {
      name: "help",
      summary: "Show help for a command",
      load: async () => (await import("./commands/help.ts")).command,
    },
    { name: "import", summary: "Import signed repositories into a trust server", children: importing },
    {
      name: "install",
      summary: "Put Tagseal in front of docker",
      load: async () => (await import("./commands/install.ts")).command,
    },
    {
      name: "list",
      summary: "List the signed tags of a repository",
      load: async () => (await import("./commands/list.ts")).command,
    },
    {
      name: "login",
      summary: "Log in to a registry",
      load: async () => (await import("./commands/login.ts")).command,
    },
    {
      name: "logout",
      summary: "Log out from a registry",
      load: async () => (await import("./commands/logout.ts")).command,
    },
    {
      name: "pull",
      summary: "Fetch the signed image of a tag",
      load: async () => (await import("./commands/pull.ts")).command,
    },
    {
      name: "push",
      summary: "Push an image and sign it",
      load: async () => (await import("./commands/push.ts")).command,
    },
    {
      name: "run",
      summary: "Run a container from a signed image",
      load: async () => (await import("./front-end/engine-descriptions.ts")).run,
    },
    {
      name: "sandbox",
      summary: "Run a throwaway registry and trust server on this machine",
      load: async () => (await import("./commands/sandbox.ts")).command,
    },
    {
      name: "server",
      summary: "Run a trust server",
      load: async () => (await import("./commands/server.ts")).command,
      children: server,
    },
    {
      name: "sign",
      summary: "Sign tags of images in a registry",
      load: async () => (await import("./commands/sign.ts")).command,
    },
    {
      name: "signer",
      summary: "Run a signer for trust servers",
      load: async () => (await import("./commands/signer.ts")).command,
      children: [
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
      ],
    },
    {
      name: "uninstall",
      summary: "Remove the docker shim and plugin",
      load: async () => (await import("./commands/uninstall.ts")).command,
    },
    {
      name: "verify",
      summary: "Print the digest a tag is signed for",
      load: async () => (await import("./commands/verify.ts")).command,
    },
    {
      name: "version",
      summary: "Show the version",
      load: async () => (await import("./commands/version.ts")).command,
    },
  ],
};

/** The entry that a command line names, its path, and the remaining words. */
export interface Resolution {
  readonly entry: Entry;
  readonly path: string;
  readonly rest: readonly string[];
}

/** Follows `words` down the tree as far as they name entries. */
export function resolveEntry(words: readonly string[]): Resolution {
  let entry = root;
  let depth = 0;
  for (const word of words) {
    const child = entry.children?.find(({ name }) => name === word);
    if (child === undefined) break;
    entry = child;
    depth += 1;
  }
  return { entry, path: words.slice(0, depth).join(" "), rest: words.slice(depth) };
}
