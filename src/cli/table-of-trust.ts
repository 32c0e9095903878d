import type { Entry } from "./table-entry.ts";

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

/** `tagseal trust`: keys, signers and the repositories they sign. */
export const trustCommands: readonly Entry[] = [
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
