/** What a failure becomes: words on standard error, perhaps JSON on standard output, and an exit status. */
import type { Command } from "./command.ts";
import { exitCodeFor, exitCodes } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { writeFailure } from "./output/error-report.ts";
import { FlagError } from "./parse.ts";
import { ArgumentCountError, UnknownCommandError, usageHint } from "./usage.ts";

/** A command that has already said everything there is to say ends by throwing this. */
export class AlreadyReported extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("already reported");
    this.exitCode = exitCode;
  }
}

/** Where the failure happened and how it is to be shown. */
export interface FailureContext {
  readonly command?: Command;
  readonly json?: boolean;
}

/** Reports `error` and returns the exit status. */
export function failed(error: unknown, io: Io, context: FailureContext): number {
  if (error instanceof AlreadyReported) return error.exitCode;
  // After Ctrl-C every error is only an echo of the interruption.
  if (io.signal.aborted) return exitCodes.interrupted;
  const usage = usageFailure(error, context.command, io.program.shownAs);
  if (usage !== undefined) {
    io.stderr.write(usage.text);
    return usage.exitCode;
  }
  writeFailure(error, io, { json: context.json === true });
  const code = exitCodeFor(error);
  return context.command?.description.dockerExitCodes === true ? exitCodes.failure : code;
}

/** docker's layout for a command line it does not understand: the sentence, the usage line, where to read more. */
function usageFailure(
  error: unknown,
  command: Command | undefined,
  program: string,
): { text: string; exitCode: number } | undefined {
  const path = command?.description.path ?? "";
  const usage = command?.description.usage ?? "COMMAND";
  if (error instanceof FlagError) {
    return { text: `${error.message}\n${usageHint(path, usage, "Run", program)}`, exitCode: exitCodes.badFlag };
  }
  if (error instanceof ArgumentCountError) {
    return { text: `${error.message}\n${usageHint(path, usage, error.closing, program)}`, exitCode: exitCodes.failure };
  }
  if (error instanceof UnknownCommandError) {
    const hint = error.hint === undefined ? "" : `\n${error.hint}\n`;
    return {
      text: `${error.message}\n${hint}${usageHint(error.parent, "", "Run", program)}`,
      exitCode: exitCodes.failure,
    };
  }
  return undefined;
}
