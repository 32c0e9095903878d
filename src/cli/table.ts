/**
 * Every command, by name. Commands are loaded when they are used: no command waits for the code of others, and `tagseal version`
 * loads almost nothing.
 */
import type { Entry } from "./table-entry.ts";
import { importCommands, serverCommands, signerCommands } from "./table-of-servers.ts";
import { trustCommands } from "./table-of-trust.ts";

/** The whole tree. Its root is the program itself. */
export const root: Entry = {
  name: "",
  summary: "Content trust for container images",
  children: [
    { name: "trust", summary: "Manage trust on Docker images", children: trustCommands },
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
    { name: "import", summary: "Import signed repositories into a trust server", children: importCommands },
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
      children: serverCommands,
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
      children: signerCommands,
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
