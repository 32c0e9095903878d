import { removeTarget, stillSigned } from "../../../trust/publishing/change-targets.ts";
import { defineCommand } from "../../command.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { collectionArgument, gunHelp, targetRoleOption, targetRoles } from "../../options/target-arguments.ts";
import { isProposing, proposeHelp, proposeOptions } from "../../options/proposal-flags.ts";
import { trustEnvironment, trustExitCodes } from "../../options/trust-flags.ts";
import { printable } from "../../output/printable.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary remove -p`: removes the signature of a file. */
export const command = defineCommand(
  {
    path: "trust target remove",
    usage: "[OPTIONS] GUN NAME",
    summary: "Remove the signature of a file",
    description: [
      "Removes the entry from targets, or from the roles that --role names, and publishes that at once; nothing is staged. If another role signs the name as well, readers take it from there, and the command warns you. If no named role has the entry, the exit status is 2.",
      gunHelp,
      proposeHelp,
    ],
    options: {
      role: targetRoleOption("Remove it from this role"),
      json: jsonOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 2, max: 2 },
    examples: [{ text: "remove a signed file", line: "tagseal trust target remove example.com/files hello.txt" }],
    environment: [...trustEnvironment, ...passphraseEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args: [typed = "", name = ""] }, io) => {
    const collection = collectionArgument(typed);
    const { reference, gun } = collection;
    const placed = { name, roles: targetRoles(options.role) };
    if (isProposing(options)) {
      const { proposeAsAsked } = await import("../../proposals/propose-change.ts");
      const { proposeTargetRemoval } = await import("../../../trust/proposals/proposed-changes.ts");
      return await proposeAsAsked(collection, options, io, (context) => proposeTargetRemoval(context, placed));
    }
    const settings = {
      access: "write",
      notify: tellTrustEvents(io, { quiet: options.json }),
      passphrases: await passphraseSource(options, io),
    } as const;
    const result = await withTrust(io, reference, settings, (context) => removeTarget(context, placed));
    const { removedFrom, stillIn } = result;
    if (options.json) writeJson(io, { gun, name, removedFrom, stillIn: stillIn ?? null });
    else io.stdout.write(printable(`Removed target "${name}" from ${removedFrom.join(", ")} of ${gun}\n`));
    if (stillIn !== undefined) io.stderr.write(printable(`warning: ${stillSigned({ name, role: stillIn })}\n`));
    return 0;
  },
);
