/** What a docker-shaped command under content trust gets from the dispatch: the outside world, the engine, and a way to let the engine finish. */
import type { EngineInvocation } from "../../../engine/command-line/invocation.ts";
import type { Engine } from "../../../engine/engine.ts";
import type { Io } from "../../io.ts";

/** Everything such a command may use. */
export interface EngineCommandContext {
  readonly io: Io;
  readonly engine: Engine;
  /**
   * Lets the real engine run a whole command line (global flags included) in our place: its streams, terminal and signals are ours.
   *
   * @returns its exit status
   */
  handOver(argv: readonly string[]): Promise<number>;
}

/**
 * `push`, `pull`, `create` or `run` with trust on. Reports its own failures, in docker's words; throws only what is a fault of the program.
 *
 * @returns the exit status
 */
export type EngineCommand = (invocation: EngineInvocation, context: EngineCommandContext) => Promise<number>;
