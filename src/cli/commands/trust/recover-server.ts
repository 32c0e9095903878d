import { UsageError } from "../../../errors.ts";
import type { RecoverResult } from "../../../trust/recover-server.ts";
import type { RoleVersion } from "../../../trust/recovery-plan.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/json.ts";
import { passphraseEnvironment, passphraseOptions, passphraseSource } from "../../options/passphrase.ts";
import { trustEnvironment, withTrust } from "../../options/trust.ts";
import { forEachRepository } from "../../output/for-each-repository.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal trust recover-server`: a server that was restored from a backup gets back what this machine has seen since. */
export const command = defineCommand(
  {
    path: "trust recover-server",
    usage: "[OPTIONS] IMAGE... | --all",
    summary: "Send signed files back to a server that lost them",
    description: [
      "For a trust server that was restored from a backup. This machine remembers the newest signed files that it has seen: of a publisher as of a reader, whichever tool wrote them to docker's trust directory. They are verified from the root that this machine trusts, compared with what the server has, and what is newer is sent back: lost roots, lists of tags, delegations, the snapshot, and the timestamp as a proof of how far the versions had come. Readers continue then, and nobody has to delete or sign anything.",
      "No private key is used. Your account needs the right to push. Run it on every machine that may have seen something newer than the others; it does nothing where the server has it all.",
      "When the server no longer has a key that the newest root names, --new-server-keys signs a root that names keys it has: this needs the root key, and the right to rotate keys.",
    ],
    options: {
      all: { kind: "switch", help: "Every repository that this machine remembers" },
      "dry-run": { kind: "switch", help: "Only tell what would be sent" },
      undelete: { kind: "switch", help: "Also bring back a repository that was deleted on the server" },
      "new-server-keys": { kind: "switch", help: "Name keys the server has, if it lost those of the newest root" },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 0 },
    examples: [
      { text: "what this machine could bring back", line: "tagseal trust recover-server --all --dry-run" },
      { text: "one repository", line: "tagseal trust recover-server registry.example.com/team/app" },
    ],
    environment: [...trustEnvironment, ...passphraseEnvironment],
    dockerExitCodes: true,
  },
  async ({ options, args }, io) => {
    const { recoverServer } = await import("../../../trust/recover-server.ts");
    const names = await repositories(args, options.all, io);
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

async function repositories(named: readonly string[], all: boolean, io: Io): Promise<readonly string[]> {
  if (all !== (named.length === 0))
    throw new UsageError("USAGE", "give either IMAGE or --all", {
      hint: "tagseal trust recover-server --all --dry-run",
    });
  if (!all) return named;
  const { cachedGuns } = await import("../../doctor/expiry-check.ts");
  return (await cachedGuns(io)).toSorted();
}

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
