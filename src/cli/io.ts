/**
 * What a command may touch of the outside world. `main(argv, io)` gets all of it as arguments, so that a test can run any
 * command in its own process; only bin.ts and terminal.ts know `process`.
 */

import type { Environment } from "../environment/environment.ts";
import type { ChildCommand } from "../engine/pass-through.ts";
import type { HttpClients } from "../http/client/http-clients.ts";
import type { EngineAccess } from "./front-end/engine-access.ts";
import type { Program } from "./program.ts";

/** A stream of text for people or programs. */
export interface Output {
  /** Writes `text` as it is; lines end in a newline the caller writes. */
  write(text: string): void;
  /** true when a person watches: progress bars may be drawn */
  readonly isTerminal: boolean;
  /** width in characters, for wrapping; 80 when unknown */
  readonly columns: number;
}

/** Where questions are asked. Prompts never go to standard output. */
export interface Prompter {
  /** true when a person can be asked several times; false when answers are piped in */
  readonly interactive: boolean;
  /**
   * Asks for a secret: echo is off before the prompt appears.
   *
   * @returns the answer without its line end; undefined when there are no more answers
   * @throws TagsealError `CANCELLED` after Ctrl-C
   */
  askSecret(prompt: string): Promise<string | undefined>;
  /** Asks a question whose answer may be seen. Same contract as {@link Prompter.askSecret}. */
  ask(prompt: string): Promise<string | undefined>;
  /** Tells the person something between prompts, on the stream the prompts appear on. */
  tell(text: string): void;
}

/**
 * Runs another program, with this process's own streams, terminal and signals, as if it had been started in our place.
 *
 * @param how.last nothing is to be done afterwards: the process may become the other program and never come back
 * @returns the program's exit status; 128 + n when signal n ended it
 * @throws TagsealError `ENGINE_NOT_FOUND` when it cannot be started
 */
export type HandOver = (command: ChildCommand, how?: { readonly last?: boolean }) => Promise<number>;

/** Everything a command may touch. */
export interface Io {
  /** the result, and nothing else */
  readonly stdout: Output;
  /** everything that is not the result */
  readonly stderr: Output;
  readonly prompter: Prompter;
  readonly env: Environment;
  /** the number of the user whose process this is, who need have no name; undefined where users have none */
  readonly uid?: number | undefined;
  /** aborted by Ctrl-C or SIGTERM: everything that waits must stop waiting */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** what we were started as */
  readonly program: Program;
  readonly handOver: HandOver;
  /** the connections of this command to registries and trust servers; {@link main} opens and closes them */
  readonly connections?: HttpClients;
  /** the engine whose command this is; absent for commands that need none */
  readonly engine?: EngineAccess;
  /** Calls `listener` whenever files are to be read again (SIGHUP), until the function it returns is called. */
  readonly onReload?: (listener: () => void) => () => void;
}
