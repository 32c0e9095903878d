import { UsageError } from "../../errors.ts";
import type { BundleSource } from "../../transfer/bundle-export.ts";
import { defineCommand } from "../command.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { loginsOf } from "../open/logins.ts";
import { jsonOption, quietOption } from "../options/output-flags.ts";
import { openServerData } from "../open/server-data.ts";
import { serverDataOptions } from "../options/storage-flags.ts";
import { writeJson } from "../output/write-json.ts";
import { moveProgress, writeMoveReport } from "../output/move-progress.ts";

/** `tagseal export`: signed repositories in one file, for machines without a network. */
export const command = defineCommand(
  {
    path: "export",
    usage: "[OPTIONS] [REPOSITORY...] --to FILE (--data DIR | --database URL | --from URL)",
    summary: "Export signed repositories to a bundle",
    description: [
      "Verifies each REPOSITORY (all of them when none is named) as a client would, then writes every root and all current metadata to one tar file. The same content gives the same bytes. The file contains no private key. 'tagseal import bundle' imports it.",
      "Reads the data of a server, running or stopped, or any trust server over HTTPS: Tagseal's or Notary's.",
      "Without --to, this is docker's own export.",
    ],
    options: {
      to: { kind: "text", value: "file", complete: "file", help: "The bundle to write" },
      ...serverDataOptions,
      from: { kind: "text", value: "url", help: "Address of a trust server to read from instead" },
      "all-versions": { kind: "switch", help: "Export older versions, too; needs the server's data" },
      json: jsonOption,
      quiet: quietOption,
    },
    args: { min: 0 },
    examples: [
      {
        text: "export one repository from its trust server",
        line: "tagseal export registry.example.com/team/app --to signed.tar --from https://trust.example.com:4443",
      },
      {
        text: "export everything, with its history",
        line: "tagseal export --all-versions --to signed.tar --data /var/lib/tagseal",
      },
    ],
    environment: [
      ["DOCKER_CONFIG", "for --from: docker's configuration directory, with logins and tls/ (default ~/.docker)"],
    ],
    exitCodes: [
      [2, "a repository has no trust data; nothing is written"],
      [3, "a repository does not verify; nothing is written"],
      [4, "the trust server could not be reached"],
    ],
  },
  async ({ options, args }, io) => {
    const { to: path = "" } = options;
    if (path === "") throw new UsageError("USAGE", "--to is required", { hint: "Name the bundle to write." });
    const { exportBundle } = await import("../../transfer/bundle-export.ts");
    const progress = moveProgress(io, options);
    const opened =
      options.from === undefined ? await openData(options, io) : await openServer(options.from, options, io);
    try {
      const guns = args.length === 0 ? await opened.guns() : args;
      const { source } = opened;
      const shared = { onCollection: progress.update, signal: io.signal };
      const collections = await exportBundle({ guns, source, path, now: io.now(), ...shared });
      progress.end();
      if (options.json) writeJson(io, { file: path, collections });
      if (options.json) return 0;
      const files = collections.reduce((total, report) => total + report.files, 0);
      return writeMoveReport(io, [["Repositories", `${collections.length} with ${files} files`]], collections, []);
    } finally {
      progress.end();
      await opened.close();
    }
  },
);

interface Opened {
  readonly source: BundleSource;
  guns(): Promise<readonly string[]>;
  close(): Promise<void>;
}

type Given = Parameters<typeof openServerData>[0] & { readonly "all-versions": boolean };

async function openData(options: Given, io: Io): Promise<Opened> {
  const { storedBundleSource } = await import("../../transfer/bundle-export.ts");
  const { listGuns } = await import("../../server/storage/all-guns.ts");
  const data = await openServerData(options, io);
  const source = storedBundleSource(data.store, options["all-versions"]);
  return { source, guns: () => listGuns(data.store), close: () => data.close() };
}

async function openServer(url: string, options: Given, io: Io): Promise<Opened> {
  if (options.data !== undefined || options.database !== undefined)
    throw new UsageError("USAGE", "--from is instead of --data and --database: give one of them");
  if (options["all-versions"]) throw new UsageError("USAGE", "--all-versions needs the server's data: give --data");
  const { RunningTrustServer } = await import("../../transfer/running-server.ts");
  const { env, now, signal } = io;
  const server = await RunningTrustServer.open({
    url,
    dockerConfigDir: dockerConfigDir(io),
    credentials: loginsOf(io),
    env,
    now,
    signal,
  });
  return { source: server, guns: () => server.guns(), close: async () => server.close() };
}
