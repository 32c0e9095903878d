/**
 * Every command, by name. Commands are loaded when they are used: no command waits for the code of others, and `tagseal version`
 * loads almost nothing.
 */
import { command, type Entry } from "./table-entry.ts";
import { importCommands, serverCommands, signerCommands } from "./table-of-servers.ts";
import { trustCommands } from "./table-of-trust.ts";

const policyCommands: readonly Entry[] = [
  command("check", "Show what the policies here decide about an image", () => import("./commands/policy/check.ts")),
  command("pin", "Write a policy that pins the root keys of repositories", () => import("./commands/policy/pin.ts")),
  command("show", "Show the policies in force on this machine", () => import("./commands/policy/show.ts")),
  command("test", "Test a policy against cases in a file", () => import("./commands/policy/test.ts")),
];

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
    command("completion", "Print the completion script for a shell", () => import("./commands/completion.ts")),
    {
      name: "create",
      summary: "Create a container from a signed image",
      load: async () => (await import("./front-end/engine-descriptions.ts")).create,
    },
    command("doctor", "Check whether content trust is enforced on this machine", () => import("./commands/doctor.ts")),
    command("export", "Export signed repositories to a bundle", () => import("./commands/export.ts")),
    command("help", "Show help for a command", () => import("./commands/help.ts")),
    { name: "import", summary: "Import signed repositories into a trust server", children: importCommands },
    command("install", "Put Tagseal in front of docker", () => import("./commands/install.ts")),
    command("list", "List the signed tags of a repository", () => import("./commands/list.ts")),
    command("login", "Log in to a registry", () => import("./commands/login.ts")),
    command("logout", "Log out from a registry", () => import("./commands/logout.ts")),
    { name: "policy", summary: "Decide which images may be used", children: policyCommands },
    command("pull", "Fetch the signed image of a tag", () => import("./commands/pull.ts")),
    command("push", "Push an image and sign it", () => import("./commands/push.ts")),
    {
      name: "run",
      summary: "Run a container from a signed image",
      load: async () => (await import("./front-end/engine-descriptions.ts")).run,
    },
    command(
      "sandbox",
      "Run a throwaway registry and trust server on this machine",
      () => import("./commands/sandbox.ts"),
    ),
    command("server", "Run a trust server", () => import("./commands/server.ts"), serverCommands),
    command("sign", "Sign tags of images in a registry", () => import("./commands/sign.ts")),
    command("signer", "Run a signer for trust servers", () => import("./commands/signer.ts"), signerCommands),
    command("uninstall", "Remove the docker shim and plugin", () => import("./commands/uninstall.ts")),
    command("verify", "Print the digest a tag is signed for", () => import("./commands/verify.ts")),
    command("version", "Show the version", () => import("./commands/version.ts")),
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
