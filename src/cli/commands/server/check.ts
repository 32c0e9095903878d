import type { CollectionCheck } from "../../../server/inspection/collection-check.ts";
import { defineCommand } from "../../command.ts";
import { type InspectedServer, notStored, openInspected, storedGun } from "../../open/inspected-server.ts";
import { inspectionOptions } from "../../options/storage-flags.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { countingProgress } from "../../output/counting-progress.ts";
import { JsonList } from "../../output/json-list.ts";
import { printable } from "../../output/printable.ts";
import type { Io } from "../../io.ts";

/** `tagseal server check`: verifies that readers get what was signed. */
export const command = defineCommand(
  {
    path: "server check",
    usage: "[IMAGE...] (--data DIR | --database URL) [OPTIONS]",
    summary: "Verify the repositories of a server as a reader would",
    description: [
      "For each IMAGE, or for all repositories, it compares every stored file with its hash, follows the chain of roots, and verifies all current metadata with the code that clients use. It reads the server's data; the server may be running.",
      "It prints one line on standard output for each problem: metadata that readers refuse, or a damaged file. Warnings go to standard error: metadata that readers ignore, and faults that the server repairs itself.",
    ],
    options: { ...inspectionOptions, json: jsonOption },
    args: { min: 0 },
    examples: [{ text: "check all repositories", line: "tagseal server check --data /var/lib/tagseal" }],
    exitCodes: [
      [1, "there is a problem"],
      [2, "the server has no such repository"],
    ],
  },
  async ({ options, args }, io) => {
    const server = await openInspected(options, io);
    const progress = countingProgress(io, { quiet: false });
    const json = new JsonList(io, "repositories");
    const sums = { repositories: 0, files: 0, problems: 0, warnings: 0 };
    try {
      for await (const check of checks(server, args, io)) {
        sums.repositories += 1;
        sums.files += check.files;
        sums.problems += check.problems.length;
        sums.warnings += check.warnings.length;
        if (options.json) json.add(plain(check));
        else tell(check, progress, io);
        progress.show(`${sums.repositories} repositories, ${sums.problems} problems`);
      }
      progress.end();
      if (options.json) json.end({ summary: sums });
      else io.stderr.write(summaryText(sums));
      return sums.problems === 0 ? 0 : 1;
    } catch (error) {
      progress.end();
      if (options.json) json.fail(error);
      throw error;
    } finally {
      await server.close();
    }
  },
);

async function* checks(
  { store, holdsKey }: InspectedServer,
  names: readonly string[],
  io: Io,
): AsyncGenerator<CollectionCheck> {
  const { allGuns } = await import("../../../server/storage/all-guns.ts");
  const { checkCollection } = await import("../../../server/inspection/collection-check.ts");
  const named = await Promise.all(names.map((name) => storedGun(store, name)));
  for await (const gun of named.length === 0 ? allGuns(store) : new Set(named)) {
    io.signal.throwIfAborted();
    const check = await checkCollection({ store, gun, now: io.now(), holdsKey });
    if (check !== undefined) yield check;
    // A repository that has disappeared since the list was read was deleted meanwhile.
    else if (named.length > 0) throw notStored(gun);
  }
}

function plain({ gun, ...rest }: CollectionCheck): unknown {
  return { repository: gun, ...rest };
}

function tell({ gun, problems, warnings }: CollectionCheck, progress: { readonly end: () => void }, io: Io): void {
  if (problems.length + warnings.length > 0) progress.end();
  for (const { code, message } of warnings)
    io.stderr.write(printable(`warning: ${gun}: ${oneLine(message)} [${code}]\n`));
  for (const { code, message } of problems) io.stdout.write(printable(`${gun}: ${oneLine(message)} [${code}]\n`));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/gu, " ");
}

function summaryText({ repositories, files, problems }: Record<"repositories" | "files" | "problems", number>): string {
  const counted = repositories === 1 ? "1 repository" : `${repositories} repositories`;
  const found = problems === 0 ? "no problem" : problems === 1 ? "1 problem" : `${problems} problems`;
  return `Checked ${counted} with ${files} files: ${found}\n`;
}
