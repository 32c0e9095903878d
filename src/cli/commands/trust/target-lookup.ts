import { encodeHex } from "../../../encoding/hex.ts";
import { lookUpTarget } from "../../../trust/reading/signed-targets.ts";
import { sha256Of } from "../../../tuf/lookup.ts";
import { defineCommand } from "../../command.ts";
import { readSignedFiles } from "../../open/trust-reading.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { gunHelp } from "../../options/target-arguments.ts";
import { freshReaderHelp, maxStalenessOption } from "../../options/trust-flags.ts";
import { printable } from "../../output/printable.ts";
import { targetJson } from "../../output/target-json.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary lookup`: what one target is signed for. */
export const command = defineCommand(
  {
    path: "trust target lookup",
    usage: "[OPTIONS] GUN NAME",
    summary: "Print the digest and the size that a file is signed for",
    description: [
      "Prints the name, the SHA-256 and the size in bytes on one line. It searches targets and every role below it; the role nearest to targets decides.",
      gunHelp,
    ],
    options: { json: jsonOption, "max-staleness": maxStalenessOption },
    args: { min: 2, max: 2 },
    examples: [
      { text: "show what a file is signed for", line: "tagseal trust target lookup example.com/files hello.txt" },
    ],
    ...freshReaderHelp,
  },
  async ({ options, args: [typed = "", name = ""] }, io) => {
    const reading = { quiet: options.json, maxStaleness: options["max-staleness"] };
    const { gun, found } = await readSignedFiles(io, typed, reading, (context) => lookUpTarget(context, name));
    const { role, target, cached } = found;
    if (options.json) writeJson(io, { gun, name, role, ...targetJson(target), cached });
    else io.stdout.write(`${printable(name)} sha256:${encodeHex(sha256Of(found))} ${target.length}\n`);
    return 0;
  },
);
