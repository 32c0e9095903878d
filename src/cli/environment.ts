import type { Io } from "./io.ts";

/** The environment as a child process takes it: exactly ours. */
export function definedOnly(env: Io["env"]): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
