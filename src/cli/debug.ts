/** `--debug`, `-D` and TAGSEAL_DEBUG: show requests as they happen, and the origin of an error. */
import { leadingFlags } from "../engine/command-line/leading-flags.ts";
import { type HttpExchange, httpExchanges } from "../http/client/trace.ts";
import type { Io, Output } from "./io.ts";
import { printable } from "./output/printable.ts";

/** The variable with the same meaning as the flag. */
export const debugVariable = "TAGSEAL_DEBUG";

/** Whether an environment asks for debug output: any value but an empty one, `0` and `false`. */
export function isDebugging(env: Io["env"]): boolean {
  return !["", "0", "false"].includes(env[debugVariable] ?? "");
}

/** The same Io; the variable is set if the flag comes before the command. */
export function withDebugFlag(argv: readonly string[], io: Io): Io {
  // Parsing costs time, and the flag is rare.
  if (!argv.some((word) => /^-(?:[a-zA-Z]*D|-debug)/u.test(word))) return io;
  const flag = leadingFlags(argv).flags.findLast(({ name }) => name === "debug");
  return flag?.value === "true" ? { ...io, env: { ...io.env, [debugVariable]: "1" } } : io;
}

/**
 * Writes a line for each request that this process sends, without secrets.
 *
 * @returns a function that ends it
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
