/** Runs a command on a pseudo terminal and answers its prompts, for what only happens when a person is there. */
import { fileURLToPath } from "node:url";
import { run, type RunOptions } from "./processes.ts";

/** When the text so far (after the previous answer) matches `when`, type `send`. `\u0003` is Ctrl-C, `\r` the Enter key. */
export interface PromptAnswer {
  readonly when: string;
  readonly send: string;
}

/** What the terminal showed: both streams together, `\r\n` line ends made `\n`. `code` is 128 + signal number after a signal. */
export interface TerminalSession {
  readonly code: number;
  readonly screen: string;
  /** answers never asked for */
  readonly unused: number;
}

const driver = fileURLToPath(new URL("pty-driver.py", import.meta.url));

/**
 * Runs `command` with a terminal on all three streams. `when` is a Python regular expression. Answers are given in order;
 * the session ends when the command does, or rejects after `timeoutMs` (default 30,000).
 */
export async function runOnTerminal(
  command: string,
  args: readonly string[],
  answers: readonly PromptAnswer[],
  options: RunOptions = {},
): Promise<TerminalSession> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const plan = JSON.stringify({ command: [command, ...args], answers, timeoutSeconds: timeoutMs / 1000 });
  const { code, stdout, stderr } = await run("python3", [driver], {
    ...options,
    input: plan,
    timeoutMs: timeoutMs + 5000,
  });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} on a terminal: ${stderr}`);
  return JSON.parse(stdout) as TerminalSession;
}
