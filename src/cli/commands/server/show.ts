import { defineCommand } from "../../command.ts";
import { notStored, openInspected, storedGun } from "../../open/inspected-server.ts";
import { inspectionOptions } from "../../options/storage-flags.ts";
import { jsonOption } from "../../options/output-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { printable } from "../../output/printable.ts";
import { overviewJson, overviewText } from "../../output/server-overview.ts";

/** `tagseal server show`: one repository, its signers and its expiry dates. */
export const command = defineCommand(
  {
    path: "server show",
    usage: "IMAGE (--data DIR | --database URL) [OPTIONS]",
    summary: "Show one repository of a server",
    description: [
      "Shows what the server stores of one repository: its tags, files and versions, the expiry of its root, certificates, targets, delegations and (if its owner has the key) snapshot, its signers, and where the server's keys for it are. It reads the server's data; the server may be running. It verifies nothing: 'tagseal server check' does that.",
    ],
    options: { ...inspectionOptions, json: jsonOption },
    args: { min: 1, max: 1 },
    examples: [
      {
        text: "show one repository",
        line: "tagseal server show registry.example.com/team/app --data /var/lib/tagseal",
      },
    ],
    exitCodes: [[2, "the server has no such repository"]],
  },
  async ({ options, args: [typed = ""] }, io) => {
    const { overviewOf } = await import("../../../server/inspection/overview.ts");
    const server = await openInspected(options, io);
    try {
      const gun = await storedGun(server.store, typed);
      const overview = await overviewOf(server.store, gun, server);
      if (overview === undefined) throw notStored(gun);
      if (options.json) writeJson(io, overviewJson(overview));
      else io.stdout.write(printable(overviewText(overview)));
      return 0;
    } finally {
      await server.close();
    }
  },
);
