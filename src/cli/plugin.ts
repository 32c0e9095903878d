/**
 * Tagseal as a plugin of the docker command, called `docker-trust`: `docker trust …` on dockers that have no such command any more.
 * docker asks a plugin what it is (`docker-cli-plugin-metadata`), hands it the whole command line, its own name included, and asks
 * it to complete lines as cobra programs do.
 */
import { leadingFlags } from "../engine/command-line/leading-flags.ts";
import { version } from "./version-line.ts";
import type { OwnCommand } from "./front-end/own-words.ts";
import type { Io } from "./io.ts";

/** What docker asks of every file called `docker-*` in its plugin directories, to be answered with JSON. */
const metadataWord = "docker-cli-plugin-metadata";

/** The answer; docker shows vendor, version and description in `docker info` and `docker --help`. */
const metadata = {
  SchemaVersion: "0.1.0",
  Vendor: "Tagseal",
  Version: `v${version}`,
  ShortDescription: "Manage trust on Docker images",
} as const;

/** Answers docker. `own` runs a command line of Tagseal's own. */
export async function runPlugin(argv: readonly string[], io: Io, own: OwnCommand): Promise<number> {
  const [word, ...rest] = argv;
  if (word === metadataWord) {
    io.stdout.write(`${JSON.stringify(metadata)}\n`);
    return 0;
  }
  if (word === "__complete" || word === "__completeNoDesc") {
    const { completeLine } = await import("./completion/plugin-completion.ts");
    io.stdout.write(await completeLine(rest, { descriptions: word === "__complete" }));
    return 0;
  }
  const { commandAt } = leadingFlags(argv);
  // Started by hand, without docker: what follows is what docker would have put behind `trust`.
  return await own(commandAt !== undefined && argv[commandAt] === "trust" ? argv : ["trust", ...argv], io);
}
