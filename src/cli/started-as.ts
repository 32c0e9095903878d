import { type Program, programNamed } from "./program.ts";

/**
 * Set by bin/tagseal and by dist/tagseal.js as a command: the name it was called by, a colon, and its path. A shell script cannot pass
 * its name in another way.
 */
const launcherVariable = "TAGSEAL_LAUNCHER";

/** In the self-contained executable the script is in a virtual file system that no other program sees. */
const embeddedFiles = "/$bunfs/";

/** How a process was started. */
export interface Start {
  readonly program: Program;
  /** the arguments, as they were typed */
  readonly argv: readonly string[];
}

/**
 * The name by which this process was started, its files, and its arguments.
 *
 * A launcher puts a colon before each argument that starts with a dash or a colon: Node.js reads `--env-file` and other options
 * wherever they stand. The executable's runtime reads no arguments.
 */
export function startedAs(): Start {
  const script = process.argv[1] ?? process.execPath;
  const argv = process.argv.slice(2);
  const launched = process.env[launcherVariable];
  // Processes started from here were not started by that launcher.
  delete process.env[launcherVariable];
  if (script.startsWith(embeddedFiles)) return { program: programNamed(process.argv0, [process.execPath]), argv };
  if (launched === undefined) return { program: programNamed(script, [script]), argv };
  const colon = launched.indexOf(":");
  const program = programNamed(launched.slice(0, colon), [launched.slice(colon + 1), script]);
  return { program, argv: argv.map((argument) => argument.replace(/^:/u, "")) };
}
