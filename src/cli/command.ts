/** What a command is: its words for people, its flags, and one function. Everything else (help, usage errors, completion) follows from it. */
import type { Io } from "./io.ts";
import type { Options, OptionValues } from "./options/option.ts";
import { parseLine } from "./argument-parser.ts";
import { requireArguments } from "./help/usage-error.ts";

/** How many arguments a command takes. */
export interface ArgumentCount {
  readonly min: number;
  /** undefined: no upper bound */
  readonly max?: number;
}

/** A command line to copy, with the sentence that says what it does. */
export interface Example {
  readonly text: string;
  /** without the leading `$ ` */
  readonly line: string;
}

/** Everything about a command that help and completion show. */
export interface CommandDescription {
  /** the words after the program's name: `trust key generate` */
  readonly path: string;
  /** what follows the path in the usage line: `[OPTIONS] IMAGE[:TAG]` */
  readonly usage: string;
  /** one line, no full stop */
  readonly summary: string;
  /** paragraphs; a paragraph that starts with two spaces is kept as it is, line breaks included */
  readonly description?: readonly string[];
  readonly options: Options;
  readonly args: ArgumentCount;
  readonly examples?: readonly Example[];
  /** variables this command reads, by name, with what they mean */
  readonly environment?: readonly (readonly [string, string])[];
  /** exit statuses other than the plain 0 and 1 */
  readonly exitCodes?: readonly (readonly [number, string])[];
  /** what completion offers for arguments */
  readonly complete?: "file" | "commands" | readonly string[];
  /** docker's exit rule: every failure is 1. Otherwise exit-code.ts decides */
  readonly dockerExitCodes?: boolean;
  /** the command ends itself, gracefully, on Ctrl-C (servers) */
  readonly endsOnSignal?: boolean;
}

/** The command line as its command sees it. */
export interface Invocation<O extends Options> {
  readonly options: OptionValues<O>;
  readonly args: readonly string[];
}

/** A command ready to be run. */
export interface Command {
  readonly description: CommandDescription;
  /** Parses `argv` (the words after the command's path) and does the work; returns the exit status, or throws. */
  run(argv: readonly string[], io: Io): Promise<number>;
}

/** Ties a description to its function, with the flags' types taken from their declarations. */
export function defineCommand<O extends Options>(
  description: CommandDescription & { readonly options: O },
  action: (invocation: Invocation<O>, io: Io) => Promise<number>,
): Command {
  return {
    description,
    async run(argv, io) {
      const line = parseLine(argv, description.options);
      if (line.wantsHelp) {
        const { renderHelp } = await import("./help/help-text.ts");
        io.stdout.write(renderHelp(description, io.stdout.columns, io.program.shownAs));
        return 0;
      }
      requireArguments(description, line.args.length, io.program.shownAs);
      return await action({ options: line.options, args: line.args }, io);
    },
  };
}
