import { UsageError } from "../../../errors.ts";
import type { PassphraseSource } from "../../../keys/passphrase.ts";
import { removeSigner } from "../../../trust/signers/signer.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { isProposing, proposeHelp, proposeOptions, requireOneForOut } from "../../options/proposal-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { withTrust } from "../../open/trust.ts";
import { type ForEachResult, forEachRepository, type Turn } from "../../output/for-each-repository.ts";
import { cannotRetrieveSigners } from "../../output/docker-errors.ts";
import { proposeInTurn } from "../../proposals/propose-in-turn.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `docker trust signer remove`: withdraws a signer's permission to sign. */
export const command = defineCommand(
  {
    path: "trust signer remove",
    usage: "[OPTIONS] NAME REPOSITORY [REPOSITORY...]",
    summary: "Remove a signer",
    description: [
      "Removes the signer's keys from the repositories. Tags that other signers have signed, too, stay trusted. If no other signature keeps the released tags valid, you are asked to confirm.",
      proposeHelp,
    ],
    options: {
      force: {
        kind: "switch",
        short: "f",
        help: "Do not prompt for confirmation before removing the most recent signer",
      },
      json: jsonOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 2 },
    examples: [
      { text: "remove bob as a signer", line: "tagseal trust signer remove bob registry.example.com/team/app" },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = "", ...repositories] }, io) => {
    requireOneForOut(options.out, repositories);
    const { force, out } = options;
    const removal = { name, force, passphrases: await passphraseSource(options, io), out };
    const how = { json: options.json, failureHeading: "error removing signer from" };
    const remove = isProposing(options) ? proposeFrom : removeFrom;
    return await forEachRepository(repositories, io, how, (repository, say) =>
      remove({ repository, io, say }, removal),
    );
  },
);

interface Removal {
  readonly name: string;
  readonly force: boolean;
  readonly passphrases: PassphraseSource;
  readonly out: string | undefined;
}

async function proposeFrom(turn: Turn, { name, force, passphrases, out }: Removal): Promise<ForEachResult> {
  const { proposeSignerRemoval } = await import("../../../trust/proposals/proposed-delegations.ts");
  const confirm = async (): Promise<true> => {
    if (force || (await confirmLast(name, turn.repository, turn.io))) return true;
    throw declined(name, turn.repository);
  };
  const proposed = await proposeInTurn(turn, { out, passphrases }, (context) =>
    proposeSignerRemoval(context, name, confirm),
  );
  return { signer: name, ...proposed };
}

async function removeFrom(
  { repository, io, say }: Turn,
  { name, force, passphrases }: Removal,
): Promise<ForEachResult> {
  say(`Removing signer "${name}" from ${repository}...\n`);
  if (name === "releases") {
    throw new UsageError("SIGNER_NAME_INVALID", "releases is a reserved keyword and cannot be removed");
  }
  const { reference, gun } = imageArgument(repository);
  const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
  const removed = await withTrust(io, reference, settings, (context) =>
    removeSigner(context, name, {
      confirmLastSigner: async () => force || (await confirmLast(name, repository, io)),
    }),
  ).catch((error: unknown) => {
    throw cannotRetrieveSigners(error, gun);
  });
  if (!removed) throw declined(name, repository);
  say(`Successfully removed ${name} from ${repository}\n\n`);
  return { repository, signer: name };
}

function declined(name: string, repository: string): UsageError {
  return new UsageError("CANCELLED", `${name} was not removed from ${repository}: not confirmed`, {
    hint: "Answer y, or give --force.",
  });
}

async function confirmLast(name: string, repository: string, io: Io): Promise<boolean> {
  const answer = await io.prompter.ask(
    `The signer "${name}" signed the last released version of ${repository}. Removing this signer will make ${repository} unpullable. Are you sure you want to continue? [y/N] `,
  );
  return answer?.trim().toLowerCase() === "y";
}
