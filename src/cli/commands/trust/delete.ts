import { UsageError } from "../../../errors.ts";
import { deleteTrustData } from "../../../trust/publishing/delete-collection.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { withTrust } from "../../open/trust.ts";
import { trustEnvironment } from "../../options/trust-flags.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust delete`: deletes a repository's trust data here and, if asked, on the trust server, as `notary delete` does. */
export const command = defineCommand(
  {
    path: "trust delete",
    usage: "[OPTIONS] IMAGE",
    summary: "Delete the trust data of a repository",
    description: [
      "Deletes what this machine remembers of a repository: the cached metadata, and changes that notary or docker staged and did not publish. Reading the repository again is then a first contact: its root is trusted on first use.",
      "With --remote, it first deletes all trust data of the repository on the trust server, for all readers; this needs the rights of an administrator there. Private keys are never removed; the command lists those that stay. You are asked to confirm.",
    ],
    options: {
      force: { kind: "switch", short: "f", help: "Do not prompt for confirmation" },
      json: jsonOption,
      remote: { kind: "switch", help: "Delete the trust data on the trust server, too" },
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "forget a repository on this machine", line: "tagseal trust delete registry.example.com/team/app" },
      { text: "delete it for all readers", line: "tagseal trust delete --remote registry.example.com/team/app" },
    ],
    environment: trustEnvironment,
    dockerExitCodes: true,
  },
  async ({ options: { force, json, remote }, args: [name = ""] }, io) => {
    const { reference } = imageArgument(name);
    if (!force) await confirm(name, remote, io);
    const settings = { access: remote ? "admin" : "read", notify: tellTrustEvents(io, { quiet: true }) } as const;
    const { keysKept } = await withTrust(io, reference, settings, (context) => deleteTrustData(context, { remote }));
    if (json) {
      writeJson(io, {
        repository: name,
        remote,
        keysKept: keysKept.map(({ keyId, role, location }) => ({ keyId, role, location })),
      });
      return 0;
    }
    io.stdout.write(`Successfully deleted local${remote ? " and remote" : ""} trust data for repository ${name}\n`);
    for (const { keyId, role, location } of keysKept)
      io.stdout.write(`  kept the ${role} key ${keyId} in ${location}\n`);
    return 0;
  },
);

/** @throws UsageError `CANCELLED` unless the answer is y */
async function confirm(name: string, remote: boolean, io: Io): Promise<void> {
  const what = remote
    ? `all trust data of ${name} on the trust server, for all readers, and on this machine`
    : `what this machine remembers of ${name}`;
  const answer = await io.prompter.ask(`Delete ${what}? [y/N] `);
  if (/^y(?:es)?$/u.test(answer?.trim().toLowerCase() ?? "")) return;
  throw new UsageError("CANCELLED", `nothing was deleted: deleting ${what} was not confirmed`, {
    hint: "Answer y, or give --force.",
  });
}
