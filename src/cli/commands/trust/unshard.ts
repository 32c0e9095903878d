import { defineCommand } from "../../command.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust unshard`: takes back `trust shard`. */
export const command = defineCommand(
  {
    path: "trust unshard",
    usage: "[OPTIONS] IMAGE",
    summary: "Remove the shards of a repository",
    description: [
      "Removes what `trust shard` added, in one publication. The list of tags was whole all the time and stays as it is, and readers fetch that again. Where the tags moved to targets/releases, they stay there.",
    ],
    options: { json: jsonOption, ...passphraseOptions },
    args: { min: 1, max: 1 },
    examples: [{ text: "remove the shards", line: "tagseal trust unshard registry.example.com/team/app" }],
    ...signingHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const image = imageArgument(name);
    const passphrases = await passphraseSource(options, io);
    const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: options.json }) } as const;
    const { unshardRoles } = await import("../../../trust/sharding/unshard-roles.ts");
    const roles = await withTrust(io, image.reference, settings, (context) => unshardRoles(context));
    if (options.json) writeJson(io, { repository: name, roles });
    else
      io.stdout.write(roles.length === 0 ? `${name} has no shards\n` : `Removed the shards of ${roles.join(", ")}\n`);
    return 0;
  },
);
