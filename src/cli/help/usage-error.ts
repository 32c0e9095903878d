/** Usage errors in docker's words and layout. */
import { UsageError } from "../../errors.ts";
import { nearestWord } from "./suggestion.ts";
import type { ArgumentCount, CommandDescription } from "../command-description.ts";

/** The program's name in messages, unless it was started by another one. */
export const programName = "tagseal";

/** The wrong number of arguments. `closing` is docker's last line, which depends on the kind of rule broken. */
export class ArgumentCountError extends UsageError {
  readonly closing: "Run" | "See";

  constructor(message: string, closing: "Run" | "See") {
    super("USAGE", message);
    this.closing = closing;
  }
}

/** A word where a command was expected. `parent` is the path of the group that does not know it, `known` the commands it has. */
export class UnknownCommandError extends UsageError {
  readonly parent: string;

  constructor(parent: string, word: string, known: readonly string[], program: string = programName) {
    const line = commandLine(parent, program);
    const nearest = nearestWord(word, known);
    super(
      "USAGE",
      `${program}: unknown command: ${line} ${word}`,
      nearest === undefined ? {} : { hint: `Did you mean '${line} ${nearest}'?` },
    );
    this.parent = parent;
  }
}

/** The command as typed: program name and path. */
export function commandLine(path: string, program: string = programName): string {
  return path === "" ? program : `${program} ${path}`;
}

/** Refuses too few or too many arguments for a command. @throws ArgumentCountError `USAGE` */
export function requireArguments(description: CommandDescription, count: number, program: string = programName): void {
  const { min, max } = description.args;
  if (count >= min && (max === undefined || count <= max)) return;
  const name = `'${commandLine(description.path, program)}'`;
  // docker closes with "See" where its rule is a minimum or a range, with "Run" for an exact count.
  const closing = min === max ? "Run" : "See";
  throw new ArgumentCountError(`${program}: ${name} ${countRule(description.args)}`, closing);
}

function countRule({ min, max }: ArgumentCount): string {
  if (max === 0) return "accepts no arguments";
  if (min === max) return `requires ${plural(min)}`;
  if (max === undefined) return `requires at least ${plural(min)}`;
  if (min === 0) return `requires at most ${plural(max)}`;
  return `requires at least ${min} and at most ${plural(max)}`;
}

function plural(count: number): string {
  return `${count} argument${count === 1 ? "" : "s"}`;
}

/** The usage line and pointer docker prints after a usage error. */
export function usageHint(path: string, usage: string, closing: "Run" | "See", program: string = programName): string {
  const line = usageLine(path, usage, program);
  return `\nUsage:  ${line}\n\n${closing} '${commandLine(path, program)} --help' for more information\n`;
}

/** How a command is used, in one line. */
export function usageLine(path: string, usage: string, program: string = programName): string {
  const command = commandLine(path, program);
  return usage === "" ? command : `${command} ${usage}`;
}
