import type { RecoverResult } from "../../../trust/recovery/recover-server.ts";
import type { RoleVersion } from "../../../tuf/metadata.ts";
import { defineCommand } from "../../command.ts";
import { chosenRepositories } from "../../open/chosen-repositories.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { withTrust } from "../../open/trust.ts";
import { forEachRepository } from "../../output/for-each-repository.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal trust recover-server`: sends what this machine has seen since the backup to a server that was restored from it. */
export const command = defineCommand(
  {
    path: "trust recover-server",
    usage: "[OPTIONS] IMAGE... | --all",
    summary: "Send signed files back to a server that lost them",
    description: [
      "Use it for a trust server that was restored from a backup. The machine of every publisher and reader remembers the newest signed files it has seen, in docker's trust directory. This command verifies them from the root that this machine trusts, compares them with the server's files, and sends back what is newer: lost roots, lists of tags, delegations, the snapshot, and the timestamp as proof of the highest version. Readers then continue without deleting or signing anything.",
      "It uses no private key. Your account needs permission to push. Run it on every machine that may have seen newer files than the others; if the server already has all of them, it does nothing.",
      "If the server has lost a key that the newest root names, --new-server-keys signs a root that names keys the server has. This needs the root key and permission to rotate keys.",
    ],
    options: {
      all: { kind: "switch", help: "Recover every repository that this machine remembers" },
      "dry-run": { kind: "switch", help: "Only show what would be sent" },
      undelete: { kind: "switch", help: "Also restore a repository that was deleted on the server" },
      "new-server-keys": { kind: "switch", help: "Name keys that the server has, if it lost those of the newest root" },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 0 },
    examples: [
      { text: "show what this machine can send back", line: "tagseal trust recover-server --all --dry-run" },
      { text: "recover one repository", line: "tagseal trust recover-server registry.example.com/team/app" },
    ],
    ...signingHelp,
  },
  async ({ options, args }, io) => {
    const { recoverServer } = await import("../../../trust/recovery/recover-server.ts");
    const names = await chosenRepositories(
      { named: args, all: options.all, command: "trust recover-server --all --dry-run" },
      io,
    );
    const settings = {
      access: options["new-server-keys"] ? "admin" : "write",
      notify: tellTrustEvents(io, { quiet: true }),
      passphrases: await passphraseSource(options, io),
    } as const;
    const dryRun = options["dry-run"];
    const how = { dryRun, undelete: options.undelete, newServerKeys: options["new-server-keys"] };
    const output = { json: options.json, failureHeading: "not recovered" };
    return await forEachRepository(names, io, output, async (name, say) => {
      const { reference } = imageArgument(name);
      const result = await withTrust(io, reference, settings, (context) => recoverServer(context, how));
      say(`${name}: ${outcome(result, dryRun)}\n`);
      for (const warning of warnings(name, result)) io.stderr.write(`${warning}\n`);
      return { repository: name, dryRun, ...result };
    });
  },
);

function outcome({ sent, passed, replaced }: RecoverResult, dryRun: boolean): string {
  const parts = [
    ...(sent.length === 0 ? [] : [`${dryRun ? "would send" : "sent"} ${listed(sent)}`]),
    ...(passed.length === 0 ? [] : [`${dryRun ? "would raise" : "raised"} the versions above ${listed(passed)}`]),
    ...(replaced.length === 0 ? [] : [`not sent: ${listed(replaced)}`]),
  ];
  return parts.length === 0 ? "already up to date" : parts.join("; ");
}

function warnings(name: string, { replaced, isBehind }: RecoverResult): readonly string[] {
  const changed = `${name}: something else was published as ${listed(replaced)} since the restore: sign the tags that are missing again`;
  const behind = `${name}: the server's versions are still below those that were seen: publish until they have passed them`;
  return [...(replaced.length === 0 ? [] : [changed]), ...(isBehind ? [behind] : [])];
}

function listed(versions: readonly RoleVersion[]): string {
  return versions.map(({ role, version }) => `${role} ${version}`).join(", ");
}
