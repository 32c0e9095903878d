/** Lines of a document, run as they stand by the shell that a reader pastes them into. */
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { cheapKeys, tagsealCommand } from "./clients.ts";
import { runOk, type Environment, type Finished, type RunOptions, type Running, type Scope } from "./processes.ts";
import type { StartOptions } from "./processes.ts";
import { runOnTerminal, type PromptAnswer, type TerminalSession } from "./pty.ts";

/** A shell in `work` below the scope, with `tagseal` in its PATH. */
export interface Shell {
  /** where it is, unless it is told otherwise */
  readonly directory: string;
  /** its environment, for what a test runs beside it */
  readonly env: Environment;
  /** Rejects at the first line that fails. */
  run(lines: string, options?: RunOptions): Promise<Finished>;
  /** The same on a terminal, with answers to the prompts. */
  converse(lines: string, answers: readonly PromptAnswer[], options?: RunOptions): Promise<TerminalSession>;
  /** For lines of which the last is a server in the foreground, which gets the process's signals. */
  start(name: string, lines: string, options: StartOptions): Promise<Running>;
}

/** The last command of the lines, which may be continued over several, takes the place of the shell. */
function endingWithExec(lines: string): string {
  const parts = /^([\s\S]*?)((?:[^\n]*\\\n)*[^\n]+)\n*$/u.exec(lines);
  return `${parts?.[1] ?? ""}exec ${parts?.[2] ?? ""}`;
}

/** Opens one. `enter` are words before a command that make it run elsewhere, `env` adds to what it knows. */
export function openShell(scope: Scope, enter: readonly string[] = [], env: Environment = {}): Shell {
  const [directory, bin] = [scope.path("work"), scope.path("bin")];
  for (const path of [directory, bin]) mkdirSync(path, { recursive: true });
  writeFileSync(`${bin}/tagseal`, `#!/bin/sh\nexec "${tagsealCommand}" "$@"\n`, { mode: 0o755 });
  const own: Environment = {
    HOME: directory,
    PATH: [bin, process.env["PATH"]].join(delimiter),
    ...cheapKeys,
    ...env,
  };
  const command = (lines: string, cwd: string): readonly [string, readonly string[]] => {
    const script = scope.path(`lines-${process.hrtime.bigint()}`);
    // Aliases are for people at a terminal, and so are these lines.
    writeFileSync(script, `shopt -s expand_aliases\ncd '${cwd}'\n${lines}`);
    const [program, ...args] = [...enter, "bash", "-euo", "pipefail", script];
    return [program, args];
  };
  return {
    directory,
    env: own,
    run(lines, options = {}) {
      const [program, args] = command(lines, options.cwd ?? directory);
      return runOk(program, args, { ...options, env: { ...own, ...options.env } });
    },
    async converse(lines, answers, options = {}) {
      const [program, args] = command(lines, options.cwd ?? directory);
      const env = { ...own, ...options.env };
      const session = await runOnTerminal(program, args, answers, { ...options, env });
      if (session.code !== 0 || session.unused > 0)
        throw new Error(`${lines}: exit code ${session.code}, ${session.unused} answers unused\n${session.screen}`);
      return session;
    },
    start(name, lines, options) {
      const [program, args] = command(endingWithExec(lines), options.cwd ?? directory);
      return scope.start(name, program, args, { ...options, env: { ...own, ...options.env } });
    },
  };
}
