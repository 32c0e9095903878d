import { type Program, programNamed } from "./program.ts";

/** Set by bin/tagseal: the name it was called by, a colon, and its own path. A shell script cannot pass its name on otherwise. */
const launcherVariable = "TAGSEAL_LAUNCHER";

/** Inside the self-contained executable the script lies in a file system that nobody else sees. */
const embeddedFiles = "/$bunfs/";

/** By which name this process was started, and which files it is. */
export function startedAs(): Program {
  const script = process.argv[1] ?? process.execPath;
  const launched = process.env[launcherVariable];
  // Nobody we start was started by that launcher.
  delete process.env[launcherVariable];
  if (script.startsWith(embeddedFiles)) return programNamed(process.argv0, [process.execPath]);
  if (launched === undefined) return programNamed(script, [script]);
  const colon = launched.indexOf(":");
  return programNamed(launched.slice(0, colon), [launched.slice(colon + 1), script]);
}
