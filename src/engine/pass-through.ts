/**
 * Runs the real engine in place of this process: it gets this process's streams and signals, and this process ends with its status. The caller sees
 * no difference.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { TagsealError } from "../errors.ts";

/** A program to run in place of this process. */
export interface ChildCommand {
  /** absolute path */
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Where signals to this process arrive; `process` is one. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/** Sent only to this process, for instance by `kill` or a service manager; they must be passed to the engine. */
const forwarded: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT"];
/**
 * Sent by the terminal to its whole foreground group: the engine has them already, and a second Ctrl-C would mean "at once" to it.
 * This process must only not end before it. SIGWINCH needs nothing: the engine has the same terminal.
 */
const ignored: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];

/** Options for {@link passThrough}. */
export interface PassThroughOptions {
  readonly signals: SignalSource;
  /** the terminal also sends Ctrl-C to the child; false where there is no terminal, and only this process gets SIGINT */
  readonly sharesTerminal: boolean;
}

/**
 * Runs a program with this process's standard streams and waits for its end.
 *
 * @returns its exit status; 128 + n when signal n ended it, as a shell reports it
 * @throws TagsealError `ENGINE_NOT_FOUND` when it cannot be started
 */
export async function passThrough(command: ChildCommand, options: PassThroughOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(command.executable, command.args, { env: command.env, stdio: "inherit" });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const listeners = [
    ...forwarded.map((signal) => [signal, forward] as const),
    ...ignored.map((signal) => [signal, options.sharesTerminal ? ignore : forward] as const),
  ];
  for (const [signal, listener] of listeners) options.signals.on(signal, listener);
  child.on("error", (error) => reject(cannotStart(command, error)));
  child.on("exit", (code, signal) => resolve(exitStatus(code, signal)));
  try {
    return await promise;
  } finally {
    for (const [signal, listener] of listeners) options.signals.off(signal, listener);
  }
}

function ignore(): void {
  // the child also has the signal
}

/** The status a shell shows for a process that ended: its own, or 128 + n after signal n. */
export function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
}

function cannotStart({ executable }: ChildCommand, cause: Error): TagsealError {
  return new TagsealError("ENGINE_NOT_FOUND", `cannot start ${executable}: ${cause.message}`, {
    cause,
    hint: "Check that the file is a container engine for this machine and may be executed.",
  });
}
