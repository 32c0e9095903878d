import type { RemovalResult } from "../../../trust/delegations/edit-delegations.ts";
import { defineCommand } from "../../command.ts";
import { confirmRemoval, requireConfirmed, requireRemovalConfirmed } from "../../open/confirmed-removal.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { pathsIn, pathsOption, removalForce } from "../../options/delegation-flags.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { isProposing, proposeHelp, proposeOptions } from "../../options/proposal-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { delegationJson, delegationTable } from "../../output/delegation-table.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary delegation remove`: removes a role, or keys and paths from one. */
export const command = defineCommand(
  {
    path: "trust delegation remove",
    usage: "[OPTIONS] IMAGE ROLE [KEYID...]",
    summary: "Remove a delegation, or keys and paths from one",
    description: [
      "Removes the keys and paths from the role, or, if you name none, the role itself with all roles below it. It says what the removal means for those who sign and for readers, and asks you to confirm. Key IDs are those of `trust delegation list`, in either form. A key or path that the role does not have is an error.",
      "A role that is left with fewer keys than its threshold stays, and nothing that it signs counts until it gets more. When the last delegation is removed, the repository key signs tags again.",
      proposeHelp,
    ],
    options: {
      paths: { ...pathsOption, help: "Paths to remove, separated by commas" },
      "all-paths": { kind: "switch", help: "Remove all paths" },
      force: removalForce,
      json: jsonOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 2 },
    examples: [
      {
        text: "let the repository key sign again after the last signer was removed",
        line: "tagseal trust delegation remove registry.example.com/team/app targets/releases",
      },
      {
        text: "remove a path without a prompt",
        line: "tagseal trust delegation remove --force registry.example.com/team/app targets/dev --paths nightly-",
      },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = "", role = "", ...keyIds] }, io) => {
    const image = imageArgument(name);
    const unwanted = { role, keyIds, paths: pathsIn(options.paths), allPaths: options["all-paths"] };
    const isWhole = keyIds.length === 0 && unwanted.paths.length === 0 && !unwanted.allPaths;
    const what = isWhole ? `the delegation ${role} of ${name}` : `this from ${role} of ${name}`;
    const removal = { what, force: options.force };
    if (isProposing(options)) {
      const { proposeAsAsked } = await import("../../proposals/propose-change.ts");
      const { proposeDelegationRemoval } = await import("../../../trust/proposals/proposed-delegations.ts");
      const required = requireRemovalConfirmed(io, removal);
      return await proposeAsAsked(image, options, io, (context) =>
        proposeDelegationRemoval(context, unwanted, required),
      );
    }
    const passphrases = await passphraseSource(options, io);
    const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
    const { removeFromDelegation } = await import("../../../trust/delegations/edit-delegations.ts");
    const confirm = confirmRemoval(io, removal);
    const result = await withTrust(io, image.reference, settings, (context) =>
      removeFromDelegation(context, unwanted, confirm),
    );
    requireConfirmed(result.declined, what);
    if (options.json) writeJson(io, asJson(name, role, result));
    else io.stdout.write(asText(name, role, result));
    return 0;
  },
);

function asText(name: string, role: string, { left }: RemovalResult): string {
  if (left === undefined) return `Successfully removed ${role} from ${name}\n`;
  return `Delegation ${role} of ${name} is now:\n${delegationTable([left])}`;
}

function asJson(repository: string, role: string, { left }: RemovalResult): object {
  return { repository, role, removed: left === undefined, ...(left === undefined ? {} : delegationJson(left)) };
}
