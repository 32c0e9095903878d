import { UsageError } from "../../../errors.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import type { ApprovedProposal } from "../../../trust/proposals/approve.ts";
import type { ProposalView } from "../../../trust/proposals/proposal-view.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { requireFree } from "../../open/backup-file.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { type ImageArgument, imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { trustEnvironment } from "../../options/trust-flags.ts";
import { missingText, proposalJson, proposalText } from "../../output/proposal-report.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";
import { readProposal, writeProposal } from "../../proposals/proposal-file.ts";

/** `tagseal trust approve`: adds signatures to what another person proposed. */
export const command = defineCommand(
  {
    path: "trust approve",
    usage: "[OPTIONS] IMAGE --in FILE",
    summary: "Sign a change that another person proposed",
    description: [
      "Shows what the proposal would change, compared with what is published and verified now, asks, and signs exactly that with the keys on this machine. When enough keys have signed, the change is published: whole, or not at all. To approve twice with the same key is harmless.",
      "--in reads the proposal from a file. With --out the signature goes into another file, and nothing is published; the trust server need not be reachable, if this machine has read the repository before. Without --out the last missing signature publishes, as an ordinary upload that every trust server takes.",
      "A proposal ends two weeks after it was made, and when another publication takes its version.",
    ],
    options: {
      in: { kind: "text", value: "file", complete: "file", help: "Read the proposal from this file" },
      json: jsonOption,
      out: {
        kind: "text",
        value: "file",
        complete: "file",
        help: "Write the signed proposal to this file, and publish nothing",
      },
      yes: { kind: "switch", short: "y", help: "Do not prompt for confirmation" },
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      {
        text: "add your signature on a machine without a network",
        line: "tagseal trust approve registry.example.com/team/app --in proposal.json --out signed.json",
      },
      {
        text: "add the last signature, and publish",
        line: "tagseal trust approve registry.example.com/team/app --in signed.json",
      },
    ],
    environment: [...trustEnvironment, ...passphraseEnvironment],
    dockerExitCodes: true,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { in: from, out, yes, json } = options;
    const image = imageArgument(name);
    if (from === undefined)
      throw new UsageError("USAGE", "no proposal named", { hint: "Give the file of the proposal with --in." });
    if (out !== undefined) requireFree([out], { force: false });
    return await approveFile({ image, from, out, yes, json, passphrases: await passphraseSource(options, io) }, io);
  },
);

interface Approving {
  readonly image: ImageArgument;
  readonly from: string;
  readonly out: string | undefined;
  readonly yes: boolean;
  readonly json: boolean;
  readonly passphrases: PassphraseSource;
}

async function approveFile(wanted: Approving, io: Io): Promise<number> {
  const { image, from, out, passphrases } = wanted;
  const given = await readProposal(from);
  const { signProposed } = await import("../../../trust/proposals/approve.ts");
  const { readPublished, readPublishedOrRemembered } = await import("../../../trust/proposals/proposal-reading.ts");
  const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
  await withTrust(io, image.reference, settings, async (context) => {
    const collection = await (out === undefined ? readPublished(context) : readPublishedOrRemembered(context));
    const approved = await signProposed(context, collection, given, async (view) => {
      if (out === undefined) requireEnoughHere(view, image);
      return await confirm(view, wanted, io);
    });
    if (out === undefined) {
      const { publishSigned } = await import("../../../trust/proposals/publish-signed.ts");
      await publishSigned(context, collection, approved.proposal);
    } else await writeProposal(out, approved.proposal);
    report(approved, wanted, io);
  });
  return 0;
}

/** @throws UsageError `USAGE` when signatures would be missing after this machine's, which must then go somewhere */
function requireEnoughHere({ roles }: ProposalView, { typed }: ImageArgument): void {
  const isReachable = roles.every(({ signatures }) =>
    signatures.every(
      ({ threshold, signed, missing }) => signed.length + missing.filter(({ here }) => here).length >= threshold,
    ),
  );
  if (isReachable) return;
  throw new UsageError("USAGE", `the keys here do not complete this proposal for ${typed}`, {
    hint: "Give --out FILE: your signature is added, and the next person gets that file.",
  });
}

/** The difference is always shown, on the stream of the question, also when nothing is asked. */
async function confirm(view: ProposalView, { yes }: Approving, io: Io): Promise<boolean> {
  io.stderr.write(proposalText(view));
  if (yes) return true;
  const answer = await io.prompter.ask("Sign this? [y/N] ");
  return /^y(?:es)?$/u.test(answer?.trim().toLowerCase() ?? "");
}

function report({ view, signedWith }: ApprovedProposal, { image, out, json }: Approving, io: Io): void {
  const state = out === undefined ? "published" : view.isComplete ? "complete" : "open";
  const file = out === undefined ? {} : { file: out };
  if (json) return writeJson(io, { repository: image.typed, state, signedWith, ...file, proposal: proposalJson(view) });
  if (signedWith.length === 0) io.stdout.write("The keys here had signed it before\n");
  for (const keyId of signedWith) io.stdout.write(`Signed with ${keyId}\n`);
  if (out === undefined) io.stdout.write(`Published the change of ${image.typed}\n`);
  else if (view.isComplete)
    io.stdout.write(`It has all its signatures: publish it with\n  tagseal trust approve ${image.typed} --in ${out}\n`);
  else io.stdout.write(`It needs ${missingText(view)}: pass ${out} on\n`);
}
