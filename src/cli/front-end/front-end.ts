/**
 * Tagseal in front of docker or podman. With content trust on, commands that name images run under it, harmless commands go to the real
 * engine, and all others are refused. With content trust off, every command goes to the real engine unchanged. Users of the shim pass
 * through here with every `docker ps`, so it loads nothing it does not need.
 */
import { leadingFlags, takeOwnFlags } from "../../engine/command-line/leading-flags.ts";
import { mayHoldOwnFlags } from "../../engine/command-line/own-flags.ts";
import { engineVariable, type EngineExecutable, findEngine } from "../../engine/executable.ts";
import { isTrustOn, trustVariable } from "../../engine/trust-switch.ts";
import { childEnvironment } from "../../environment/child-environment.ts";
import type { Io } from "../io.ts";
import { withPolicySwitch } from "../open/policy-files.ts";
import { policyVariable } from "../options/policy-flag.ts";
import { loginWords, type OwnCommand, ownWordNear, ownWords } from "./own-words.ts";

const trustedWords: ReadonlySet<string> = new Set(["push", "pull", "build", "create", "run", "compose"]);
/** Words that docker also has: the next word shows whose command it is. */
const sharedWords: ReadonlySet<string> = new Set(["import", "export"]);
/** The words after `import` that make it Tagseal's; docker's is followed by a file, a URL or `-`. */
const ownImports: ReadonlySet<string> = new Set(["notary-db", "notary-server", "bundle", "hand-over", "--help", "-h"]);
/** Groups with commands that content trust covers. */
const groups: ReadonlySet<string> = new Set(["image", "container", "buildx", "builder", "manifest", "plugin"]);

/**
 * Runs a command line of the engine.
 *
 * @returns its exit status; undefined when the line is for one of Tagseal's own commands
 * @throws TagsealError `ENGINE_NOT_FOUND`; UsageError `COMMAND_NOT_COVERED` for commands that content trust does not cover
 */
export async function runFrontEnd(argv: readonly string[], given: Io, own: OwnCommand): Promise<number | undefined> {
  const { line, engine, policy, trustPinning } = takeOwnFlags(argv);
  const { commandAt, isReadable, flags } = leadingFlags(line);
  const configured = withPolicySwitch(
    withVariables(given, {
      DOCKER_CONFIG: flags.findLast(({ name }) => name === "config")?.value,
      [policyVariable]: policy,
      TAGSEAL_TRUST_PINNING: trustPinning,
    }),
  );
  const io = withVariables(given, { [trustVariable]: configured.env[trustVariable] });
  const front: FrontEnd = { line, engine: engine ?? io.env[engineVariable], io, configured, own };
  const word = commandAt === undefined ? undefined : line[commandAt];
  if (isReadable && isOwn(word, line, commandAt ?? 0, io)) return undefined;
  if (isReadable && loginWords.has(word ?? "") && (await isOwnLogin(front))) return undefined;
  const mayBeTrusted =
    isTrustOn(io.env, undefined) || !isReadable || (word !== undefined && (trustedWords.has(word) || groups.has(word)));
  if (!mayBeTrusted) return await handOverUnchanged(front, word);
  return await trustedCommand(front, word ?? "", commandAt ?? 0);
}

interface FrontEnd {
  readonly line: readonly string[];
  /** the engine asked for on the command line or in the environment */
  readonly engine: string | undefined;
  readonly io: Io;
  /** with the configuration directory of `--config`, whose logins, keys and TLS files Tagseal also uses, and the file of pins */
  readonly configured: Io;
  readonly own: OwnCommand;
}

/** From here on, a variable has the value of the flag. */
function withVariables(io: Io, values: Io["env"]): Io {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.length === 0 ? io : { ...io, env: { ...io.env, ...Object.fromEntries(given) } };
}

/** Under docker's name only `trust` is Tagseal's: everything else must behave as docker does. */
function isOwn(word: string | undefined, line: readonly string[], at: number, io: Io): boolean {
  const { name } = io.program;
  if (name === "podman") return false;
  if (name === "docker") return word === "trust";
  if (word === undefined)
    return line.every((text) => ["--help", "-h", "--version", "-v", "-D", "--debug"].includes(text));
  const rest = line.slice(at + 1);
  if (word === "push") return hasFlag(rest, "--from");
  if (word === "pull") return hasFlag(rest, "--to");
  if (word === "version") return !rest.some((text) => /^(?:-f|--format)/u.test(text));
  if (word === "import") return rest[0] === undefined || ownImports.has(rest[0]);
  if (word === "export") return hasFlag(rest, "--to") || asksForHelp(rest);
  if (word === "help")
    return (
      rest[0] === undefined ||
      asksForHelp(rest.slice(0, 1)) ||
      [ownWords, trustedWords, sharedWords, loginWords].some((words) => words.has(rest[0] ?? ""))
    );
  return ownWords.has(word);
}

/** Logins of commands that need no engine. An engine that was asked for, also in the configuration, logs in itself: podman has other files. */
async function isOwnLogin({ engine, io, configured }: FrontEnd): Promise<boolean> {
  if (io.program.name !== "tagseal" || (engine !== undefined && engine !== "")) return false;
  return (await configuredEngine(configured, false)) === undefined;
}

function hasFlag(words: readonly string[], flag: string): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end === -1 ? undefined : end).some((word) => word === flag || word.startsWith(`${flag}=`));
}

async function handOverUnchanged(front: FrontEnd, word: string | undefined): Promise<number> {
  const { line, io } = front;
  const found = await engineFor(front, word);
  const env = childEnvironment(io.env, "engine", { args: line });
  const meant = await ownWordNear(word, io.program);
  const exitCode = await io.handOver({ executable: found.path, args: line, env }, { last: meant === undefined });
  if (exitCode !== 0 && meant !== undefined) io.stderr.write(`hint: Did you mean '${io.program.name} ${meant}'?\n`);
  return exitCode;
}

async function trustedCommand(front: FrontEnd, word: string, at: number): Promise<number | undefined> {
  const { line, io } = front;
  const isHelpForUs = io.program.name === "tagseal" && trustedWords.has(word) && asksForHelp(line.slice(at + 1));
  const isPlain = !isTrustOn(io.env, undefined) && !mayHoldOwnFlags(line) && !isHelpForUs;
  if (isPlain) return await handOverUnchanged(front, word);
  const { runTrusted } = await import("./trusted-command.ts");
  return await runTrusted({
    line,
    word,
    io: front.configured,
    own: front.own,
    findEngine: () => engineFor(front, word, isTrustOn(io.env, undefined) && trustedWords.has(word)),
  });
}

function asksForHelp(words: readonly string[]): boolean {
  return words.some((word) => /^(?:--help|-h)$/u.test(word));
}

/** @param isOurs Tagseal does the work itself, so that a choice of engine that cannot be read is an error */
async function engineFor(
  { engine, configured: io }: FrontEnd,
  word: string | undefined,
  isOurs = false,
): Promise<EngineExecutable> {
  const wanted = engine ?? (io.program.name === "podman" ? "podman" : await configuredEngine(io, isOurs));
  try {
    return findEngine({ env: io.env, self: io.program.files, wanted });
  } catch (error) {
    const { withoutEngine } = await import("./missing-engine.ts");
    throw withoutEngine(error, word, await ownWordNear(word, io.program));
  }
}

async function configuredEngine(io: Io, isOurs: boolean): Promise<string | undefined> {
  const { engineInConfiguration, engineToHandOverTo } = await import("./engine-configuration.ts");
  return isOurs ? await engineInConfiguration(io) : await engineToHandOverTo(io);
}
