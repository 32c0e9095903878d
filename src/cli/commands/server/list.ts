import type { CollectionOverview } from "../../../server/inspection/overview.ts";
import { defineCommand } from "../../command.ts";
import { inspectionOptions, openInspected } from "../../options/inspected-server.ts";
import { jsonOption } from "../../options/json.ts";
import { countingProgress } from "../../output/counting-progress.ts";
import { JsonList } from "../../output/json-list.ts";
import { bytesText } from "../../output/progress.ts";
import { RowTable } from "../../output/row-table.ts";
import { overviewJson, signerNames } from "../../output/server-overview.ts";

/** `tagseal server list`: what there is, a line for each repository. */
export const command = defineCommand(
  {
    path: "server list",
    usage: "(--data DIR | --database URL) [OPTIONS]",
    summary: "List the repositories of a server",
    description: [
      "A line for each repository: how many tags are signed in it, how many files are stored with their size, what its owners must sign again first and when, and who signs. Reads the server's data; the server may be running. Nothing is verified: 'tagseal server check' does that.",
    ],
    options: { ...inspectionOptions, json: jsonOption },
    args: { min: 0, max: 0 },
    examples: [{ text: "every repository", line: "tagseal server list --data /var/lib/tagseal" }],
  },
  async ({ options }, io) => {
    const { allGuns } = await import("../../../server/storage/all-guns.ts");
    const { overviewOf } = await import("../../../server/inspection/overview.ts");
    const server = await openInspected(options, io);
    const progress = countingProgress(io, { quiet: io.stdout.isTerminal });
    const json = new JsonList(io, "repositories");
    const table = new RowTable(io, ["REPOSITORY", "TAGS", "FILES", "SIZE", "OWNERS SIGN BY", "SIGNERS"]);
    try {
      let count = 0;
      for await (const gun of allGuns(server.store)) {
        io.signal.throwIfAborted();
        const overview = await overviewOf(server.store, gun, server.holdsKey);
        if (overview === undefined) continue;
        if (options.json) json.add(overviewJson(overview));
        else table.add(row(overview));
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

function row(overview: CollectionOverview): readonly string[] {
  const { gun, tags, files, bytes, expiries, problems } = overview;
  const [first] = expiries;
  const end = first === undefined ? "-" : `${first.expiresAt.toISOString().slice(0, 10)} ${first.what}`;
  const signers = problems.length > 0 ? "(damaged: see tagseal server check)" : signerNames(overview).join(", ");
  return [gun, `${tags}`, `${files}`, bytesText(bytes), end, signers];
}
