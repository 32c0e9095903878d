/** Reports the failures of docker-shaped commands in docker's words and with docker's exit statuses. */
import { UsageError } from "../../errors.ts";
import type { EngineInvocation, Operand } from "../../engine/command-line/invocation.ts";
import { isDebugging } from "../debug.ts";
import { exitCodes } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { failureText, reportOf, writeFailure } from "../output/error-report.ts";
import type { EngineCommandContext } from "./engine-command.ts";

/** Runs `work`; an error it throws becomes a message on standard error and docker's exit status 1. */
export async function reporting({ io }: EngineCommandContext, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (io.signal.aborted) return exitCodes.interrupted;
    if (error instanceof OperandCountError) return miscounted(error, io);
    writeFailure(error, io, { json: false });
    return exitCodes.failure;
  }
}

/** `run` has its own layout and exit status: a script can tell its failures from those of the program in the container. */
export async function reportingRun({ io, engine }: EngineCommandContext, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (io.signal.aborted) return exitCodes.interrupted;
    if (error instanceof OperandCountError) return miscounted(error, io);
    const isDocker = engine.kind === "docker";
    const text = failureText(reportOf(error));
    io.stderr.write(isDocker ? `docker: ${text}\nRun 'docker run --help' for more information\n` : `Error: ${text}`);
    if (isDebugging(io.env) && error instanceof Error) io.stderr.write(`${error.stack ?? ""}\n`);
    return exitCodes.badFlag;
  }
}

function miscounted(error: OperandCountError, io: Io): number {
  io.stderr.write(`${error.message}\n`);
  return exitCodes.failure;
}

/** The wrong number of operands. The message is docker's whole answer, usage line included. */
class OperandCountError extends UsageError {}

/**
 * The operand of a command that takes exactly one. The real engine is not asked to complain: a line that Tagseal and the engine read
 * differently must not reach the engine without trust.
 *
 * @param usage docker's usage line after the command: `[OPTIONS] NAME[:TAG]`
 * @throws UsageError `USAGE`, in docker's words and layout
 */
export function onlyOperand(invocation: EngineInvocation, usage: string, io: Io): Operand {
  const [operand, ...others] = invocation.operands;
  if (operand !== undefined && others.length === 0) return operand;
  throw countError(invocation, "requires 1 argument", usage, io);
}

/** The first operand. @throws UsageError `USAGE` when there is none, in docker's words and layout */
export function imageOperand(invocation: EngineInvocation, usage: string, io: Io): Operand {
  const [operand] = invocation.operands;
  if (operand !== undefined) return operand;
  throw countError(invocation, "requires at least 1 argument", usage, io);
}

function countError({ commandPath }: EngineInvocation, rule: string, usage: string, { program }: Io): UsageError {
  const name = `${program.shownAs} ${commandPath.join(" ")}`;
  // docker closes with "See" where its rule is a minimum
  const pointer = `${rule.includes("least") ? "See" : "Run"} '${name} --help' for more information`;
  const message = `${program.shownAs}: '${name}' ${rule}\n\nUsage:  ${name} ${usage}\n\n${pointer}`;
  return new OperandCountError("USAGE", message);
}
