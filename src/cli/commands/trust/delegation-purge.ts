import { UsageError } from "../../../errors.ts";
import { defineCommand } from "../../command.ts";
import { confirmRemoval, requireConfirmed, requireRemovalConfirmed } from "../../open/confirmed-removal.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { removalForce } from "../../options/delegation-flags.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { isProposing, proposeHelp, proposeOptions } from "../../options/proposal-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary delegation purge`: takes keys out of every delegation. */
export const command = defineCommand(
  {
    path: "trust delegation purge",
    usage: "[OPTIONS] --key KEYID IMAGE",
    summary: "Remove keys from all delegations",
    description: [
      "Removes the keys from every delegation of the repository, for instance after one was stolen. It says in which roles the keys are and what the removal means, and asks you to confirm. Roles whose parent's key is not on this machine keep the keys, with a warning.",
      proposeHelp,
    ],
    options: {
      key: { kind: "list", value: "list", help: "ID of a key to remove, in either form" },
      force: removalForce,
      json: jsonOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      {
        text: "take a key out of every role",
        line: "tagseal trust delegation purge registry.example.com/team/app --key KEYID",
      },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const image = imageArgument(name);
    if (options.key.length === 0) {
      throw new UsageError("USAGE", "no key to remove was given", {
        hint: `Name it with --key; its ID is in: tagseal trust delegation list ${name}`,
      });
    }
    const what = `the keys from all delegations of ${name}`;
    const removal = { what, force: options.force };
    if (isProposing(options)) {
      const { proposeAsAsked } = await import("../../proposals/propose-change.ts");
      const { proposeKeyPurge } = await import("../../../trust/proposals/proposed-delegations.ts");
      const required = requireRemovalConfirmed(io, removal);
      return await proposeAsAsked(image, options, io, (context) => proposeKeyPurge(context, options.key, required));
    }
    const passphrases = await passphraseSource(options, io);
    const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
    const { purgeDelegationKeys } = await import("../../../trust/delegations/edit-delegations.ts");
    const confirm = confirmRemoval(io, removal);
    const { declined, purged } = await withTrust(io, image.reference, settings, (context) =>
      purgeDelegationKeys(context, options.key, confirm),
    );
    requireConfirmed(declined, what);
    if (options.json) writeJson(io, { repository: name, keys: options.key, roles: purged });
    else
      io.stdout.write(
        `Removed from ${purged.join(", ")} of ${name}:\n${options.key.map((id) => `- ${id}\n`).join("")}`,
      );
    return 0;
  },
);
