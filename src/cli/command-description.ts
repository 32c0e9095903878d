/** The description of a command, for help, completion, manual pages and usage errors. */
import type { Options } from "./options/option.ts";

/** How many arguments a command takes. */
export interface ArgumentCount {
  readonly min: number;
  /** undefined: no upper bound */
  readonly max?: number;
}

/** A command line to copy, with a phrase that says what it does. */
export interface Example {
  readonly text: string;
  /** without the leading `$ ` */
  readonly line: string;
}

/** Everything about a command that help and completion show. */
export interface CommandDescription {
  /** the words after the program's name: `trust key generate` */
  readonly path: string;
  /** the rest of the usage line after the path: `[OPTIONS] IMAGE[:TAG]` */
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
  readonly complete?: "file" | "key" | "commands" | readonly string[];
  /** docker's exit rule: every failure is 1. Otherwise exit-code.ts decides */
  readonly dockerExitCodes?: boolean;
  /** the command ends itself, gracefully, on Ctrl-C (servers) */
  readonly endsOnSignal?: boolean;
}
