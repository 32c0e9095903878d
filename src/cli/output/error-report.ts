/** How a failure is shown: one sentence, then a hint and the code. With `--json`, also as an object on standard output. */
import { TagsealError } from "../../errors.ts";
import { isDebugging } from "../debug.ts";
import type { Io } from "../io.ts";
import { writeJson } from "./write-json.ts";
import { printable } from "./printable.ts";

/** The report of a failure for users and programs, whatever was thrown. */
export interface FailureReport {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Turns anything thrown into a report. Errors that are not TagsealErrors are defects of the program, and are reported as such. */
export function reportOf(error: unknown): FailureReport {
  if (error instanceof TagsealError) return { code: error.code, message: error.message, hint: error.hint };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: "INTERNAL",
    message: `internal error: ${message}`,
    hint: "This is a fault in Tagseal: run the command again with TAGSEAL_DEBUG=1, and report what it prints.",
  };
}

/** The lines for standard error. The sentence comes first and alone, so that docker's words stay unchanged. */
export function failureText(report: FailureReport): string {
  const sentence = printable(report.message);
  return report.hint === undefined
    ? `${sentence}\n[${report.code}]\n`
    : `${sentence}\nhint: ${printable(report.hint)} [${report.code}]\n`;
}

/** Writes a failure that does not end the command, or that the command reports itself. */
export function reportFailure(error: unknown, io: Io): void {
  io.stderr.write(failureText(reportOf(error)));
}

/** The JSON object of a failure on standard output. */
export function writeFailureJson(report: FailureReport, io: Io): void {
  writeJson(io, { error: report });
}

/** Writes a failure: the sentence on standard error, and with `json` an object on standard output as well; its stack when debugging. */
export function writeFailure(error: unknown, io: Io, how: { readonly json: boolean }): void {
  if (how.json) writeFailureJson(reportOf(error), io);
  reportFailure(error, io);
  if (isDebugging(io.env)) io.stderr.write(printable(causes(error)));
}

function causes(error: unknown): string {
  let text = "";
  for (let link: unknown = error; link instanceof Error; link = link.cause) text += `${link.stack ?? link.message}\n`;
  return text;
}
