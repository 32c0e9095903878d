import { UsageError } from "../../../errors.ts";
import type { ShardedRole } from "../../../trust/sharding/shard-roles.ts";
import { defineCommand } from "../../command.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { withTrust } from "../../open/trust.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { passphraseOptions } from "../../options/passphrase-flags.ts";
import { signingHelp } from "../../options/shared-help.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust shard`: lets readers of one tag fetch a small part of a large repository. */
export const command = defineCommand(
  {
    path: "trust shard",
    usage: "[OPTIONS] --auto|--by PREFIX... IMAGE",
    summary: "Split a repository with many tags into shards",
    description: [
      "A reader who knows nothing of a repository yet fetches the list of all its tags, some megabytes for 50,000 of them. With shards, a reader of one tag fetches the part of the list that has it. The whole list stays, and docker, notary, `list` and `log` read that; every reader finds the same digest. Shards are signed by the keys of the role that they copy, `targets/releases` and the role of each signer whose key is on this machine, and those who sign a tag with Tagseal sign the shard that has it again. It is one publication.",
      "--auto chooses the shards from the tags, about 128 for 50,000 tags. With --by, there is one for the tags that begin with each PREFIX, the longest that fits, and one for all others. Run it again to split in another way.",
      "docker and notary fetch every delegation, so shards double what these download the first time. After a push by docker, or a change that is signed by proposal, Tagseal's readers fetch the whole list until something is signed with Tagseal.",
      "A repository without signers gets targets/releases first, signed by the repository key, and its tags move there. Those who sign its tags go on with the same key.",
    ],
    options: {
      auto: { kind: "switch", help: "Choose the shards from the tags" },
      by: { kind: "list", value: "prefix", help: "A shard for the tags that begin with this; may be repeated" },
      json: jsonOption,
      ...passphraseOptions,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "split a repository", line: "tagseal trust shard --auto registry.example.com/team/app" },
      { text: "choose the shards", line: "tagseal trust shard --by v1. --by v2. registry.example.com/team/app" },
    ],
    ...signingHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const image = imageArgument(name);
    if (options.auto === options.by.length > 0) {
      throw new UsageError("USAGE", "give --auto, or --by with beginnings of tags", {
        hint: `Let the shards be chosen: tagseal trust shard --auto ${name}`,
      });
    }
    const passphrases = await passphraseSource(options, io);
    const settings = { access: "write", passphrases, notify: tellTrustEvents(io, { quiet: options.json }) } as const;
    const { shardRoles } = await import("../../../trust/sharding/shard-roles.ts");
    const choice = options.auto ? "auto" : { by: options.by };
    const roles = await withTrust(io, image.reference, settings, (context) => shardRoles(context, choice));
    if (options.json) writeJson(io, { repository: name, roles });
    else for (const each of roles) io.stdout.write(`${lineOf(each)}\n`);
    return 0;
  },
);

function lineOf({ role, tags, shards }: ShardedRole): string {
  return `${role}: ${tags} ${tags === 1 ? "tag" : "tags"} in ${shards} ${shards === 1 ? "shard" : "shards"}`;
}
