import type { ListedProposal } from "../../../trust/proposals/listed-proposals.ts";
import type { TrustContext } from "../../../trust/trust-context.ts";
import { defineCommand } from "../../command.ts";
import { withTrust } from "../../open/trust.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { trustEnvironment } from "../../options/trust-flags.ts";
import { reportOf } from "../../output/error-report.ts";
import { printable } from "../../output/printable.ts";
import { proposalJson, proposalText, shownIdDigits } from "../../output/proposal-report.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust proposals`: what waits for signatures. */
export const command = defineCommand(
  {
    path: "trust proposals",
    usage: "[OPTIONS] IMAGE",
    summary: "List changes that wait for more signatures",
    description: [
      "Shows the proposals that the trust server keeps for the repository: what each would change, compared with what is published and verified now, who has signed, who is missing, when it ends, and what a direct publication of the change would warn of. One that another publication overtook, or that must not be published, is listed with the reason.",
      "--in shows the proposal in a file instead. Nothing is signed or changed.",
    ],
    options: {
      in: { kind: "text", value: "file", complete: "file", help: "Show the proposal in this file" },
      json: jsonOption,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "see what waits for signatures", line: "tagseal trust proposals registry.example.com/team/app" },
      {
        text: "see what is in a file",
        line: "tagseal trust proposals registry.example.com/team/app --in proposal.json",
      },
    ],
    environment: trustEnvironment,
    dockerExitCodes: true,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { reference } = imageArgument(name);
    const settings = { access: "read", notify: tellTrustEvents(io, { quiet: true }) } as const;
    const listed = await withTrust(io, reference, settings, (context) => proposalsIn(context, options.in));
    if (options.json) writeJson(io, { repository: name, proposals: listed.map(listedJson) });
    else if (listed.length === 0) io.stdout.write(`No proposals for ${name}\n`);
    else io.stdout.write(listed.map(listedText).join("\n"));
    return 0;
  },
);

async function proposalsIn(context: TrustContext, path: string | undefined): Promise<readonly ListedProposal[]> {
  const { listProposals, viewProposal } = await import("../../../trust/proposals/listed-proposals.ts");
  if (path === undefined) return await listProposals(context);
  const { readProposal } = await import("../../proposals/proposal-file.ts");
  const view = await viewProposal(context, await readProposal(path));
  return [{ id: view.id, view }];
}

function listedText(listed: ListedProposal): string {
  if ("view" in listed) return proposalText(listed.view);
  return printable(`Proposal ${listed.id.slice(0, shownIdDigits)}: ${listed.problem.message}\n`);
}

function listedJson(listed: ListedProposal): object {
  return "view" in listed ? proposalJson(listed.view) : { id: listed.id, error: reportOf(listed.problem) };
}
