import { defineCommand } from "../../command.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/json.ts";
import { passphraseEnvironment, passphraseOptions, passphraseSource } from "../../options/passphrase.ts";
import { trustEnvironment, trustExitCodes, withTrust } from "../../options/trust.ts";
import { forEachRepository } from "../../output/for-each-repository.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

/** `tagseal import hand-over`: a publisher lets the server their repository was moved to sign for it. */
export const command = defineCommand(
  {
    path: "import hand-over",
    usage: "[OPTIONS] REPOSITORY...",
    summary: "Let the server a repository was moved to sign for it",
    description: [
      "For whoever holds the root key of a repository that was moved with tagseal import notary-server: one new root names the new server's keys for the timestamp and, unless its key is on this machine, the snapshot. Does nothing when that is so already. Readers notice nothing: the root keys stay, and versions go on rising.",
      "The server is the one clients are told: DOCKER_CONTENT_TRUST_SERVER, or the registry's own host.",
    ],
    options: { json: jsonOption, ...passphraseOptions },
    args: { min: 1 },
    examples: [{ text: "one repository", line: "tagseal import hand-over registry.example.com/team/app" }],
    environment: [...trustEnvironment, ...passphraseEnvironment],
    exitCodes: trustExitCodes,
  },
  async ({ options, args }, io) => {
    const { handOver } = await import("../../../trust/hand-over.ts");
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
