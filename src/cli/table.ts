/**
 * Every command, by name. Commands are loaded when they are used: no command waits for the code of others, and `tagseal version`
 * loads almost nothing.
 */
import { command, type Entry } from "./table-entry.ts";
import { importCommands, serverCommands, signerCommands } from "./table-of-servers.ts";
import { trustCommands } from "./table-of-trust.ts";

const policyImport: readonly Entry[] = [
  command("connaisseur", "Import the policy of Connaisseur", () => import("./commands/policy/import-connaisseur.ts")),
  command(
    "containers",
    "Import the policy of podman and CRI-O",
    () => import("./commands/policy/import-containers.ts"),
  ),
  command("notary", "Import the pins of the notary client", () => import("./commands/policy/import-notary.ts")),
  command("notation", "Import the trust policy of Notation", () => import("./commands/policy/import-notation.ts")),
];

const policyCommands: readonly Entry[] = [
  command("buildkit", "Write a source policy for BuildKit", () => import("./commands/policy/buildkit.ts")),
  command("check", "Show what the policies here decide about an image", () => import("./commands/policy/check.ts")),
  command("containers", "Write a policy for podman and CRI-O", () => import("./commands/policy/containers.ts")),
  { name: "import", summary: "Import the policy of another tool", children: policyImport },
  command("pin", "Write a policy that pins the root keys of repositories", () => import("./commands/policy/pin.ts")),
  command("show", "Show the policies in force on this machine", () => import("./commands/policy/show.ts")),
  command("test", "Test a policy against cases in a file", () => import("./commands/policy/test.ts")),
];

const gateCommands: readonly Entry[] = [
  command(
    "containerd",
    "Decide for containerd which images it may pull",
    () => import("./commands/gate/containerd.ts"),
  ),
  command("docker", "Decide for docker's daemon which images it may use", () => import("./commands/gate/docker.ts")),
];

const gatewayCommands: readonly Entry[] = [
  command(
    "configure",
    "Configure an engine to pull through a gateway only",
    () => import("./commands/gateway/configure.ts"),
  ),
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
      name: "compose",
      summary: "Run the services of a project from signed images",
      load: async () => (await import("./front-end/engine-descriptions.ts")).compose,
    },
    {
      name: "create",
      summary: "Create a container from a signed image",
      load: async () => (await import("./front-end/engine-descriptions.ts")).create,
    },
    command("doctor", "Check whether content trust is enforced on this machine", () => import("./commands/doctor.ts")),
    command("export", "Export signed repositories to a bundle", () => import("./commands/export.ts")),
    { name: "gate", summary: "Let engines use only signed images", children: gateCommands },
    command(
      "gateway",
      "Run a registry endpoint that serves only what is signed",
      () => import("./commands/gateway.ts"),
      gatewayCommands,
    ),
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
