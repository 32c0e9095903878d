/** A docker-shaped command that content trust covers: decides whether trust is on for it, and which program executes it. */
import { refuseUncovered } from "../../engine/command-line/command-gate.ts";
import { type EngineInvocation, type EngineKind, parseInvocation } from "../../engine/command-line/invocation.ts";
import type { TrustedWord } from "../../engine/command-line/command-table.ts";
import { engineEnvironment } from "../../engine/engine-environment.ts";
import { openEngine } from "../../engine/open-engine.ts";
import type { EngineExecutable } from "../../engine/executable.ts";
import { engineHelp } from "../../engine/engine-help.ts";
import { isTrustOn } from "../../engine/trust-switch.ts";
import { childEnvironment } from "../../environment/child-environment.ts";
import { hasCode, reworded } from "../../errors.ts";
import { podmanAccess } from "./engine-access.ts";
import type { EngineCommand } from "./engine-command.ts";
import type { OwnCommand } from "./own-words.ts";
import type { Io } from "../io.ts";
import { dockerConfigDir } from "../open/directories.ts";
import { loginsOf } from "../open/logins.ts";
import { refuseSwitchingOff } from "../open/policy-files.ts";
import { ownWordNear } from "./own-words.ts";
import { uncoveredLine } from "./uncovered-line.ts";
import { exitCodes } from "../exit-code.ts";
import { writeFailure } from "../output/error-report.ts";
import { usageHint } from "../help/usage-error.ts";

/** One line for {@link runTrusted}. */
export interface TrustedLine {
  /** without Tagseal's flags */
  readonly line: readonly string[];
  /** the first word of the command */
  readonly word: string;
  readonly io: Io;
  readonly own: OwnCommand;
  readonly findEngine: () => Promise<EngineExecutable>;
}

const commands: Readonly<Record<TrustedWord, () => Promise<EngineCommand>>> = {
  push: async () => (await import("../commands/engine/push.ts")).command,
  pull: async () => (await import("../commands/engine/pull.ts")).command,
  build: async () => (await import("../commands/engine/build.ts")).command,
  create: async () => (await import("../commands/engine/create.ts")).command,
  run: async () => (await import("../commands/engine/run.ts")).command,
  compose: async () => (await import("../commands/engine/compose.ts")).command,
};

/** docker's usage lines. */
const usages: Readonly<Record<string, string>> = {
  push: "[OPTIONS] NAME[:TAG]",
  pull: "[OPTIONS] NAME[:TAG|@DIGEST]",
  build: "[OPTIONS] PATH | URL | -",
  create: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  run: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
};

/** docker's layout for an invalid line, and its exit status. */
function usageFailure({ word, io }: TrustedLine, message: string): number {
  const usage = Object.hasOwn(usages, word) ? usages[word] : "COMMAND";
  io.stderr.write(`${message}\n${usageHint(word, usage ?? "", "Run", io.program.shownAs)}`);
  return exitCodes.badFlag;
}

/** Runs the line: Tagseal shows help, the engine runs it with trust off, Tagseal with trust on. */
export async function runTrusted(given: TrustedLine): Promise<number> {
  const { line, io } = given;
  if (io.program.name === "tagseal" && (await isHelpOnly(line))) return await given.own([given.word, "--help"], io);
  const engine = await given.findEngine();
  const invocation = await understood(line, engine, io);
  if (typeof invocation === "string") return usageFailure(given, invocation);
  const { word, help, argv, disableContentTrust } = invocation;
  if (disableContentTrust === true) refuseSwitchingOff(io);
  const isOn = isTrustOn(io.env, disableContentTrust);
  if (isOn && !(await isLetThrough(invocation, engine, io))) return refusedStatus(engine);
  // docker's help shows whether trust is on, so the line is passed on unchanged.
  if (word === undefined || help || engine.kind === "buildah") {
    const args = isOn || help ? argv : line;
    return await io.handOver(
      { executable: engine.path, args, env: childEnvironment(io.env, "engine", { args }) },
      { last: true },
    );
  }
  if (!isOn) return await handOver(argv, engine, io, { last: true });
  return await underTrust(await commands[word](), invocation, { kind: engine.kind, path: engine.path }, io);
}

