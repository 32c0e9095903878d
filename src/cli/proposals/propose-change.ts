/** The second half of every command with `--propose`: the proposal leaves this machine. */
import type { KeyStore } from "../../keys/key-store.ts";
import type { PassphraseSource } from "../../keys/passphrase.ts";
import type { TrustContext } from "../../trust/trust-context.ts";
import type { TrustEventHandler } from "../../trust/trust-event.ts";
import type { SubmittedState } from "../../trust/ports.ts";
import type { ProposalView } from "../../trust/proposals/proposal-view.ts";
import type { JudgedProposal } from "../../tuf/proposals/judged-proposal.ts";
import type { Io } from "../io.ts";
import { requireFree } from "../open/backup-file.ts";
import { passphraseSource } from "../open/passphrases.ts";
import { withTrust } from "../open/trust.ts";
import type { ImageArgument } from "../options/image.ts";
import type { OptionValues } from "../options/option.ts";
import type { passphraseOptions } from "../options/passphrase-flags.ts";
import type { proposeOptions } from "../options/proposal-flags.ts";
import type { ForEachResult } from "../output/for-each-repository.ts";
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

/** Makes the proposal; undefined when there is nothing to propose. */
export type MakeProposal = (context: TrustContext) => Promise<JudgedProposal | undefined>;

/** A proposal that was handed on, for standard output. */
export interface ProposedResult {
  readonly json: ForEachResult;
  readonly text: string;
}

/**
 * Makes a proposal, hands it on, and prints what became of it.
 *
 * @returns the exit status
 * @throws as {@link handOnProposal}
 */
export async function proposeChange(proposing: Proposing, io: Io, make: MakeProposal): Promise<number> {
  const { json, text } = await handOnProposal(proposing, io, make);
  if (proposing.json) writeJson(io, json);
  else io.stdout.write(text);
  return 0;
}

/** The same with the options of a command as they were given. */
export async function proposeAsAsked(
  image: ImageArgument,
  options: OptionValues<typeof passphraseOptions & typeof proposeOptions> & { readonly json: boolean },
  io: Io,
  make: MakeProposal,
): Promise<number> {
  const { out, json } = options;
  return await proposeChange({ image, out, json, passphrases: await passphraseSource(options, io) }, io, make);
}

/**
 * Makes a proposal and hands it on: to the trust server, or to a file.
 *
 * @throws what `make` throws; UsageError `FILE_UNWRITABLE`; NetworkError `PROPOSALS_UNSUPPORTED`
 */
export async function handOnProposal(
  { image, out, passphrases, keys }: Omit<Proposing, "json">,
  io: Io,
  make: MakeProposal,
): Promise<ProposedResult> {
  if (out !== undefined) requireFree([out], { force: false });
  const { readPublished } = await import("../../trust/proposals/proposal-reading.ts");
  const { viewOf } = await import("../../trust/proposals/proposal-view.ts");
  const notify = toldOnce(tellTrustEvents(io, { quiet: true }));
  const settings = { access: "write", passphrases, notify, ...(keys === undefined ? {} : { keys }) } as const;
  return await withTrust(io, image.reference, settings, async (context) => {
    const proposal = await make(context);
    if (proposal === undefined) return unchanged(image);
    const collection = await readPublished(context);
    const view = await viewOf(context, collection, proposal);
    for (const message of view.warnings) notify({ kind: "warning", gun: image.gun, message });
    if (out === undefined) {
      const { handIn } = await import("../../trust/proposals/hand-in.ts");
      return resultOf({ image, view, state: await handIn(context, collection, proposal) });
    }
    await writeProposal(out, proposal);
    return resultOf({ image, view, out, state: view.isComplete ? "complete" : "open" });
  });
}

/** The changes warn of some things themselves, and the reading before and after warns of the same ones. */
function toldOnce(tell: TrustEventHandler): TrustEventHandler {
  const told = new Set<string>();
  return (event) => {
    if (event.kind === "warning" && told.has(event.message)) return;
    if (event.kind === "warning") told.add(event.message);
    tell(event);
  };
}

function unchanged({ typed }: ImageArgument): ProposedResult {
  return {
    json: { repository: typed, state: "unchanged" },
    text: `Nothing to propose: ${typed} is like that already\n`,
  };
}

interface Proposed {
  readonly image: ImageArgument;
  readonly out?: string;
  readonly view: ProposalView;
  readonly state: SubmittedState;
}

function resultOf({ image, out, view, state }: Proposed): ProposedResult {
  const file = out === undefined ? {} : { file: out };
  const where = out === undefined ? view.id.slice(0, shownIdDigits) : `--in ${out}`;
  return {
    json: { repository: image.typed, state, ...file, proposal: proposalJson(view) },
    // The warnings were told as those of a publication are.
    text: `${proposalText({ ...view, warnings: [] })}${nextStep(image, view, { state, where })}`,
  };
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
