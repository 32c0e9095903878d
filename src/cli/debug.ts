/** `--debug`, `-D` and TAGSEAL_DEBUG: the requests as they happen, and where an error came from. */
import { leadingFlags } from "../engine/command-line/leading-flags.ts";
import { type HttpExchange, httpExchanges } from "../http/client/trace.ts";
import type { Io, Output } from "./io.ts";
import { printable } from "./output/printable.ts";

/** The variable that says what the flag says. */
export const debugVariable = "TAGSEAL_DEBUG";

/** Whether an environment asks for debug output: any value but nothing, `0` and `false`. */
export function isDebugging(env: Io["env"]): boolean {
  return !["", "0", "false"].includes(env[debugVariable] ?? "");
}

/** The same outside world, with the variable set where the flag stands before the command. */
export function withDebugFlag(argv: readonly string[], io: Io): Io {
  // Looking closer costs time, and the flag is rare.
  if (!argv.some((word) => /^-(?:[a-zA-Z]*D|-debug)/u.test(word))) return io;
  const flag = leadingFlags(argv).flags.findLast(({ name }) => name === "debug");
  return flag?.value === "true" ? { ...io, env: { ...io.env, [debugVariable]: "1" } } : io;
}

/**
 * Writes a line for each request that this process sends, without anything secret.
 *
 * @returns ends it
 */
export function traceRequests(output: Output): () => void {
  const listener = (message: unknown): void => output.write(`${line(message as HttpExchange)}\n`);
  httpExchanges.subscribe(listener);
  return () => {
    httpExchanges.unsubscribe(listener);
  };
}

function line({ method, url, ms, status, failure }: HttpExchange): string {
  return printable(`debug: ${method} ${url}: ${status ?? failure ?? "no answer"}, ${ms.toFixed(0)} ms`);
}
