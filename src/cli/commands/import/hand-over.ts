import { defineCommand } from "../../command.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { withTrust } from "../../open/trust.ts";
import { trustEnvironment, trustExitCodes } from "../../options/trust-flags.ts";
import { forEachRepository } from "../../output/for-each-repository.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal import hand-over`: a publisher authorises the new server of a moved repository to sign for it. */
export const command = defineCommand(
  {
    path: "import hand-over",
    usage: "[OPTIONS] REPOSITORY...",
    summary: "Hand the server keys of a moved repository over to its new server",
    description: [
      "Run this as the holder of the root key of a repository that was moved with 'tagseal import notary-server'. It signs one new root that names the new server's keys for the timestamp and, unless the snapshot key is on this machine, for the snapshot. It does nothing when the root names them already. Readers notice no change: the root keys stay, and the versions keep rising.",
      "The new server is the one that clients use: DOCKER_CONTENT_TRUST_SERVER, or the registry's own host.",
    ],
    options: { json: jsonOption, ...passphraseOptions },
    args: { min: 1 },
    examples: [{ text: "hand one repository over", line: "tagseal import hand-over registry.example.com/team/app" }],
    environment: [...trustEnvironment, ...passphraseEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args }, io) => {
    const { handOver } = await import("../../../trust/recovery/hand-over.ts");
    const settings = {
      access: "admin",
      notify: tellTrustEvents(io, { quiet: true }),
      passphrases: await passphraseSource(options, io),
    } as const;
    const how = { json: options.json, failureHeading: "not handed over" };
    return await forEachRepository(args, io, how, async (name, say) => {
      const { roles } = await withTrust(io, imageArgument(name).reference, settings, (context) => handOver(context));
      say(roles.length === 0 ? `${name} is handed over already\n` : `Handed ${name} over: ${roles.join(", ")}\n`);
      return { repository: name, roles };
    });
  },
);
