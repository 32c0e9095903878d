import { witnessRoles } from "../../../trust/publishing/witness.ts";
import { defineCommand } from "../../command.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { isProposing, proposeHelp, proposeOptions } from "../../options/proposal-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { withTrust } from "../../open/trust.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";
import { roleArgument } from "../../rotation/role-argument.ts";

/** `tagseal trust witness`: signs roles again, unchanged, as `notary witness -p` does. */
export const command = defineCommand(
  {
    path: "trust witness",
    usage: "[OPTIONS] IMAGE ROLE [ROLE...]",
    summary: "Sign roles again with the keys on this machine",
    description: [
      "Signs roles again, with the content they have, and publishes them: targets, a signer by name, or a delegation such as targets/releases. Use it after a signer got another key: what the former key signed does not count, and with the signature of a key that the role has now, it does again. It also renews the expiry.",
      "Your signature makes all of its content trusted, also what you did not sign before. Look at it first: `tagseal trust inspect IMAGE`. All keys of the role that are on this machine sign.",
      proposeHelp,
    ],
    options: { json: jsonOption, ...proposeOptions, ...passphraseOptions },
    args: { min: 2 },
    examples: [
      {
        text: "let what alice signed with her former key count again",
        line: "tagseal trust witness registry.example.com/team/app alice targets/releases",
      },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = "", ...words] }, io) => {
    const image = imageArgument(name);
    const roles = words.map(roleArgument);
    if (isProposing(options)) {
      const { proposeAsAsked } = await import("../../proposals/propose-change.ts");
      const { proposeWitness } = await import("../../../trust/proposals/proposed-renewals.ts");
      return await proposeAsAsked(image, options, io, (context) => proposeWitness(context, roles));
    }
    const passphrases = await passphraseSource(options, io);
    const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: true }) } as const;
    const result = await withTrust(io, image.reference, settings, (context) => witnessRoles(context, roles));
    if (options.json) writeJson(io, { repository: name, ...result });
    else
      for (const { role, tags } of result.roles)
        io.stdout.write(`Signed ${role} of ${name} again, with its ${tags} tags\n`);
    return 0;
  },
);
