/** Child processes of an engine that end by themselves: run one, show or keep what it prints. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { TagsealError, cancelled } from "../errors.ts";
import type { EngineRunOptions, EngineRunResult } from "./engine.ts";
import { exitStatus } from "./pass-through.ts";

/** How much of a child's output is kept; no expected answer is longer. */
const maxKeptBytes = 16 * 1024 * 1024;

/** A command to run. */
export interface EngineProcess {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a command to its end; never throws for its exit status.
 *
 * @throws TagsealError `ENGINE_NOT_FOUND` when it cannot be started, `CANCELLED`
 */
export async function runEngineProcess(command: EngineProcess, options: EngineRunOptions): Promise<EngineRunResult> {
  const { executable, args, env, signal } = command;
  throwIfAborted(signal);
  const { stdin = "inherit", capture = false, output = "stdout" } = options;
  const shown = output === "stderr" ? 2 : "inherit";
  const input = inputOf(stdin);
  const child = spawn(executable, args, {
    env,
    stdio: [input, capture ? "pipe" : shown, capture ? "pipe" : "inherit"],
  });
  if (typeof input === "number") closeSync(input);
  const stdout = kept(child.stdout);
  const stderr = kept(child.stderr);
  feed(child.stdin, stdin);
  const stop = (): void => void child.kill("SIGTERM");
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    child.once("error", (error) => reject(cannotStart(executable, error)));
    child.once("close", (code, name) => resolve(exitStatus(code, name)));
    const exitCode = await promise;
    throwIfAborted(signal);
    return { exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal);
}

/** A file is opened here and read by the child: a build context may be larger than memory. */
function inputOf(stdin: Exclude<EngineRunOptions["stdin"], undefined>): "inherit" | "ignore" | "pipe" | number {
  if (typeof stdin === "string") return stdin;
  return stdin instanceof Uint8Array ? "pipe" : openSync(stdin.file, "r");
}

function feed(stream: Writable | null, input: EngineRunOptions["stdin"]): void {
  if (stream === null || !(input instanceof Uint8Array)) return;
  stream.on("error", () => stream.destroy()); // a child may end without reading its input; its exit status shows the result
  stream.end(input);
}

function kept(stream: Readable | null): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream?.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= maxKeptBytes) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function cannotStart(executable: string, cause: Error): TagsealError {
  return new TagsealError("ENGINE_NOT_FOUND", `cannot start ${executable}: ${cause.message}`, { cause });
}
