import type { ChildCommand } from "../../engine/pass-through.ts";
import type { HandOver } from "../io.ts";
import { isTerminal, streamsAreOpen } from "../terminal.ts";

/** Runs another program in this process's place: replaces the process where nothing is left to do, else waits for the program. */
export class HandingOver {
  #running = 0;

  /** true while another program is running: it handles signals */
  get isBusy(): boolean {
    return this.#running > 0;
  }

  readonly handOver: HandOver = async (command, how = {}) => {
    if (how.last === true && !streamsAreOpen()) become(command);
    const { passThrough } = await import("../../engine/pass-through.ts");
    this.#running += 1;
    try {
      return await passThrough(command, { signals: process, sharesTerminal: [0, 1, 2].some(isTerminal) });
    } finally {
      this.#running -= 1;
    }
  };
}

/**
 * Replaces this process, so that nothing is between the caller and the program. Returns only where that is not possible:
 * on other systems and runtimes, or when the file cannot be executed, which the ordinary way then reports.
 */
function become({ executable, args, env }: ChildCommand): void {
  // Node would end the process silently for a file that the system cannot execute.
  if (process.execve === undefined || !startsAsProgram(executable)) return;
  process.execve(executable, [executable, ...args], env);
}

/** Machine code, or a script that names its interpreter. */
function startsAsProgram(path: string): boolean {
  const { closeSync, openSync, readSync } = process.getBuiltinModule("node:fs");
  const start = Buffer.alloc(4);
  const file = openSync(path, "r");
  try {
    readSync(file, start, 0, start.length, 0);
  } finally {
    closeSync(file);
  }
  return start.toString("latin1") === "\u007fELF" || start.toString("latin1", 0, 2) === "#!";
}
