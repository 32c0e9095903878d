import { defineCommand } from "../command.ts";
import { jsonOption } from "../options/output-flags.ts";
import { writeJson } from "../output/write-json.ts";
import { version, versionLine } from "../version-line.ts";

/** `tagseal version`: the version on one line, or as JSON with the protocol. */
export const command = defineCommand(
  {
    path: "version",
    usage: "[OPTIONS]",
    summary: "Show the version",
    options: { json: jsonOption },
    args: { min: 0, max: 0 },
    examples: [{ text: "get the version in a script", line: "tagseal version --json" }],
  },
  async ({ options }, io) => {
    if (options.json) writeJson(io, { version, dialect: "notary-v1" });
    else io.stdout.write(versionLine);
    return 0;
  },
);
