import { command, type Entry } from "./table-entry.ts";

const trustKey: readonly Entry[] = [
  command("backup", "Back up private keys to an encrypted file", () => import("./commands/trust/key-backup.ts")),
  command("export", "Export private keys, encrypted", () => import("./commands/trust/key-export.ts")),
  command("generate", "Generate and load a signing key-pair", () => import("./commands/trust/key-generate.ts")),
  command("import", "Import private keys from files", () => import("./commands/trust/key-import.ts")),
  command("link", "Use a key that is kept in a token or by a service", () => import("./commands/trust/key-link.ts")),
  command("list", "List the private keys on this machine", () => import("./commands/trust/key-list.ts")),
  command("load", "Load a private key file for signing", () => import("./commands/trust/key-load.ts")),
  command("passphrase", "Change the passphrase of private keys", () => import("./commands/trust/key-passphrase.ts")),
  command("remove", "Remove private keys from this machine", () => import("./commands/trust/key-remove.ts")),
  command("restore", "Restore private keys from a backup", () => import("./commands/trust/key-restore.ts")),
  command("rotate", "Replace the key of a role by a new one", () => import("./commands/trust/key-rotate.ts")),
  command("show", "Show everything about a private key", () => import("./commands/trust/key-show.ts")),
  command("tokens", "List hardware tokens and their keys", () => import("./commands/trust/key-tokens.ts")),
];

const trustDelegation: readonly Entry[] = [
  command("add", "Add a delegation, or keys and paths to one", () => import("./commands/trust/delegation-add.ts")),
  command("list", "List the delegations of a repository", () => import("./commands/trust/delegation-list.ts")),
  command("purge", "Remove keys from all delegations", () => import("./commands/trust/delegation-purge.ts")),
  command(
    "remove",
    "Remove a delegation, or keys and paths from one",
    () => import("./commands/trust/delegation-remove.ts"),
  ),
];

const trustRoot: readonly Entry[] = [
  command(
    "add-spare",
    "Add a spare root key, for the loss of the first",
    () => import("./commands/trust/root-add-spare.ts"),
  ),
  command("list", "List the root keys of a repository", () => import("./commands/trust/root-list.ts")),
];

const trustSigner: readonly Entry[] = [
  command("add", "Add a signer", () => import("./commands/trust/signer-add.ts")),
  command("list", "List the signers of a repository", () => import("./commands/trust/signer-list.ts")),
  command("remove", "Remove a signer", () => import("./commands/trust/signer-remove.ts")),
];

const trustTarget: readonly Entry[] = [
  command("add", "Sign a file", () => import("./commands/trust/target-add.ts")),
  command("list", "List the signed files of a collection", () => import("./commands/trust/target-list.ts")),
  command(
    "lookup",
    "Print the digest and the size that a file is signed for",
    () => import("./commands/trust/target-lookup.ts"),
  ),
  command("remove", "Remove the signature of a file", () => import("./commands/trust/target-remove.ts")),
  command(
    "verify",
    "Check a file against its signed digest and pass it on",
    () => import("./commands/trust/target-verify.ts"),
  ),
];

/** `tagseal trust`: keys, signers and the repositories they sign. */
export const trustCommands: readonly Entry[] = [
  { name: "delegation", summary: "Manage the roles that sign for a repository", children: trustDelegation },
  { name: "key", summary: "Manage keys for signing Docker images", children: trustKey },
  { name: "root", summary: "Manage the root keys of repositories", children: trustRoot },
  { name: "signer", summary: "Manage entities who can sign Docker images", children: trustSigner },
  { name: "target", summary: "Manage signed files that are not images", children: trustTarget },
  command("approve", "Sign a change that another person proposed", () => import("./commands/trust/approve.ts")),
  command("delete", "Delete the trust data of a repository", () => import("./commands/trust/delete.ts")),
  command("init", "Create a signed repository without tags", () => import("./commands/trust/init.ts")),
  command(
    "inspect",
    "Return low-level information about keys and signatures",
    () => import("./commands/trust/inspect.ts"),
  ),
  command("log", "Show what a tag meant before", () => import("./commands/trust/log.ts")),
  command("proposals", "List changes that wait for more signatures", () => import("./commands/trust/proposals.ts")),
  command("recover", "Recover from lost, leaked or expired keys", () => import("./commands/trust/recover.ts")),
  command(
    "recover-server",
    "Send signed files back to a server that lost them",
    () => import("./commands/trust/recover-server.ts"),
  ),
  command("renew", "Sign again what expires, with the keys on this machine", () => import("./commands/trust/renew.ts")),
  command("revoke", "Remove trust for an image", () => import("./commands/trust/revoke.ts")),
  command("shard", "Split a repository with many tags into shards", () => import("./commands/trust/shard.ts")),
  command("sign", "Sign an image", () => import("./commands/trust/sign.ts")),
  command("staged", "Show, publish or discard changes that notary staged", () => import("./commands/trust/staged.ts")),
  command("status", "Show what expires when, and who must renew it", () => import("./commands/trust/status.ts")),
  command("unshard", "Remove the shards of a repository", () => import("./commands/trust/unshard.ts")),
  command("withdraw", "Remove a proposed change from the trust server", () => import("./commands/trust/withdraw.ts")),
  command("witness", "Sign roles again with the keys on this machine", () => import("./commands/trust/witness.ts")),
];
