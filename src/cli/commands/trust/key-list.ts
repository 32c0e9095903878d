import { defineCommand } from "../../command.ts";
import { homeOf } from "../../open/directories.ts";
import { openLocalKeys } from "../../open/local-keys.ts";
import { jsonOption, quietOption } from "../../options/output-flags.ts";
import { keyFilesHelp } from "../../options/shared-help.ts";
import { keyJson, keyRows } from "../../output/key-words.ts";
import { textTable } from "../../output/text-table.ts";
import { writeJson } from "../../output/write-json.ts";

/** `tagseal trust key list`: the private keys of this machine and what they are for. */
export const command = defineCommand(
  {
    path: "trust key list",
    usage: "[OPTIONS]",
    summary: "List the private keys on this machine",
    description: [
      "Lists every private key in the trust directory: what it is for, which repositories name it, how it is protected and where it lies. No key is unlocked and no server is asked: repositories and roles are those of the trust data that this machine remembers.",
      "A key has one ID, which is the name of its file. Repositories name a root key by the ID of its certificate, a different one in each repository: that ID, as `trust inspect` shows it, stands behind the role. Commands about keys accept both, or the first 7 characters.",
      "A file that is damaged, or that other users may read or write, is reported on standard error.",
    ],
    options: {
      "no-trunc": {
        kind: "switch",
        help: "Do not shorten IDs, paths and lists of repositories; show the encryption scheme",
      },
      quiet: { ...quietOption, help: "Print only the key IDs, in full" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [
      { text: "see all keys", line: "tagseal trust key list" },
      {
        text: "get the IDs of keys that are not encrypted",
        line: `tagseal trust key list --json | jq -r '.keys[] | select(.protection.kind == "none").keyId'`,
      },
    ],
    ...keyFilesHelp(),
  },
  async ({ options }, io) => {
    const { keys, warnings } = await openLocalKeys(io);
    if (options.json) writeJson(io, { keys: keys.map(keyJson), warnings });
    else if (options.quiet) for (const { keyId } of keys) io.stdout.write(`${keyId}\n`);
    else io.stdout.write(textTable(keyRows(keys, { full: options["no-trunc"], home: homeOf(io) })));
    return 0;
  },
);
