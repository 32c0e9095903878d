/** What every engine does through its own command, in the same way. */
import { engineEnvironment } from "./engine-environment.ts";
import { runEngineProcess } from "./engine-process.ts";
import type { EngineRunOptions, EngineRunResult, OpenEngineOptions } from "./engine.ts";

/** The command of an engine, which its kinds of engine extend. */
export class EngineCommand {
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
