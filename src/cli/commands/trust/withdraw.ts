import { defineCommand } from "../../command.ts";
import { withTrust } from "../../open/trust.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { trustEnvironment } from "../../options/trust-flags.ts";
import { shownIdDigits } from "../../output/proposal-report.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust withdraw`: the trust server forgets a proposal. */
export const command = defineCommand(
  {
    path: "trust withdraw",
    usage: "[OPTIONS] IMAGE ID",
    summary: "Remove a proposed change from the trust server",
    description: [
      "The trust server forgets the proposal. The signatures that it has stay valid for exactly this change, and a person who has a copy of it could still add the missing ones: to rule that out, publish another change of the same role, which takes the version.",
    ],
    options: { json: jsonOption },
    args: { min: 2, max: 2 },
    examples: [
      {
        text: "take a proposal back",
        line: "tagseal trust withdraw registry.example.com/team/app 0123456789ab",
      },
    ],
    environment: trustEnvironment,
    dockerExitCodes: true,
  },
  async ({ options, args: [name = "", text = ""] }, io) => {
    const { reference } = imageArgument(name);
    const settings = { access: "write", notify: tellTrustEvents(io, { quiet: true }) } as const;
    const id = await withTrust(io, reference, settings, async (context) => {
      const { findProposalId, proposalPlace } = await import("../../../trust/proposals/listed-proposals.ts");
      const found = await findProposalId(context, text);
      await proposalPlace(context).withdraw(found);
      return found;
    });
    if (options.json) writeJson(io, { repository: name, withdrawn: id });
    else io.stdout.write(`Withdrew proposal ${id.slice(0, shownIdDigits)} for ${name}\n`);
    return 0;
  },
);
