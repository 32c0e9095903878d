/**
 * The command line: finds the command, runs it, turns whatever it throws into words and an exit status.
 * Nothing here knows `process`; bin.ts does.
 */
import type { Command } from "./command.ts";
import type { Io } from "./io.ts";
import type { Resolution } from "./table.ts";

/** Options that stand before the command, as docker's do. */
interface GlobalOptions {
  readonly debug: boolean;
  readonly io: Io;
  readonly words: readonly string[];
}

/**
 * Runs one command line.
 *
 * @param argv the words after the program's name
 * @returns the exit status; never throws for anything a user or a server did
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  // The quick way: scripts ask for the version often, and it needs neither the table nor the parser.
  if (argv.length === 1 && (argv[0] === "version" || argv[0] === "--version" || argv[0] === "-v")) {
    const { versionLine } = await import("./commands/version-line.ts");
    io.stdout.write(versionLine);
    return 0;
  }
  try {
    const global = await takeGlobalOptions(argv, io);
    const { resolveEntry } = await import("./table.ts");
    const resolution = resolveEntry(global.words);
    return resolution.entry.load === undefined
      ? await showGroup(resolution, global)
      : await runCommand(await resolution.entry.load(), resolution, global);
  } catch (error) {
    return await fail(error, io);
  }
}

async function takeGlobalOptions(argv: readonly string[], io: Io): Promise<GlobalOptions> {
  const words = [...argv];
  let debug = false;
  let configDirectory: string | undefined;
  for (let word = words[0]; word?.startsWith("-") === true; word = words[0]) {
    if (word === "--help" || word === "-h") break;
    words.shift();
    if (word === "--debug" || word === "-D") {
      debug = true;
    } else if (word === "--version" || word === "-v") {
      words.splice(0, words.length, "version");
    } else if (word === "--config" || word.startsWith("--config=")) {
      configDirectory = word === "--config" ? words.shift() : word.slice("--config=".length);
      if (configDirectory === undefined) throw await flagError("flag needs an argument: --config");
    } else {
      throw await flagError(`unknown flag: ${word}`);
    }
  }
  if (configDirectory === undefined) return { debug, io, words };
  return { debug, io: { ...io, env: { ...io.env, DOCKER_CONFIG: configDirectory } }, words };
}

async function flagError(message: string): Promise<Error> {
  const { FlagError } = await import("./parse.ts");
  return new FlagError(message);
}

/** A group without a command shows its help: on standard output when asked for, else on standard error, as docker does. */
async function showGroup({ entry, path, rest }: Resolution, { io }: GlobalOptions): Promise<number> {
  const { renderGroupHelp } = await import("./help.ts");
  const [word] = rest;
  if (word === undefined || word === "--help" || word === "-h") {
    (word === undefined && path !== "" ? io.stderr : io.stdout).write(renderGroupHelp(path, entry));
    return 0;
  }
  const { UnknownCommandError } = await import("./usage.ts");
  throw word.startsWith("-") ? await flagError(`unknown flag: ${word}`) : new UnknownCommandError(path, word);
}

async function runCommand(command: Command, { rest }: Resolution, { io, debug }: GlobalOptions): Promise<number> {
  try {
    return await command.run(rest, io);
  } catch (error) {
    return await fail(error, io, { command, debug, json: asksForJson(command, rest) });
  }
}

/** Whether a failure is to be reported as JSON too. Read from the raw words, because parsing itself may be what failed. */
function asksForJson({ description }: Command, words: readonly string[]): boolean {
  return "json" in description.options && words.includes("--json");
}

interface FailureContext {
  readonly command?: Command;
  readonly debug?: boolean;
  readonly json?: boolean;
}

async function fail(error: unknown, io: Io, context: FailureContext = {}): Promise<number> {
  const { failed } = await import("./failure.ts");
  return failed(error, io, context);
}
