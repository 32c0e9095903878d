/**
 * Tagseal as a plugin of the docker command, called `docker-trust`: `docker trust …` on dockers that no longer have that command.
 * docker asks a plugin for its description (`docker-cli-plugin-metadata`), passes it the whole command line, its own name included, and asks
 * it to complete lines as cobra programs do.
 */
import { leadingFlags } from "../engine/command-line/leading-flags.ts";
import { version } from "./version-line.ts";
import type { OwnCommand } from "./front-end/own-words.ts";
import type { Io } from "./io.ts";

/** The request of docker to every file called `docker-*` in its plugin directories; the answer is JSON. */
const metadataWord = "docker-cli-plugin-metadata";

/** The answer; docker shows vendor, version and description in `docker info` and `docker --help`. */
const metadata = {
  SchemaVersion: "0.1.0",
  Vendor: "Tagseal",
  Version: `v${version}`,
  ShortDescription: "Manage trust on Docker images",
} as const;

/** Answers docker. `own` runs one of Tagseal's own commands. */
export async function runPlugin(argv: readonly string[], io: Io, own: OwnCommand): Promise<number> {
  const [word, ...rest] = argv;
  if (word === metadataWord) {
    io.stdout.write(`${JSON.stringify(metadata)}\n`);
    return 0;
  }
  if (word === "__complete" || word === "__completeNoDesc") {
    const { completeLine } = await import("./completion/plugin-completion.ts");
    const { keyOffers } = await import("./completion/key-offers.ts");
    io.stdout.write(
      await completeLine(rest, { descriptions: word === "__complete", keys: async () => await keyOffers(io) }),
    );
    return 0;
  }
  const { commandAt } = leadingFlags(argv);
  // Started directly, without docker: the words are those that docker would pass after `trust`.
  return await own(commandAt !== undefined && argv[commandAt] === "trust" ? argv : ["trust", ...argv], io);
}
