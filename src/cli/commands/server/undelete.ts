import type { CollectionCheck } from "../../../server/inspection/collection-check.ts";
import { UsageError } from "../../../errors.ts";
import type { Undeleted } from "../../../server/retention/undelete.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { imageArgument } from "../../options/image.ts";
import { openInspected } from "../../open/inspected-server.ts";
import { inspectionOptions } from "../../options/storage-flags.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { printable } from "../../output/printable.ts";
import { bytesText } from "../../output/progress.ts";

/** `tagseal server undelete`: restores a repository that was deleted by mistake. */
export const command = defineCommand(
  {
    path: "server undelete",
    usage: "IMAGE (--data DIR | --database URL) [OPTIONS]",
    summary: "Restore a deleted repository",
    description: [
      "The server keeps a deleted repository for retention.days (30 days by default) without serving it. This command restores it byte for byte: every tag, version and signature, so readers and publishers continue where they were. 'tagseal server list --deleted' lists what can be restored. The server may be running; it renews an expired timestamp itself.",
      "If a repository of the same name has been published since, it stays, and the command fails: readers that trust the new one would take the old one for an attack. To restore the old one, delete the new one first.",
      "The restored repository is verified as a reader would; the exit status is 1 when there is a problem.",
    ],
    options: {
      ...inspectionOptions,
      "deleted-at": {
        kind: "text",
        value: "time",
        help: "Which of several deletions to restore, as 'list --deleted' shows it (default: the last)",
      },
      "dry-run": { kind: "switch", help: "Only show what would be restored" },
      json: jsonOption,
    },
    args: { min: 1, max: 1 },
    examples: [
      {
        text: "restore the last repository deleted under this name",
        line: "tagseal server undelete registry.example.com/team/app --data /var/lib/tagseal",
      },
    ],
    exitCodes: [
      [1, "a repository of that name exists, or the restored one has a problem"],
      [2, "the server has no such deletion"],
    ],
  },
  async ({ options, args: [typed = ""] }, io) => {
    const deletedAt = timeOf(options["deleted-at"]);
    const { deletionsOf, undelete } = await import("../../../server/retention/undelete.ts");
    const { checkCollection } = await import("../../../server/inspection/collection-check.ts");
    const server = await openInspected(options, io);
    const { store, holdsKey } = server;
    try {
      const isName = (await deletionsOf(store, typed)).length > 0;
      const gun = isName ? typed : imageArgument(typed).gun;
      const dryRun = options["dry-run"];
      const back = await undelete({ store, gun, deletedAt, now: io.now(), dryRun });
      const check = dryRun ? undefined : await checkCollection({ store, gun, now: io.now(), holdsKey });
      const { gun: repository, ...rest } = back;
      const { problems = [], warnings = [] } = check ?? {};
      if (options.json) writeJson(io, { repository, ...rest, dryRun, problems, warnings });
      else tell(back, check, dryRun, io);
      return problems.length === 0 ? 0 : 1;
    } finally {
      await server.close();
    }
  },
);

function tell(back: Undeleted, check: CollectionCheck | undefined, dryRun: boolean, io: Io): void {
  const { gun, deletedAt, files, bytes, laterDeletions } = back;
  const lines = [
    ...laterDeletions.map(
      (at) =>
        `warning: ${gun}: another repository of that name was deleted at ${at.toISOString()}: readers that trust it refuse this one`,
    ),
    ...(check?.warnings ?? []).map(({ code, message }) => `warning: ${gun}: ${message} [${code}]`),
    ...(check?.problems ?? []).map(({ code, message }) => `problem: ${gun}: ${message} [${code}]`),
  ];
  for (const line of lines) io.stderr.write(printable(`${line}\n`));
  const verb = dryRun ? "Would bring back" : "Brought back";
  io.stdout.write(
    printable(`${verb} ${gun}, deleted at ${deletedAt.toISOString()}: ${files} files, ${bytesText(bytes)}\n`),
  );
}

function timeOf(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (/^\d{4}-\d\d-\d\dT/u.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new UsageError("USAGE", `--deleted-at: expected a time such as 2026-11-23T04:00:00.000Z, got "${text}"`, {
    hint: "Show the times: tagseal server list --deleted",
  });
}
