import { defineCommand } from "../../command.ts";
import { jsonOption, quietOption } from "../../options/output-flags.ts";
import { openServerData } from "../../open/server-data.ts";
import { serverDataOptions } from "../../options/storage-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { collectionsLine, moveExitCode, moveProgress, writeMoveReport } from "../../output/move-progress.ts";

/** `tagseal import bundle`: repositories from a file that `tagseal export` wrote. */
export const command = defineCommand(
  {
    path: "import bundle",
    usage: "[OPTIONS] FILE (--data DIR | --database URL)",
    summary: "Import repositories from a bundle",
    description: [
      "Reads a bundle that 'tagseal export' wrote, verifies every repository in it as a client would, and publishes it to the server's data. A repository that is older than the stored one, or has different roots, is refused; the others are imported, and the exit status is 1. The server may be running.",
      "A bundle contains no private key: this server serves what was signed elsewhere until its timestamp expires. Import a newer bundle before that.",
    ],
    options: { ...serverDataOptions, json: jsonOption, quiet: quietOption },
    args: { min: 1, max: 1 },
    complete: "file",
    examples: [
      {
        text: "import a bundle from a disk",
        line: "tagseal import bundle /media/disk/signed.tar --data /var/lib/tagseal",
      },
    ],
    environment: [["TAGSEAL_SIGNER_PASSPHRASE", "seals the server's keys, as for tagseal server"]],
    exitCodes: [
      [1, "a repository was refused"],
      [3, "the file is damaged, or is not a bundle"],
    ],
  },
  async ({ options, args: [path = ""] }, io) => {
    const { importBundle } = await import("../../../transfer/bundle-import.ts");
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
