import type { PassphraseSource } from "../../../keys/passphrase.ts";
import type { MovedCollectionReport } from "../../../transfer/import-notary-server.ts";
import type { ConfiguredServer } from "../../../server/configuration/server-configuration.ts";
import { type MoveProblem, problemOf } from "../../../transfer/move-report.ts";
import { defineCommand } from "../../command.ts";
import type { Io } from "../../io.ts";
import { dockerConfigDir } from "../../open/directories.ts";
import { loginsOf } from "../../open/logins.ts";
import { jsonOption, quietOption } from "../../options/output-flags.ts";
import type { Options, OptionValues } from "../../options/option.ts";
import { passphraseSource } from "../../open/passphrases.ts";
import { passphraseEnvironment, passphraseOptions } from "../../options/passphrase-flags.ts";
import { openServerData } from "../../open/server-data.ts";
import { serverDataOptions } from "../../options/storage-flags.ts";
import { writeJson } from "../../output/write-json.ts";
import { collectionsLine, moveExitCode, moveProgress, writeMoveReport } from "../../output/move-progress.ts";
import { printable } from "../../output/printable.ts";
import { tellTrustEvents } from "../../output/trust-events.ts";

const options = {
  rotate: { kind: "switch", help: "Hand the repositories over now, with root keys on this machine" },
  ...serverDataOptions,
  json: jsonOption,
  quiet: quietOption,
  ...passphraseOptions,
} as const satisfies Options;

type Given = OptionValues<typeof options>;

/** `tagseal import notary-server`: imports what clients can read from a server whose databases are out of reach. */
export const command = defineCommand(
  {
    path: "import notary-server",
    usage: "[OPTIONS] URL [REPOSITORY...] (--data DIR | --database URL)",
    summary: "Import repositories from a running Notary server",
    description: [
      "Reads every root and all current metadata over HTTPS, verifies it as a client would, and stores it. Without a REPOSITORY, it imports every repository in the server's changefeed, if you may read the changefeed. Logins and certificates are docker's: for each repository, those of its registry.",
      "The old server keeps its private keys, so the new server cannot sign until the holder of a repository's root key hands the repository over: now with --rotate, if that key is on this machine, or later with 'tagseal import hand-over'. Until then, readers can use the repository until its timestamp expires, and no publisher can change it. Clients notice no change: the root keys stay the same, and the versions rise.",
      "Run it again to catch up with the old server, until the hand-over. It reports what does not verify, imports everything else, and exits with 1.",
    ],
    options,
    args: { min: 1 },
    examples: [
      {
        text: "import two repositories whose root keys are on this machine",
        line: "tagseal import notary-server https://notary.example.com:4443 registry.example.com/team/app registry.example.com/team/tool --data /var/lib/tagseal --rotate",
      },
    ],
    environment: [
      ["DOCKER_CONFIG", "docker's configuration directory: logins, tls/ and, for --rotate, trust/ (default ~/.docker)"],
      ["TAGSEAL_SIGNER_PASSPHRASE", "seals the new server's keys, as for tagseal server"],
      ...passphraseEnvironment,
    ],
    exitCodes: [
      [1, "something could not be imported or does not verify"],
      [4, "the old server could not be reached"],
    ],
  },
  async ({ options: given, args: [url = "", ...guns] }, io) => {
    const passphrases = given.rotate ? await passphraseSource(given, io) : undefined;
    const { collections, configured } = await imported(url, guns, given, io);
    const waiting = collections.filter(({ needsHandOver }) => needsHandOver).map(({ gun }) => gun);
    const handedOver: HandedOver =
      passphrases === undefined ? { guns: [], problems: [] } : await handOverHere(waiting, configured, passphrases, io);
    return tell(io, collections, handedOver, given.json);
  },
);

interface Imported {
  readonly collections: readonly MovedCollectionReport[];
  /** the server that has them now */
  readonly configured: ConfiguredServer;
}

async function imported(url: string, guns: readonly string[], given: Given, io: Io): Promise<Imported> {
  const { RunningTrustServer } = await import("../../../transfer/running-server.ts");
  const { importNotaryServer } = await import("../../../transfer/import-notary-server.ts");
  const { env, now, signal } = io;
  const from = { url, dockerConfigDir: dockerConfigDir(io), credentials: loginsOf(io), env, now, signal };
  const server = await RunningTrustServer.open(from);
  const progress = moveProgress(io, given);
  const wanted = guns.length === 0 ? undefined : guns;
  try {
    const target = await openServerData(given, io);
    try {
      await target.prepareSigner();
      const move = { server, guns: wanted, ...target, now: now(), signal, onCollection: progress.update };
      return { collections: await importNotaryServer(move), configured: target.configured };
    } finally {
      await target.close();
    }
  } finally {
    progress.end();
    server.close();
  }
}

interface HandedOver {
  readonly guns: readonly string[];
  readonly problems: readonly MoveProblem[];
}

async function handOverHere(
  guns: readonly string[],
  { dataDir, database, signerDatabase, sqlLimits, signerPassphrases, remoteSigner }: ConfiguredServer,
  passphrases: PassphraseSource,
  io: Io,
): Promise<HandedOver> {
  const { withLocalHandOver } = await import("../../../transfer/local-hand-over.ts");
  const where = {
    data: { dataDir, database, signerDatabase, sqlLimits, signerPassphrases, remoteSigner },
    dockerConfigDir: dockerConfigDir(io),
    env: io.env,
    passphrases,
    notify: tellTrustEvents(io, { quiet: true }),
    now: io.now,
    signal: io.signal,
  };
  return await withLocalHandOver(where, async (handOverOf) => {
    const [done, problems]: [string[], MoveProblem[]] = [[], []];
    for (const gun of guns) {
      try {
        await handOverOf(gun);
        done.push(gun);
      } catch (error) {
        if (io.signal.aborted) throw error;
        problems.push(problemOf(error, `${gun} was not handed over`));
      }
    }
    return { guns: done, problems };
  });
}

function tell(
  io: Io,
  collections: readonly MovedCollectionReport[],
  { guns, problems }: HandedOver,
  json: boolean,
): number {
  const waiting = collections.filter(({ gun, needsHandOver }) => needsHandOver && !guns.includes(gun));
  if (json) writeJson(io, { collections, handedOver: guns, problems });
  if (json) return moveExitCode(collections, problems);
  const status = writeMoveReport(
    io,
    [collectionsLine(collections), ["Handed over", `${guns.length}`]],
    collections,
    problems,
  );
  for (const { gun, timestampExpiresAt } of waiting) {
    io.stderr.write(
      `to be handed over by the owner of its root key, before ${timestampExpiresAt}: tagseal import hand-over ${printable(gun)}\n`,
    );
  }
  return status;
}
