import { defineCommand } from "../command.ts";
import { jsonOption } from "../options/json.ts";
import { writeJson } from "../output/json.ts";
import { version, versionLine } from "./version-line.ts";

/** `tagseal version`: the version on one line, or as JSON with what it speaks. */
export const command = defineCommand(
  {
    path: "version",
    usage: "[OPTIONS]",
    summary: "Show the version",
    options: { json: jsonOption },
    args: { min: 0, max: 0 },
    examples: [{ text: "the version, for a script", line: "tagseal version --json" }],
  },
  async ({ options }, io) => {
    if (options.json) writeJson(io, { version, dialect: "notary-v1" });
    else io.stdout.write(versionLine);
    return 0;
  },
);
