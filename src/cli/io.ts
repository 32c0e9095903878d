/**
 * Everything outside the program that a command may use. `main(argv, io)` gets all of it as arguments, so that a test can run any
 * command in its own process; only the files that `test/layers.test.ts` lists know `process`.
 */

import type { Environment } from "../environment/environment.ts";
import type { ChildCommand } from "../engine/pass-through.ts";
import type { HttpClients } from "../http/client/http-clients.ts";
import type { EngineAccess } from "./front-end/engine-access.ts";
import type { Program } from "./program.ts";

/** A stream of text for people or programs, or of a file's content. */
export interface Output {
  /** Writes text, or the bytes of a file, as they are; the caller writes the newlines. */
  write(content: string | Uint8Array): void;
  /** true on a terminal: progress bars may be drawn */
  readonly isTerminal: boolean;
  /** width in characters, for wrapping; 80 when unknown */
  readonly columns: number;
}

/** Asks questions. Prompts never go to standard output. */
export interface Prompter {
  /** true when the user can be asked several times; false when answers are piped in */
  readonly interactive: boolean;
  /**
   * Asks for a secret: echo is off before the prompt appears.
   *
   * @returns the answer without its line end; undefined when there are no more answers
   * @throws TagsealError `CANCELLED` after Ctrl-C
   */
  askSecret(prompt: string): Promise<string | undefined>;
  /** Asks a question whose answer is shown. Same contract as {@link Prompter.askSecret}. */
  ask(prompt: string): Promise<string | undefined>;
  /**
   * Reads the rest of what is piped in, or typed until the end of input.
   *
   * @returns undefined when it is more than `maxBytes`
   * @throws TagsealError `CANCELLED`
   */
  readAll(maxBytes: number): Promise<string | undefined>;
  /** Shows a message between prompts, on the stream of the prompts. */
  tell(text: string): void;
}

/**
 * Runs another program with this process's streams, terminal and signals, as if it had been started instead.
 *
 * @param how.last true when nothing is left to do afterwards: the process may become the other program and never return
 * @returns the program's exit status; 128 + n when signal n ended it
 * @throws TagsealError `ENGINE_NOT_FOUND` when it cannot be started
 */
export type HandOver = (command: ChildCommand, how?: { readonly last?: boolean }) => Promise<number>;

/** Everything that a command may use. */
export interface Io {
  /** the result, and nothing else */
  readonly stdout: Output;
  /** everything that is not the result */
  readonly stderr: Output;
  readonly prompter: Prompter;
  readonly env: Environment;
  /** the numeric ID of the process's user, who need not have a name; undefined where users have none */
  readonly uid?: number | undefined;
  /** aborted by Ctrl-C or SIGTERM: every wait must end */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** the machine's policy, elsewhere than usual */
  readonly systemPolicy?: string;
  /** how the program was started */
  readonly program: Program;
  readonly handOver: HandOver;
  /** the connections of this command to registries and trust servers; {@link main} opens and closes them */
  readonly connections?: HttpClients;
  /** the engine whose command this is; absent for commands that need none */
  readonly engine?: EngineAccess;
  /** Calls `listener` at every SIGHUP, which asks to read files again, until the returned function is called. */
  readonly onReload?: (listener: () => void) => () => void;
}
