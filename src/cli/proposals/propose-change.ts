/** The second half of every command with `--propose`: the proposal leaves this machine. */
import type { KeyStore } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { SubmittedState } from "../../trust/ports.ts";
import type { ProposalView } from "../../trust/proposals/proposal-view.ts";
import type { JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import type { Io } from "../io.ts";
import { requireFree } from "../open/backup-file.ts";
import { withTrust } from "../open/trust.ts";
import type { ImageArgument } from "../options/image.ts";
import { missingText, proposalJson, proposalText, shownIdDigits } from "../output/proposal-report.ts";
import { tellTrustEvents } from "../output/trust-events.ts";
import { writeJson } from "../output/write-json.ts";
import { writeProposal } from "./proposal-file.ts";

/** How a change is proposed. */
export interface Proposing {
  readonly image: ImageArgument;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly passphrases: PassphraseSource;
  /** instead of opening the user's keys */
  readonly keys?: KeyStore;
}

/**
 * Makes a proposal and hands it on: to the trust server, or to a file.
 *
 * @returns the exit status
 * @throws what `make` throws; UsageError `FILE_UNWRITABLE`; NetworkError `PROPOSALS_UNSUPPORTED`
 */
export async function proposeChange(
  { image, out, json, passphrases, keys }: Proposing,
  io: Io,
  make: (context: TrustContext) => Promise<JudgedProposal | undefined>,
): Promise<number> {
  if (out !== undefined) requireFree([out], { force: false });
  const { HeldKeys } = await import("../../trust/publishing/held-keys.ts");
  const { readPublished } = await import("../../trust/proposals/proposal-reading.ts");
  const { viewOf } = await import("../../trust/proposals/proposal-view.ts");
  const notify = tellTrustEvents(io, { quiet: true });
  const settings = { access: "write", passphrases, notify, ...(keys === undefined ? {} : { keys }) } as const;
  return await withTrust(io, image.reference, settings, async (context) => {
    const proposal = await make(context);
    if (proposal === undefined) return tellUnchanged(image, json, io);
    const collection = await readPublished(context);
    const view = await viewOf(proposal, collection, new HeldKeys(context));
    if (out === undefined) {
      const { handIn } = await import("../../trust/proposals/hand-in.ts");
      report({ image, json, view, state: await handIn(context, collection, proposal) }, io);
    } else {
      await writeProposal(out, proposal);
      report({ image, json, view, out, state: view.isComplete ? "complete" : "open" }, io);
    }
    return 0;
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
  readonly out?: string;
  readonly view: ProposalView;
  readonly state: SubmittedState;
}

function report({ image, json, out, view, state }: Proposed, io: Io): void {
  const file = out === undefined ? {} : { file: out };
  if (json) return writeJson(io, { repository: image.typed, state, ...file, proposal: proposalJson(view) });
  const where = out === undefined ? view.id.slice(0, shownIdDigits) : `--in ${out}`;
  io.stdout.write(`${proposalText(view)}${nextStep(image, view, { state, where })}`);
}

function nextStep(
  { typed, gun }: ImageArgument,
  view: ProposalView,
  { state, where }: { readonly state: SubmittedState; readonly where: string },
): string {
  if (state === "published") return `It has all its signatures: published the change of ${typed}\n`;
  const next =
    state === "complete" ? "It has all its signatures: publish it" : `It needs ${missingText(view)}: approve it`;
  return `${next} with\n  tagseal trust approve ${gun} ${where}\n`;
}
