import { type Program, programNamed } from "./program.ts";

/**
 * Set by bin/tagseal and by dist/tagseal.js as a command: the name it was called by, a colon, and its path. A shell script cannot pass its
 * name on otherwise.
 */
const launcherVariable = "TAGSEAL_LAUNCHER";

/** Inside the self-contained executable the script lies in a file system that nothing else sees. */
const embeddedFiles = "/$bunfs/";

/** What a process was started as. */
export interface Start {
  readonly program: Program;
  /** the arguments, as they were typed */
  readonly argv: readonly string[];
}

/**
 * By which name this process was started, which files it is, and what it was asked to do.
 *
 * A launcher puts a colon before each argument that starts with a dash or a colon: Node.js reads `--env-file` and other options
 * wherever they stand. The executable's runtime reads no arguments.
 */
export function startedAs(): Start {
  const script = process.argv[1] ?? process.execPath;
  const argv = process.argv.slice(2);
  const launched = process.env[launcherVariable];
  // No process we start was started by that launcher.
  delete process.env[launcherVariable];
  if (script.startsWith(embeddedFiles)) return { program: programNamed(process.argv0, [process.execPath]), argv };
  if (launched === undefined) return { program: programNamed(script, [script]), argv };
  const colon = launched.indexOf(":");
  const program = programNamed(launched.slice(0, colon), [launched.slice(colon + 1), script]);
  return { program, argv: argv.map((argument) => argument.replace(/^:/u, "")) };
}