/** Reports why it is refused. */
async function isLetThrough(invocation: EngineInvocation, { kind }: EngineExecutable, io: Io): Promise<boolean> {
  try {
    refuseUncovered(invocation, uncoveredLine(invocation, kind, io));
    return true;
  } catch (error) {
    if (!hasCode(error, "COMMAND_NOT_COVERED")) throw error;
    const meant =
      invocation.standing === undefined ? await ownWordNear(invocation.commandPath[0], io.program) : undefined;
    const hint = `Did you mean '${io.program.name} ${meant}'? If not, ${(error.hint ?? "").replace(/^[RA]/u, (first) => first.toLowerCase())}`;
    writeFailure(meant === undefined ? error : reworded(error, { hint }), io, { json: false });
    return false;
  }
}

/** The exit status of each engine for a command that it does not run. */
function refusedStatus({ kind }: EngineExecutable): number {
  return kind === "docker" ? exitCodes.failure : exitCodes.badFlag;
}

/** Tagseal's help needs no engine. A line that only the engine can read does not ask for help. */
async function isHelpOnly(line: readonly string[]): Promise<boolean> {
  try {
    const { help, word, commandPath } = await parseInvocation(line, "docker");
    const [name] = commandPath;
    return help && commandPath.length === 1 && (word !== undefined || name === "compose");
  } catch (error) {
    if (hasCode(error, "USAGE")) return false;
    throw error;
  }
}

/** @returns the sentence about a line that cannot be read to its end */
async function understood(
  line: readonly string[],
  engine: EngineExecutable,
  io: Io,
): Promise<EngineInvocation | string> {
  const env = engineEnvironment(io.env);
  try {
    return await parseInvocation(line, engine.kind, (path) => engineHelp(engine.path, path, env));
  } catch (error) {
    if (hasCode(error, "USAGE")) return error.message;
    throw error;
  }
}

async function handOver(
  argv: readonly string[],
  engine: Pick<EngineExecutable, "path">,
  io: Io,
  how: { readonly last?: boolean } = {},
): Promise<number> {
  return await io.handOver({ executable: engine.path, args: argv, env: engineEnvironment(io.env, argv) }, how);
}

async function underTrust(
  command: EngineCommand,
  invocation: EngineInvocation,
  executable: { readonly kind: EngineKind; readonly path: string },
  given: Io,
): Promise<number> {
  const io = await withEngine(executable.kind, invocation, given);
  const engine = await openEngine({
    kind: executable.kind,
    executable: executable.path,
    globalArgs: invocation.globalArgs,
    env: io.env,
    dockerConfigDir: dockerConfigDir(io),
    credentials: loginsOf(io),
    signal: io.signal,
  });
  try {
    return await command(invocation, { io, engine, handOver: (argv) => handOver(argv, executable, io) });
  } finally {
    engine.close();
  }
}

/** Tagseal also obeys the engine's flags about logins and registries. */
async function withEngine(kind: EngineKind, invocation: EngineInvocation, io: Io): Promise<Io> {
  if (kind === "podman") return { ...io, engine: podmanAccess(invocation) };
  return { ...(await withConfigFlag(invocation, io)), engine: { kind } };
}

/** docker's `--config` moves credentials, TLS files and trust directory; podman's means something else. */
async function withConfigFlag({ globalArgs }: EngineInvocation, io: Io): Promise<Io> {
  if (globalArgs.length === 0) return io;
  const { parseConnectionFlags } = await import("../../engine/api/global-flags.ts");
  const { config } = parseConnectionFlags(globalArgs);
  return config === undefined ? io : { ...io, env: { ...io.env, DOCKER_CONFIG: config } };
}
