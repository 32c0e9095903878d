/**
 * Programs that do one small thing for Tagseal: a credential helper, a key helper, a command that prints a passphrase. Each is started here, without a
 * shell, sees none of Tagseal's secrets, prints no more than it may, and is stopped when it takes too long.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { childEnvironment, type ChildKind, type ChildProgram } from "./child-environment.ts";
import type { Environment } from "./environment.ts";
import { findProgram } from "./program-search.ts";

/** A program to start. */
export interface HelperProgram {
  /** name or path, and arguments. Secrets go to `input`: arguments are seen by all users of the machine */
  readonly command: readonly [string, ...string[]];
  /** decides, with `of`, what it sees of `env` */
  readonly kind: ChildKind;
  readonly of?: ChildProgram;
  readonly env: Environment;
  /** further variables, which hold no secret */
  readonly variables?: Readonly<Record<string, string>>;
  /** for its standard input, which is closed afterwards; nothing when absent */
  readonly input?: string;
  /** whether its standard error is the user's */
  readonly errors: "shown" | "dropped";
  readonly maxOutputBytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How it went. */
export type HelperOutcome =
  /** `exitCode` is the name of a signal when one ended it */
  | { readonly kind: "ended"; readonly exitCode: number | string; readonly output: Buffer }
  | { readonly kind: "not started"; readonly cause: unknown }
  | { readonly kind: "too slow" | "too much" | "cancelled" };

type Child = ChildProcessByStdio<Writable | null, Readable, null>;

/** Runs a program to its end. It never rejects: what went wrong is for the caller to word. */
export async function runHelperProgram(helper: HelperProgram): Promise<HelperOutcome> {
  const { signal, timeoutMs, maxOutputBytes } = helper;
  if (signal?.aborted === true) return { kind: "cancelled" };
  const { promise, resolve } = Promise.withResolvers<HelperOutcome>();
  const child = startOrExplain(helper);
  if ("cause" in child) return { kind: "not started", cause: child.cause };
  const stop = (kind: "too slow" | "too much" | "cancelled"): void => {
    child.kill("SIGKILL");
    // A child of the program may hold the pipe open for longer than the program lives.
    child.stdout.destroy();
    resolve({ kind });
  };
  const cancel = (): void => stop("cancelled");
  const timer = setTimeout(() => stop("too slow"), timeoutMs);
  signal?.addEventListener("abort", cancel, { once: true });
  const output = collect(child.stdout, maxOutputBytes, () => stop("too much"));
  child.once("error", (cause) => resolve({ kind: "not started", cause }));
  child.once("close", (code, name) => resolve({ kind: "ended", exitCode: code ?? name ?? -1, output: output() }));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

/** A word with a zero byte, for instance, is refused before anything starts. */
function startOrExplain(helper: HelperProgram): Child | { readonly cause: unknown } {
  const [program] = helper.command;
  const path = findProgram(program, helper.env);
  if (path === undefined) return { cause: Object.assign(new Error(`no ${program} in PATH`), { code: "ENOENT" }) };
  try {
    return start(path, helper);
  } catch (cause) {
    return { cause };
  }
}

function start(path: string, helper: HelperProgram): Child {
  const { kind, of, env, variables, input, errors } = helper;
  const [, ...args] = helper.command;
  const child = spawn(path, args, {
    env: { ...childEnvironment(env, kind, of), ...variables },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", errors === "shown" ? "inherit" : "ignore"],
    shell: false,
  }) as Child; // its standard output is a pipe, its standard error is none
  // A program that ends without reading breaks the pipe; its exit code shows the result.
  child.stdin?.once("error", () => child.stdin?.destroy());
  child.stdin?.end(input);
  return child;
}

function collect(stream: Readable, maxBytes: number, onExcess: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) onExcess();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}
