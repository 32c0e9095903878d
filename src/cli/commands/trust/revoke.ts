import { TagsealError, UsageError } from "../../../errors.ts";
import { revokeTags, type RevokeResult } from "../../../trust/publishing/revoke.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { isProposing, proposeOptions } from "../../options/proposal-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { withTrust } from "../../open/trust.ts";
import { prefixed } from "../../output/docker-errors.ts";
import { writeJson } from "../../output/write-json.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `docker trust revoke`: removes signatures. */
export const command = defineCommand(
  {
    path: "trust revoke",
    usage: "[OPTIONS] IMAGE[:TAG]",
    summary: "Remove trust for an image",
    description: [
      "Removes the signature of one tag, or without a tag those of all tags, from every role whose key is on this machine, including the repository key. If another signer's signature keeps the tag trusted, it says so and exits with 1.",
    ],
    options: {
      yes: { kind: "switch", short: "y", help: "Do not prompt for confirmation" },
      json: jsonOption,
      ...proposeOptions,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "revoke one tag", line: "tagseal trust revoke registry.example.com/team/app:1.0" },
      { text: "revoke every tag without a prompt", line: "tagseal trust revoke --yes registry.example.com/team/app" },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { reference } = imageArgument(name);
    if (reference.digest !== undefined) throw new UsageError("USAGE", "cannot use a digest reference for IMAGE:TAG");
    if (reference.tag === undefined && !options.yes) await confirmAll(name, io);
    const tags = reference.tag === undefined ? ("all" as const) : [reference.tag];
    if (isProposing(options)) {
      const { proposeAsAsked } = await import("../../proposals/propose-change.ts");
      const { proposeRevocation } = await import("../../../trust/proposals/proposed-changes.ts");
      return await proposeAsAsked(imageArgument(name), options, io, (context) => proposeRevocation(context, tags));
    }
    const settings = {
      access: "write",
      notify: tellTrustEvents(io, { quiet: true }),
      passphrases: await passphraseSource(options, io),
    } as const;
    const result = await withTrust(io, reference, settings, (context) => revokeTags(context, tags)).catch(
      (error: unknown) => {
        throw prefixed(error, `could not remove signature for ${name}`);
      },
    );
    requireGone(name, result);
    if (options.json) writeJson(io, { image: name, removed: result.removed, remaining: result.remaining });
    else io.stdout.write(`Successfully deleted signature for ${name}\n`);
    return 0;
  },
);

/** @throws UsageError `CANCELLED` unless the answer is y: docker exits 0 there, and a script then believes the signatures are gone */
async function confirmAll(name: string, io: Io): Promise<void> {
  const answer = await io.prompter.ask(`Confirm you would like to delete all signature data for ${name}? [y/N] `);
  if (answer?.trim().toLowerCase() === "y") return;
  throw new UsageError("CANCELLED", `nothing was removed: deleting all signature data for ${name} was not confirmed`, {
    hint: "Answer y, or give --yes.",
  });
}

function requireGone(name: string, { stillReleased, remaining }: RevokeResult): void {
  if (stillReleased.length === 0) return;
  const roles = remaining.map(({ tag, role }) => `${tag} in ${role}`).join(", ");
  throw new TagsealError(
    "SIGNING_KEY_MISSING",
    `could not remove signature for ${name}: still trusted: ${stillReleased.join(", ")}`,
    { hint: `Load the keys of these entries, which are not on this machine: ${roles}.` },
  );
}
