import { defineCommand } from "../../command.ts";
import { jsonOption, quietOption } from "../../options/json.ts";
import { openServerData, serverDataOptions } from "../../options/server-data.ts";
import { writeJson } from "../../output/json.ts";
import { collectionsLine, moveExitCode, moveProgress, writeMoveReport } from "../../output/move-report.ts";

/** `tagseal import bundle`: repositories from a file that `tagseal export` wrote. */
export const command = defineCommand(
  {
    path: "import bundle",
    usage: "[OPTIONS] FILE (--data DIR | --database URL)",
    summary: "Bring repositories in from a bundle",
    description: [
      "Reads what tagseal export wrote, verifies every repository in it as a client would, and publishes it to the server's data. One that is older than what is stored here, or that does not have the same roots, is refused, and the others brought in; the exit status is then 1. The server may be running.",
      "A bundle holds no private key: this server hands out what was signed elsewhere, until its timestamp expires. Bring a newer bundle in before that.",
    ],
    options: { ...serverDataOptions, json: jsonOption, quiet: quietOption },
    args: { min: 1, max: 1 },
    complete: "file",
    examples: [
      { text: "what came on a disk", line: "tagseal import bundle /media/disk/signed.tar --data /var/lib/tagseal" },
    ],
    environment: [["TAGSEAL_SIGNER_PASSPHRASE", "seals the server's keys, as for tagseal server"]],
    exitCodes: [
      [1, "a repository was refused"],
      [3, "the bundle is damaged, or is none"],
    ],
  },
  async ({ options, args: [path = ""] }, io) => {
    const { importBundle } = await import("../../../server/transfer/bundle-import.ts");
    const progress = moveProgress(io, options);
    const target = await openServerData(options, io);
    try {
      await target.prepareSigner();
      const collections = await importBundle({
        path,
        store: target.store,
        now: io.now(),
        onCollection: progress.update,
        signal: io.signal,
      });
      progress.end();
      if (!options.json) return writeMoveReport(io, [collectionsLine(collections)], collections, []);
      writeJson(io, { collections });
      return moveExitCode(collections, []);
    } finally {
      progress.end();
      await target.close();
    }
  },
);
