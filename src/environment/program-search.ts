/**
 * Where programs are looked for: in the absolute directories of PATH. A relative or empty entry would start a file of the current directory, which may
 * be another person's.
 */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { Environment } from "./environment.ts";

/** What the system searches without the variable. */
const systemPath = "/usr/bin:/bin";

/** The absolute directories of PATH, in order. */
export function searchedDirectories({ PATH }: Environment): readonly string[] {
  return (PATH ?? systemPath).split(delimiter).filter((directory) => isAbsolute(directory));
}

/**
 * Finds a program as a shell would.
 *
 * @param program a name, or a path, which counts as it is
 * @returns its path; undefined when there is none that can be executed
 */
export function findProgram(program: string, env: Environment): string | undefined {
  const paths = program.includes("/")
    ? [program]
    : searchedDirectories(env).map((directory) => join(directory, program));
  return paths.find((path) => isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // absent, or not accessible
  }
}
