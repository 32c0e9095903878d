/**
 * The command line: finds the command, runs it, and turns errors into messages and an exit status. All other commands
 * go to the container engine. Nothing here uses `process`; bin.ts does.
 */
import type { Command } from "./command.ts";
import { HttpClients } from "../http/client/http-clients.ts";
import { isDebugging, traceRequests, withDebugFlag } from "./debug.ts";
import type { Io } from "./io.ts";
import type { Resolution } from "./table.ts";

/** Options before the command, as in docker. */
interface GlobalOptions {
  readonly io: Io;
  readonly words: readonly string[];
}

/**
 * Runs one command line.
 *
 * @param argv the words after the program's name
 * @returns the exit status; never throws for anything a user or a server did
 */
export async function main(argv: readonly string[], given: Io): Promise<number> {
  const { name } = given.program;
  // A shortcut: scripts ask for the version often, and it needs neither the table nor the parser.
  if (name === "tagseal" && argv.length === 1 && isVersionWord(argv[0])) {
    const { versionLine } = await import("./version-line.ts");
    given.stdout.write(versionLine);
    return 0;
  }
  const connections = new HttpClients();
  const io = { ...withDebugFlag(argv, given), connections };
  const stopTracing = isDebugging(io.env) ? traceRequests(io.stderr) : undefined;
  try {
    if (name === "docker-trust") {
      const { runPlugin } = await import("./plugin.ts");
      return await runPlugin(argv, io, ownCommand);
    }
    const { runFrontEnd } = await import("./front-end/front-end.ts");
    return (await runFrontEnd(argv, io, ownCommand)) ?? (await ownCommand(argv, io));
  } catch (error) {
    return await fail(error, io);
  } finally {
    stopTracing?.();
    connections.close();
  }
}

function isVersionWord(word: string | undefined): boolean {
  return word === "version" || word === "--version" || word === "-v";
}

/** Runs one of Tagseal's own commands. */
async function ownCommand(argv: readonly string[], io: Io): Promise<number> {
  try {
    const global = await takeGlobalOptions(argv, io);
    const { resolveEntry } = await import("./table.ts");
    const resolution = resolveEntry(global.words);
    return resolution.entry.load === undefined
      ? await showGroup(resolution, global)
      : await runCommand(await resolution.entry.load(), resolution, global);
  } catch (error) {
    return await fail(error, io, { json: await asksForJson(argv) });
  }
}

async function takeGlobalOptions(argv: readonly string[], io: Io): Promise<GlobalOptions> {
  const words = [...argv];
  const env: Record<string, string | undefined> = { ...io.env };
  for (let word = words[0]; word?.startsWith("-") === true; word = words[0]) {
    if (word === "--help" || word === "-h") break;
    words.shift();
    // the flag was handled already, whichever program executes the command
    if (word === "--debug" || word === "-D") continue;
    if (word === "--tls" || word === "--tlsverify") {
      env["DOCKER_TLS_VERIFY"] = word === "--tls" ? env["DOCKER_TLS_VERIFY"] : "1";
    } else if (word === "--version" || word === "-v") {
      words.splice(0, words.length, "version");
    } else {
      const { flag, variable } = valueFlag(word) ?? { flag: word, variable: undefined };
      if (variable === undefined) throw await flagError(`unknown flag: ${flag}`);
      const value = word.startsWith(`${flag}=`) ? word.slice(flag.length + 1) : words.shift();
      if (value === undefined) throw await flagError(`flag needs an argument: ${flag}`);
      if (variable !== "") env[variable] = value;
    }
  }
  return { io: { ...io, env }, words };
}

/** Flags before the command with the same meaning as a variable. `trust sign` of local images needs the address of the engine. */
const valueFlags: Readonly<Record<string, string>> = {
  "--config": "DOCKER_CONFIG",
  "--host": "DOCKER_HOST",
  "-H": "DOCKER_HOST",
  "--context": "DOCKER_CONTEXT",
  "-c": "DOCKER_CONTEXT",
  "--engine": "TAGSEAL_ENGINE",
  "--policy": "TAGSEAL_POLICY",
  "--trust-pinning": "TAGSEAL_TRUST_PINNING",
  // docker's flags, without meaning for Tagseal's own commands
  "--log-level": "",
  "-l": "",
  "--tlscacert": "",
  "--tlscert": "",
  "--tlskey": "",
};

function valueFlag(word: string): { flag: string; variable: string } | undefined {
  const flag = word.split("=", 1)[0] ?? word;
  const variable = Object.hasOwn(valueFlags, flag) ? valueFlags[flag] : undefined;
  return variable === undefined ? undefined : { flag, variable };
}

async function flagError(message: string): Promise<Error> {
  const { FlagError } = await import("./argument-parser.ts");
  return new FlagError(message);
}

/** A group without a command shows its help: on standard output when asked for, else on standard error, as docker does. */
async function showGroup({ entry, path, rest }: Resolution, { io }: GlobalOptions): Promise<number> {
  const { renderGroupHelp } = await import("./help/help-text.ts");
  const [word] = rest;
  if (word === undefined || word === "--help" || word === "-h") {
    (word === undefined && path !== "" ? io.stderr : io.stdout).write(renderGroupHelp(path, entry, io.program.shownAs));
    return 0;
  }
  const { UnknownCommandError } = await import("./help/usage-error.ts");
  if (word.startsWith("-")) throw await flagError(`unknown flag: ${word}`);
  throw new UnknownCommandError(
    path,
    word,
    (entry.children ?? []).map(({ name }) => name),
    io.program.shownAs,
  );
}

async function runCommand(command: Command, { rest }: Resolution, { io }: GlobalOptions): Promise<number> {
  try {
    return await command.run(rest, io);
  } catch (error) {
    const json = "json" in command.description.options && (await asksForJson(rest));
    return await fail(error, io, { command, json });
  }
}

/** Whether to report a failure as JSON as well. Read from the raw words, because the parser may be what failed. */
async function asksForJson(words: readonly string[]): Promise<boolean> {
  const end = words.indexOf("--");
  const flag = words
    .slice(0, end === -1 ? undefined : end)
    .findLast((word) => word === "--json" || word.startsWith("--json="));
  if (flag === undefined || flag === "--json") return flag !== undefined;
  const { parseBoolean } = await import("../engine/command-line/boolean.ts");
  return parseBoolean(flag.slice("--json=".length)) === true;
}

interface FailureContext {
  readonly command?: Command;
  readonly json?: boolean;
}

async function fail(error: unknown, io: Io, context: FailureContext = {}): Promise<number> {
  const { failed } = await import("./command-failure.ts");
  return failed(error, io, context);
}
