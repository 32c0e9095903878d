import type { SignedTag } from "../../trust/reading/list.ts";
import { defineCommand } from "../command.ts";
import { imageArgument } from "../options/image.ts";
import { jsonOption, quietOption } from "../options/output-flags.ts";
import { withTrust } from "../open/trust.ts";
import { freshReaderHelp, maxStalenessOption } from "../options/trust-flags.ts";
import { printable } from "../output/printable.ts";
import { jsonPieces, StreamedList, writePieces } from "../output/streamed-output.ts";
import { tableLines } from "../output/text-table.ts";
import { tellTrustEvents } from "../output/trust-events.ts";

/** `tagseal list REPOSITORY`: every tag that clients accept, with its digest and its signers. */
export const command = defineCommand(
  {
    path: "list",
    usage: "[OPTIONS] REPOSITORY",
    summary: "List the signed tags of a repository",
    description: [
      "Shows every released tag, its digest, and the signers of that digest. A tag signed with the repository key alone shows (Repo Admin). It does not ask the registry, so unsigned tags do not appear.",
    ],
    options: {
      json: jsonOption,
      quiet: { ...quietOption, help: "Print only the names of the tags" },
      "max-staleness": maxStalenessOption,
    },
    args: { min: 1, max: 1 },
    examples: [
      { text: "list the signed tags", line: "tagseal list registry.example.com/team/app" },
      {
        text: "get the digest of one tag in a script",
        line: "tagseal list --json registry.example.com/team/app | jq -r '.[] | select(.tag == \"3\").digest'",
      },
    ],
    ...freshReaderHelp,
  },
  async ({ options, args: [name = ""] }, io) => {
    const { reference } = imageArgument(name);
    const { readTags } = await import("../../trust/reading/list.ts");
    const notify = tellTrustEvents(io, { quiet: options.quiet });
    const settings = { access: "read", notify, maxStaleness: options["max-staleness"] } as const;
    const tags = await withTrust(io, reference, settings, (context) => readTags(context));
    if (options.json) writePieces(io, jsonLines(tags));
    else if (options.quiet) writePieces(io, names(tags()));
    else if (Iterator.from(tags()).next().done === true) io.stderr.write(`No signed tags in ${name}\n`);
    else
      writePieces(
        io,
        tableLines(() => rows(tags())),
      );
    return 0;
  },
);

function* jsonLines(tags: () => Iterable<SignedTag>): Generator<string, void> {
  yield* jsonPieces(new StreamedList(tags), 2);
  yield "\n";
}

function* names(tags: Iterable<SignedTag>): Generator<string, void> {
  for (const { tag } of tags) yield `${printable(tag)}\n`;
}

function* rows(tags: Iterable<SignedTag>): Generator<readonly string[], void> {
  yield ["TAG", "DIGEST", "SIGNERS"];
  for (const tag of tags) yield row(tag);
}

function row({ tag, digest, signers }: SignedTag): string[] {
  return [tag, digest, signers.length === 0 ? "(Repo Admin)" : signers.join(", ")];
}
