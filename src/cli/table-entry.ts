import type { Command } from "./command.ts";

/** A command, a group of commands when it has children, or both. */
export interface Entry {
  readonly name: string;
  /** one line, as docker's help has it */
  readonly summary: string;
  /** absent for groups */
  readonly load?: () => Promise<Command>;
  /** absent for commands */
  readonly children?: readonly Entry[];
}

/** The entry of a command that a module exports as `command`; with `children` it is a group, too. */
export function command(
  name: string,
  summary: string,
  module: () => Promise<{ readonly command: Command }>,
  children?: readonly Entry[],
): Entry {
  return { name, summary, load: async () => (await module()).command, ...(children && { children }) };
}
