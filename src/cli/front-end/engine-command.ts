/** What the dispatcher gives a docker-shaped command under content trust: its input and output, the engine, and a way to hand over to the engine. */
import type { EngineInvocation } from "../../engine/command-line/invocation.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Io } from "../io.ts";

/** Everything a docker-shaped command may use. */
export interface EngineCommandContext {
  readonly io: Io;
  readonly engine: Engine;
  /**
   * Lets the real engine run a whole command line (global flags included) in place of this process, with its streams, terminal and signals.
   *
   * @returns its exit status
   */
  handOver(argv: readonly string[]): Promise<number>;
}

/**
 * `push`, `pull`, `create` or `run` with trust on. Reports its failures itself, in docker's words; throws only internal errors.
 *
 * @returns the exit status
 */
export type EngineCommand = (invocation: EngineInvocation, context: EngineCommandContext) => Promise<number>;
