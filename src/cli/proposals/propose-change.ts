/** The second half of every command with `--propose`: the proposal leaves this machine. */
import { NetworkError } from "../../errors.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { ProposalView } from "../../trust/proposals/proposal-view.ts";
import type { JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import type { Io } from "../io.ts";
import { requireFree } from "../open/backup-file.ts";
import { withTrust } from "../open/trust.ts";
import type { ImageArgument } from "../options/image.ts";
import { missingText, proposalJson, proposalText } from "../output/proposal-report.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { writeJson } from "../output/write-json.ts";
import { writeProposal } from "./proposal-file.ts";

/** How a change is proposed. */
export interface Proposing {
  readonly image: ImageArgument;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly passphrases: PassphraseSource;
}

/**
 * Makes a proposal and hands it on: to a file.
 *
 * @returns the exit status
 * @throws what `make` throws; UsageError `FILE_UNWRITABLE`; NetworkError `PROPOSALS_UNSUPPORTED`
 */
export async function proposeChange(
  { image, out, json, passphrases }: Proposing,
  io: Io,
  make: (context: TrustContext) => Promise<JudgedProposal | undefined>,
): Promise<number> {
  if (out !== undefined) requireFree([out], { force: false });
  const { HeldKeys } = await import("../../trust/publishing/held-keys.ts");
  const { readPublished } = await import("../../trust/proposals/proposal-reading.ts");
  const { viewOf } = await import("../../trust/proposals/proposal-view.ts");
  const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
  return await withTrust(io, image.reference, settings, async (context) => {
    const proposal = await make(context);
    if (proposal === undefined) return tellUnchanged(image, json, io);
    const view = await viewOf(proposal, await readPublished(context), new HeldKeys(context));
    if (out === undefined) throw unsupported(context);
    await writeProposal(out, proposal);
    report({ image, json, out, view }, io);
    return 0;
  });
}

function unsupported({ gun, repository }: TrustContext): NetworkError {
  return new NetworkError("PROPOSALS_UNSUPPORTED", `${repository.name} keeps no proposals`, {
    hint: `Carry the proposal in a file: add --out FILE here, and approve it with: tagseal trust approve ${gun} --in FILE`,
  });
}

function tellUnchanged({ typed }: ImageArgument, json: boolean, io: Io): number {
  if (json) writeJson(io, { repository: typed, state: "unchanged" });
  else io.stdout.write(`Nothing to propose: ${typed} is like that already\n`);
  return 0;
}

interface Proposed {
  readonly image: ImageArgument;
  readonly json: boolean;
  readonly out: string;
  readonly view: ProposalView;
}

function report({ image, json, out, view }: Proposed, io: Io): void {
  const state = view.isComplete ? "complete" : "open";
  if (json) return writeJson(io, { repository: image.typed, state, file: out, proposal: proposalJson(view) });
  const next = view.isComplete ? "It has all its signatures: publish it" : `It needs ${missingText(view)}: approve it`;
  io.stdout.write(`${proposalText(view)}${next} with\n  tagseal trust approve ${image.typed} --in ${out}\n`);
}
