import { UsageError } from "../../../errors.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import type { SubmittedState } from "../../../trust/ports.ts";
import type { ApprovedProposal } from "../../../trust/proposals/approve.ts";
import type { ProposalView } from "../../../trust/proposals/proposal-view.ts";
import type { TrustContext } from "../../../trust/trust-context.ts";
import type { Proposal } from "../../../tuf/proposals/proposal.ts";
import type { TrustedCollection } from "../../../tuf/trusted-collection.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { requireFree } from "../../open/backup-file.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { type ImageArgument, imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { missingText, proposalJson, proposalText, shownIdDigits } from "../../output/proposal-report.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";
import { readProposal, writeProposal } from "../../proposals/proposal-file.ts";

/** `tagseal trust approve`: adds signatures to what another person proposed. */
export const command = defineCommand(
  {
    path: "trust approve",
    usage: "[OPTIONS] IMAGE ID | IMAGE --in FILE",
    summary: "Sign a change that another person proposed",
    description: [
      "Shows what the proposal would change, compared with what is published and verified now, asks, and signs exactly that with the keys on this machine. When enough keys have signed, the change is published: whole, or not at all. To approve twice with the same key is harmless.",
      "ID is that of a proposal on the trust server, or its beginning: `trust proposals` lists them. The server adds your signature, and publishes with the last one. If the snapshot key is not with the server, the person who has it approves last, and publishes.",
      "--in reads the proposal from a file instead. With --out the signature goes into another file, and nothing is published; the trust server need not be reachable, if this machine has read the repository before. Without --out the last missing signature publishes, as an ordinary upload that every trust server takes.",
      "Before the question come the warnings that a direct publication of the change gives, such as entries of a removed signer that count again.",
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
    args: { min: 1, max: 2 },
    examples: [
      {
        text: "sign what another person proposed",
        line: "tagseal trust approve registry.example.com/team/app 0123456789ab",
      },
      {
        text: "add your signature on a machine without a network",
        line: "tagseal trust approve registry.example.com/team/app --in proposal.json --out signed.json",
      },
      {
        text: "add the last signature, and publish",
        line: "tagseal trust approve registry.example.com/team/app --in signed.json",
      },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = "", id] }, io) => {
    const { in: from, out, yes, json } = options;
    if ((from === undefined) === (id === undefined))
      throw new UsageError("USAGE", "name one proposal: by its ID, or by its file", {
        hint: `List the IDs with: tagseal trust proposals ${name}, or give a file with --in.`,
      });
    if (out !== undefined) requireFree([out], { force: false });
    const passphrases = await passphraseSource(options, io);
    await approve({ image: imageArgument(name), id, from, out, yes, json, passphrases }, io);
    return 0;
  },
);

interface Approving {
  readonly image: ImageArgument;
  readonly id: string | undefined;
  readonly from: string | undefined;
  readonly out: string | undefined;
  readonly yes: boolean;
  readonly json: boolean;
  readonly passphrases: PassphraseSource;
}

async function approve(wanted: Approving, io: Io): Promise<void> {
  const { image, out, from, passphrases } = wanted;
  const given = from === undefined ? undefined : await readProposal(from);
  const { signProposed } = await import("../../../trust/proposals/approve.ts");
  const { readPublished, readPublishedOrRemembered } = await import("../../../trust/proposals/proposal-reading.ts");
  const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
  await withTrust(io, image.reference, settings, async (context) => {
    const proposal = given ?? (await keptProposal(context, wanted.id ?? ""));
    const isAway = from !== undefined && out !== undefined;
    const collection = await (isAway ? readPublishedOrRemembered(context) : readPublished(context));
    const approved = await signProposed(context, collection, proposal, async (view) => {
      if (from !== undefined && out === undefined) requireEnoughHere(view, image);
      return await confirm(view, wanted, io);
    });
    report(approved, await deliver({ context, collection, approved }, wanted), wanted, io);
  });
}

async function keptProposal(context: TrustContext, text: string): Promise<Proposal> {
  const { findProposalId, proposalPlace } = await import("../../../trust/proposals/listed-proposals.ts");
  return await proposalPlace(context).find(await findProposalId(context, text));
}

interface Signed {
  readonly context: TrustContext;
  readonly collection: TrustedCollection;
  readonly approved: ApprovedProposal;
}

async function deliver({ context, collection, approved }: Signed, { from, out }: Approving): Promise<SubmittedState> {
  const { proposal } = approved;
  if (out !== undefined) {
    await writeProposal(out, proposal);
    return proposal.isComplete ? "complete" : "open";
  }
  if (from === undefined) {
    const { handIn } = await import("../../../trust/proposals/hand-in.ts");
    return await handIn(context, collection, proposal);
  }
  const { publishSigned } = await import("../../../trust/proposals/publish-signed.ts");
  await publishSigned(context, collection, proposal);
  return "published";
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

function report(
  { view, signedWith }: ApprovedProposal,
  state: SubmittedState,
  { image, out, json }: Approving,
  io: Io,
): void {
  const file = out === undefined ? {} : { file: out };
  if (json) return writeJson(io, { repository: image.typed, state, signedWith, ...file, proposal: proposalJson(view) });
  if (signedWith.length === 0) io.stdout.write("The keys here had signed it before\n");
  for (const keyId of signedWith) io.stdout.write(`Signed with ${keyId}\n`);
  io.stdout.write(`${nextStep(view, state, { image, out })}\n`);
}

function nextStep(
  view: ProposalView,
  state: SubmittedState,
  { image: { typed }, out }: Pick<Approving, "image" | "out">,
): string {
  if (state === "published") return `Published the change of ${typed}`;
  const where = out === undefined ? view.id.slice(0, shownIdDigits) : `--in ${out}`;
  const how = `tagseal trust approve ${typed} ${where}`;
  if (state === "open") return `It needs ${missingText(view)}: pass on\n  ${how}`;
  return out === undefined
    ? `It has all its signatures, and the owner has the snapshot key: publish it on the machine with that key\n  ${how}`
    : `It has all its signatures: publish it with\n  ${how}`;
}
