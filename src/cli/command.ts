/** A command: its description, its flags, and one function. Everything else (help, usage errors, completion) follows from it. */
import type { Io } from "./io.ts";
import type { Options, OptionValues } from "./options/option.ts";
import { parseLine } from "./argument-parser.ts";
import type { CommandDescription } from "./command-description.ts";
import { requireArguments } from "./help/usage-error.ts";

/** The parsed command line of a command. */
export interface Invocation<O extends Options> {
  readonly options: OptionValues<O>;
  readonly args: readonly string[];
}

/** A command that can be run. */
export interface Command {
  readonly description: CommandDescription;
  /** Parses `argv` (the words after the command's path) and does the work; returns the exit status, or throws. */
  run(argv: readonly string[], io: Io): Promise<number>;
}

/** Combines a description and its function; the types of the flags come from their declarations. */
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
