import { UsageError } from "../../../errors.ts";
import type { PastTag, TagHistory } from "../../../trust/reading/tag-history.ts";
import { defineCommand } from "../../command.ts";
import { imageArgument } from "../../options/image.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { withTrust } from "../../open/trust.ts";
import { readerEnvironment } from "../../options/trust-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { textTable } from "../../output/text-table.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

const defaultSnapshots = 1000;

/** `tagseal trust log IMAGE[:TAG]`: which digest a tag meant, from when to when, signed by whom. */
export const command = defineCommand(
  {
    path: "trust log",
    usage: "[OPTIONS] IMAGE[:TAG]",
    summary: "Show what a tag meant before",
    description: [
      "Shows which digest each tag, or one tag, meant from when to when, and who signed it. It reads the versions that the trust server keeps, and verifies each of them against the root that was current then. A server can forget or withhold old versions; to invent one takes the keys of that time.",
      "Times are those at which signers say that they signed. The last line says how far back the server remembers.",
    ],
    options: {
      json: jsonOption,
      limit: {
        kind: "text",
        short: "n",
        value: "number",
        default: String(defaultSnapshots),
        help: "Look back over this many publications",
      },
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "show all digests that a tag has meant", line: "tagseal trust log registry.example.com/team/app:1.0" },
    ],
    environment: readerEnvironment,
    dockerExitCodes: true,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { reference, gun } = imageArgument(name);
    const { tag } = reference;
    const maxSnapshots = parseLimit(options.limit);
    const { tagHistory } = await import("../../../trust/reading/tag-history.ts");
    const notify = tellTrustEvents(io, { quiet: true });
    const history = await withTrust(io, reference, { access: "read", notify }, (context) =>
      tagHistory(context, { tag, maxSnapshots }),
    );
    if (options.json) writeJson(io, { gun, ...history });
    else {
      if (history.entries.length > 0) io.stdout.write(textTable([heading, ...history.entries.map(row)]));
      io.stderr.write(endOf(history, name));
    }
    return 0;
  },
);

const heading = ["TAG", "DIGEST", "FROM", "UNTIL", "SIGNERS"];

function row({ tag, digest, from, until, signers }: PastTag): string[] {
  const who = signers.length === 0 ? "(Repo Admin)" : signers.join(", ");
  return [tag, digest, from === undefined ? "(earlier)" : time(from), until === undefined ? "now" : time(until), who];
}

function time(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/u, "Z");
}

function endOf({ entries, end }: TagHistory, name: string): string {
  const none = entries.length === 0 ? `No signatures for ${name} in what the trust server remembers\n` : "";
  const { version, isBeginning, reason } = end;
  return isBeginning
    ? `${none}This is all since the repository was created.\n`
    : `${none}This goes back to snapshot ${version}: ${reason}.\n`;
}

function parseLimit(text: string | undefined): number {
  if (text === undefined) return defaultSnapshots;
  const number = Number(text);
  if (/^\d{1,6}$/u.test(text) && number > 0) return number;
  throw new UsageError("USAGE", `--limit: expected a number of publications from 1 to 999999, got "${text}"`, {
    hint: "Give a number, such as --limit 100.",
  });
}
