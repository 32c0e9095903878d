import { encodeHex } from "../../../encoding/hex.ts";
import { listSignedTargets, type SignedTarget } from "../../../trust/reading/signed-targets.ts";
import { defineCommand } from "../../command.ts";
import { readSignedFiles } from "../../open/trust-reading.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { gunHelp } from "../../options/target-arguments.ts";
import { freshReaderHelp, maxStalenessOption } from "../../options/trust-flags.ts";
import { targetJson } from "../../output/target-json.ts";
import { textTable } from "../../output/text-table.ts";
import { writeJson } from "../../output/write-json.ts";

/** `notary list`: every target of a collection. */
export const command = defineCommand(
  {
    path: "trust target list",
    usage: "[OPTIONS] GUN",
    summary: "List the signed files of a collection",
    description: [
      "Shows the name, the SHA-256, the size in bytes and the role of every target, sorted by name. If several roles sign a name, the role nearest to targets decides. Unlike `tagseal list`, it shows files of any kind, in any role.",
      gunHelp,
    ],
    options: {
      role: {
        kind: "list",
        short: "r",
        value: "role",
        help: "List only this role and those below it; of several, the first decides",
      },
      json: jsonOption,
      "max-staleness": maxStalenessOption,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "list the signed files", line: "tagseal trust target list example.com/files" },
      {
        text: "list those of one role",
        line: "tagseal trust target list --role targets/releases example.com/files",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options, args: [typed = ""] }, io) => {
    const reading = { quiet: options.json, maxStaleness: options["max-staleness"] };
    const { gun, found: targets } = await readSignedFiles(io, typed, reading, (context) =>
      listSignedTargets(context, options.role),
    );
    if (options.json) writeJson(io, targets.map(element));
    else if (targets.length === 0) io.stderr.write(`No targets present in ${gun}\n`);
    else io.stdout.write(textTable([["NAME", "DIGEST", "SIZE (BYTES)", "ROLE"], ...targets.map(row)]));
    return 0;
  },
);

function element({ name, role, target, cached }: SignedTarget): Record<string, unknown> {
  return { name, role, ...targetJson(target), cached };
}

function row({ name, role, target }: SignedTarget): string[] {
  return [name, digest(target.hashes), String(target.length), role];
}

/** As notary: bare hexadecimal for sha256. Where that is missing, the algorithm stands in front. */
function digest(hashes: ReadonlyMap<string, Uint8Array>): string {
  const sha256 = hashes.get("sha256");
  if (sha256 !== undefined) return encodeHex(sha256);
  const [first] = hashes;
  return first === undefined ? "" : `${first[0]}:${encodeHex(first[1])}`;
}
