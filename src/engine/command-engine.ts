/** What every engine does through its own command, in the same way. */
import { engineEnvironment } from "./engine-environment.ts";
import { runEngineProcess } from "./engine-process.ts";
import type { EngineRunOptions, EngineRunResult, OpenEngineOptions } from "./engine.ts";

/** An engine that has a command, which each kind of engine extends. */
export class CommandEngine {
  readonly executable: string;
  protected readonly options: OpenEngineOptions;

  constructor(options: OpenEngineOptions) {
    this.options = options;
    this.executable = options.executable;
  }

  /** Runs the command as {@link runEngineProcess}: its global flags first, and content trust off. */
  async run(args: readonly string[], options: EngineRunOptions = {}): Promise<EngineRunResult> {
    const { executable, globalArgs, env, signal } = this.options;
    const command = { executable, args: [...globalArgs, ...args], env: engineEnvironment(env, args), signal };
    return await runEngineProcess(command, options);
  }
}
