/** A command line of docker compose, as far as it decides which images are used. */
import { type ComposeWord, composeFlags, composeGlobalFlags, findComposeWord } from "../command-line/compose-flags.ts";
import { type GivenFlag, readFlags } from "../command-line/flag-reading.ts";
import { type EngineInvocation, flagValue, isFlagOn } from "../command-line/invocation.ts";
import { startsScanner } from "../image-build/buildkit-image-flags.ts";
import { ComposeRefused } from "./compose-refused.ts";

/** A line of one of the commands that content trust covers. */
export interface ComposeLine {
  readonly command: ComposeWord;
  /** `compose` and the flags between it and the command, as typed */
  readonly words: readonly string[];
  /** the same for a project that is resolved already: without the flags that choose files, profiles and the project */
  readonly kept: readonly string[];
  /** values of `-f`, in order */
  readonly files: readonly string[];
  /** `--project-directory` */
  readonly projectDirectory: string | undefined;
  /** the services that the line names; empty: all that are active */
  readonly services: readonly string[];
  /** whether what the named services depend on is used, too */
  readonly withDependencies: boolean;
  /** `--no-build` */
  readonly noBuild: boolean;
  /** `--pull` of a command that starts containers */
  readonly pullPolicy: string | undefined;
  /** what follows the command, without flags that are decided here */
  readonly tail: readonly string[];
}

/** Flags of compose that are decided when it reads the project. */
const choosing: readonly string[] = ["file", "profile", "project-directory", "project-name", "workdir"];

/**
 * Reads the line.
 *
 * @throws ComposeRefused `COMPOSE_REFUSED` for flags that let in what is not checked; UsageError `USAGE`
 */
export function readComposeLine(invocation: EngineInvocation): ComposeLine {
  const command = composeWord(invocation);
  const { argv, args, globalArgs, operands } = invocation;
  refuseFlags(invocation, command);
  const words = argv.slice(globalArgs.length, argv.length - args.length).slice(0, -1);
  const typed = words.slice(1);
  const between = readFlags(typed, { table: composeGlobalFlags, stopsAtOperand: true }).flags;
  const valuesOf = (name: string): string[] => between.filter((flag) => flag.name === name).map(({ value }) => value);
  const names = operands.map(({ text }) => text);
  return {
    command,
    words,
    kept: ["compose", ...withoutFlags(typed, between, choosing)],
    files: valuesOf("file"),
    projectDirectory: valuesOf("project-directory").at(-1) ?? valuesOf("workdir").at(-1),
    services: command === "run" ? names.slice(0, 1) : names,
    withDependencies: usesDependencies(invocation, command),
    noBuild: isFlagOn(invocation, "no-build"),
    pullPolicy: command === "build" ? undefined : flagValue(invocation, "pull"),
    tail: tailOf(args, command),
  };
}

function composeWord({ commandPath }: EngineInvocation): ComposeWord {
  const found = findComposeWord(commandPath.at(-1));
  if (found === undefined) throw new TypeError(`${commandPath.join(" ")} is not covered`);
  return found;
}

function refuseFlags(invocation: EngineInvocation, command: ComposeWord): void {
  if (isFlagOn(invocation, "watch")) {
    throw new ComposeRefused(
      "--watch builds whenever files change, and what enters these builds is not checked",
      "Build and start what changed with: docker compose up --build",
    );
  }
  if (command === "build" && isFlagOn(invocation, "push")) {
    throw new ComposeRefused(
      "--push pushes images and signs none of them",
      "Build without it, and push each image with: docker push IMAGE",
    );
  }
  for (const flag of ["sbom", "provenance"] as const) {
    if (startsScanner(flag, flagValue(invocation, flag) ?? "false"))
      throw new ComposeRefused(`--${flag} starts a scanner from an image that is not checked`, "Build without it.");
  }
}

function usesDependencies(invocation: EngineInvocation, command: ComposeWord): boolean {
  if (command === "pull") return isFlagOn(invocation, "include-deps");
  if (command === "build") return isFlagOn(invocation, "with-dependencies");
  return !isFlagOn(invocation, "no-deps");
}

/** Where a service is built, `--pull` would fetch an image of its name from a registry instead; the other flag is in each build already. */
function tailOf(args: readonly string[], command: ComposeWord): readonly string[] {
  const read = readFlags(args, { table: composeFlags[command], stopsAtOperand: command === "run" });
  return withoutFlags(args, read.flags, [command === "build" ? "build-arg" : "pull"]);
}

function withoutFlags(
  words: readonly string[],
  given: readonly GivenFlag[],
  names: readonly string[],
): readonly string[] {
  const dropped = given.filter(({ name }) => names.includes(name));
  const places = new Set(dropped.flatMap(({ at, words: count }) => Array.from({ length: count }, (_, n) => at + n)));
  return words.filter((_, index) => !places.has(index));
}
