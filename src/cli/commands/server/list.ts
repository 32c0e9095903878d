import type { CollectionOverview } from "../../../server/inspection/overview.ts";
import { defineCommand } from "../../command.ts";
import { type InspectedServer, openInspected } from "../../open/inspected-server.ts";
import { inspectionOptions } from "../../options/storage-flags.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { countingProgress } from "../../output/counting-progress.ts";
import { JsonList } from "../../output/json-list.ts";
import { bytesText } from "../../output/progress.ts";
import { RowTable } from "../../output/row-table.ts";
import { overviewJson, signerNames } from "../../output/server-overview.ts";

/** `tagseal server list`: one line for each repository. */
export const command = defineCommand(
  {
    path: "server list",
    usage: "(--data DIR | --database URL) [OPTIONS]",
    summary: "List the repositories of a server",
    description: [
      "Prints one line for each repository: the number of signed tags, the number and size of the stored files, what its owners must sign again next and by when, and its signers. It reads the server's data; the server may be running. It verifies nothing: 'tagseal server check' does that.",
    ],
    options: {
      ...inspectionOptions,
      deleted: { kind: "switch", help: "List the deleted repositories that can be restored instead" },
      json: jsonOption,
    },
    args: { min: 0, max: 0 },
    examples: [
      { text: "list all repositories", line: "tagseal server list --data /var/lib/tagseal" },
      {
        text: "list what 'tagseal server undelete' can restore",
        line: "tagseal server list --data /var/lib/tagseal --deleted",
      },
    ],
  },
  async ({ options }, io) => {
    const server = await openInspected(options, io);
    const progress = countingProgress(io, { quiet: io.stdout.isTerminal });
    const json = new JsonList(io, "repositories");
    const table = new RowTable(io, options.deleted ? deletedHeading : heading);
    try {
      let count = 0;
      for await (const line of options.deleted ? deletedLines(server) : lines(server)) {
        io.signal.throwIfAborted();
        if (options.json) json.add(line.plain);
        else table.add(line.row);
        progress.show(`${(count += 1)} repositories`);
      }
      if (options.json) json.end();
      else table.end();
      return 0;
    } catch (error) {
      table.end();
      if (options.json) json.fail(error);
      throw error;
    } finally {
      progress.end();
      await server.close();
    }
  },
);

/** One repository, for programs and for people. */
interface Line {
  readonly plain: unknown;
  readonly row: readonly string[];
}

const heading = ["REPOSITORY", "TAGS", "FILES", "SIZE", "OWNERS SIGN BY", "SIGNERS"];
const deletedHeading = ["REPOSITORY", "FILES", "SIZE", "DELETED AT"];

async function* lines(server: InspectedServer): AsyncGenerator<Line> {
  const { allGuns } = await import("../../../server/storage/all-guns.ts");
  const { overviewOf } = await import("../../../server/inspection/overview.ts");
  for await (const gun of allGuns(server.store)) {
    const overview = await overviewOf(server.store, gun, server);
    if (overview !== undefined) yield { plain: overviewJson(overview), row: row(overview) };
  }
}

async function* deletedLines({ store }: InspectedServer): AsyncGenerator<Line> {
  const { allDeletions } = await import("../../../server/retention/undelete.ts");
  for await (const { gun, files, bytes, deletedAt } of allDeletions(store)) {
    const at = deletedAt.toISOString();
    yield { plain: { repository: gun, files, bytes, deletedAt }, row: [gun, `${files}`, bytesText(bytes), at] };
  }
}

function row(overview: CollectionOverview): readonly string[] {
  const { gun, tags, files, bytes, expiries, problems } = overview;
  const [first] = expiries;
  const end = first === undefined ? "-" : `${first.expiresAt.toISOString().slice(0, 10)} ${first.what}`;
  const signers = problems.length > 0 ? "(damaged: see tagseal server check)" : signerNames(overview).join(", ");
  return [gun, `${tags}`, `${files}`, bytesText(bytes), end, signers];
}
