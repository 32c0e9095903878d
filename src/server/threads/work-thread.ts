/**
 * A thread for work that would keep all requests waiting. It starts with the first task, does one at a time, and ends when there has been
 * none for a while, which gives its memory back. Whatever becomes of it, every task ends: with its result, its error, or that of the thread.
 */

import { existsSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { carried, revived } from "./carried-error.ts";
import type { FromThread, Moved, Outcome, ToThread } from "./thread-messages.ts";

/** What a thread runs, and its bounds. */
export interface WorkThreadOptions {
  /** what it runs; see {@link threadFile} */
  readonly file: URL;
  /** its objects; a task that needs more ends the thread */
  readonly maxHeapMebibytes: number;
  /** a task that takes longer, without the time in which it waits for answers, ends the thread */
  readonly patienceMs: number;
  /** without a task for this long it ends */
  readonly idleMs?: number;
  /** the error of a task with which the thread ended */
  readonly onEnd: (end: ThreadEnd) => Error;
}

/** Why a thread ended in the middle of a task. */
export interface ThreadEnd {
  readonly reason: "memory" | "time" | "closed" | "crash";
  readonly cause?: unknown;
}

/** Answers what a task asks. */
export type Answer = (asked: unknown) => Promise<Moved<unknown>>;

interface Job<Task> {
  /** makes the task when its turn has come: its copies take no memory while it waits */
  readonly make: () => Moved<Task>;
  readonly answer: Answer;
  readonly result: PromiseWithResolvers<unknown>;
  /** errors of answers, by question: the task's own error may be one of them */
  readonly failures: Map<number, unknown>;
}

const defaultIdleMs = 3000;

/** The file of a thread: beside the module that starts it, and in a build beside the bundle. @param module its `import.meta.url` */
export function threadFile(module: string, name: string): URL {
  return new URL(module.endsWith(".ts") ? `./${name}.ts` : `./${name}.js`, module);
}

/** One thread at most, and the tasks that wait for it. */
export class WorkThread<Task> {
  /** Whether there is a file to start a thread from; the self-contained executable has none. */
  readonly isUsable: boolean;
  readonly #options: WorkThreadOptions;
  readonly #waiting: Job<Task>[] = [];
  #worker: Worker | undefined;
  #job: Job<Task> | undefined;
  #end: ThreadEnd["reason"] = "crash";
  #isReady = false;
  #timer: NodeJS.Timeout | undefined;
  #done = 0;
  #ended = 0;

  constructor(options: WorkThreadOptions) {
    this.#options = options;
    this.isUsable = existsSync(fileURLToPath(options.file));
  }

  /** Counts for the metrics: tasks done, and threads that ended in the middle of one. */
  get counts(): { readonly done: number; readonly ended: number } {
    return { done: this.#done, ended: this.#ended };
  }

  /** Has a task done. @param make called when the thread is free for it @returns its result, as it was posted */
  run(make: () => Moved<Task>, answer: Answer = noAnswer): Promise<unknown> {
    const result = Promise.withResolvers<unknown>();
    this.#waiting.push({ make, answer, result, failures: new Map() });
    this.#next();
    return result.promise;
  }

  /** Ends the thread. The task it has, and those that wait, end with an error. */
  async close(): Promise<void> {
    const unheard = this.#waiting.splice(0);
    for (const { result } of unheard) result.reject(this.#options.onEnd({ reason: "closed" }));
    await this.#terminate("closed");
  }

  #next(): void {
    if (this.#job !== undefined) return;
    const job = this.#waiting.shift();
    this.#job = job;
    if (job === undefined) {
      this.#worker?.unref();
      return this.#after(this.#options.idleMs ?? defaultIdleMs, "closed");
    }
    this.#worker ??= this.#start();
    this.#worker.ref();
    clearTimeout(this.#timer);
    if (this.#isReady) this.#awaitWork();
    try {
      const { value, memory } = job.make();
      this.#post({ task: value }, memory);
    } catch (error) {
      this.#job = undefined;
      job.result.reject(error);
      this.#next();
    }
  }

  #start(): Worker {
    const { file, maxHeapMebibytes: maxOldGenerationSizeMb } = this.#options;
    const name = basename(file.pathname).replace(/\.[jt]s$/u, "");
    const worker = new Worker(file, { name, env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb } });
    let cause: unknown;
    worker.on("message", (message: FromThread) => this.#hear(worker, message));
    worker.on("error", (error) => (cause = error));
    worker.on("exit", () => this.#exited(worker, cause));
    this.#end = "crash";
    this.#isReady = false;
    return worker;
  }

  #hear(worker: Worker, message: FromThread): void {
    const job = this.#job;
    // While a thread is being ended there is another reason than a crash. What it still says is too late: the next task must not go to it.
    if (worker !== this.#worker || this.#end !== "crash") return;
    if ("ready" in message) this.#isReady = true;
    if (job === undefined) return;
    if ("ready" in message) return this.#awaitWork();
    if ("question" in message) return void this.#reply(worker, job, message);
    this.#job = undefined;
    this.#done += 1;
    if ("value" in message) job.result.resolve(message.value);
    else job.result.reject(revived(message.error, job.failures));
    this.#next();
  }

  async #reply(worker: Worker, job: Job<Task>, asked: { readonly question: number; readonly asked: unknown }) {
    clearTimeout(this.#timer);
    const { question } = asked;
    const { outcome, memory } = await this.#outcome(job, asked);
    if (worker !== this.#worker || job !== this.#job) return;
    this.#awaitWork();
    this.#post({ question, ...outcome }, memory);
  }

  async #outcome(job: Job<Task>, { question, asked }: { readonly question: number; readonly asked: unknown }) {
    try {
      const { value, memory } = await job.answer(asked);
      return { outcome: { value } satisfies Outcome, memory };
    } catch (error) {
      job.failures.set(question, error);
      return { outcome: { error: carried(error) } satisfies Outcome, memory: [] };
    }
  }

  #post(message: ToThread<Task>, memory: readonly ArrayBuffer[]): void {
    this.#worker?.postMessage(message, [...new Set(memory)]);
  }

  #awaitWork(): void {
    this.#after(this.#options.patienceMs, "time");
  }

  #after(ms: number, reason: ThreadEnd["reason"]): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#terminate(reason), ms).unref();
  }

  async #terminate(reason: ThreadEnd["reason"]): Promise<void> {
    clearTimeout(this.#timer);
    this.#end = reason;
    const worker = this.#worker;
    // A task that comes meanwhile is not for a thread that ends.
    if (this.#job === undefined) this.#worker = undefined;
    await worker?.terminate();
  }

  /** The next task gets another thread. */
  #exited(worker: Worker, cause: unknown): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const job = this.#job;
    this.#job = undefined;
    const isMemory = cause instanceof Error && "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
    if (job !== undefined && this.#end !== "closed") this.#ended += 1;
    job?.result.reject(this.#options.onEnd({ reason: isMemory ? "memory" : this.#end, cause }));
    if (this.#waiting.length > 0) this.#next();
    else clearTimeout(this.#timer);
  }
}

function noAnswer(asked: unknown): Promise<Moved<unknown>> {
  return Promise.reject(new Error(`this task has nothing to ask: ${String(asked)}`));
}
