/** Turns a failure into a message on standard error, JSON on standard output if asked for, and an exit status. */
import type { Command } from "./command.ts";
import { dockerExitCode, exitCodeFor, exitCodes } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { type FailureReport, reportOf, writeFailure, writeFailureJson } from "./output/error-report.ts";
import { FlagError } from "./argument-parser.ts";
import { ArgumentCountError, commandLine, UnknownCommandError, usageHint, usageLine } from "./help/usage-error.ts";

/** Thrown by a command that has already reported its failure. */
export class AlreadyReported extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("already reported");
    this.exitCode = exitCode;
  }
}

/** Where the failure happened and how to show it. */
export interface FailureContext {
  readonly command?: Command;
  readonly json?: boolean;
}

/** Reports `error` and returns the exit status. */
export function failed(error: unknown, io: Io, context: FailureContext): number {
  const exitCode = reported(error, io, context);
  return context.command?.description.dockerExitCodes === true ? dockerExitCode(exitCode) : exitCode;
}

function reported(error: unknown, io: Io, { command, json = false }: FailureContext): number {
  if (error instanceof AlreadyReported) return error.exitCode;
  // After Ctrl-C every error is only a consequence of the interruption.
  if (io.signal.aborted) {
    if (json) writeFailureJson({ code: "CANCELLED", message: "interrupted", hint: undefined }, io);
    return exitCodes.interrupted;
  }
  const usage = usageFailure(error, command, io.program.shownAs);
  const report = reportOf(error);
  if (json) writeFailureJson(withUsage(report, command, io.program.shownAs), io);
  if (usage === undefined) {
    writeFailure(error, io, { json: false });
    return exitCodeFor(error);
  }
  const { message, hint } = report;
  io.stderr.write(`${message}\n${hint === undefined ? "" : `\n${hint}\n`}${usage}`);
  return error instanceof FlagError ? exitCodes.badFlag : exitCodes.failure;
}

/** Programs get in the hint what docker's layout prints around the sentence. */
function withUsage(report: FailureReport, command: Command | undefined, program: string): FailureReport {
  if (report.code !== "USAGE" || report.hint !== undefined) return report;
  const { path = "", usage = "COMMAND" } = command?.description ?? {};
  const line = usageLine(path, usage, program).trimEnd();
  return { ...report, hint: `Usage: ${line}. For more: ${commandLine(path, program)} --help` };
}

/** The lines that docker adds for an invalid command line: the usage, and where to read more. Undefined for any other failure. */
function usageFailure(error: unknown, command: Command | undefined, program: string): string | undefined {
  const { path = "", usage = "COMMAND" } = command?.description ?? {};
  if (error instanceof FlagError) return usageHint(path, usage, "Run", program);
  if (error instanceof ArgumentCountError) return usageHint(path, usage, error.closing, program);
  if (error instanceof UnknownCommandError) return usageHint(error.parent, "", "Run", program);
  return undefined;
}
