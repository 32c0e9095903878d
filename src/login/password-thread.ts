/**
 * Compares passwords in a separate thread: bcrypt is slow on purpose, and all other requests would wait. The caller bounds how many comparisons wait
 * here. Where no thread can be started (the self-contained executable has no file to start one from), and after one has died, passwords
 * are compared here.
 */

import { Worker } from "node:worker_threads";
import type { ComparePassword } from "./password-check.ts";

/** A request to the thread. */
export interface Comparison {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

/** The thread's answer. */
export interface ComparisonResult {
  readonly id: number;
  readonly matches: boolean;
}

/** An unanswered question. */
interface Waiting {
  readonly comparison: Comparison;
  readonly resolve: (matches: boolean | Promise<boolean>) => void;
}

/** The thread that compares passwords. It starts with the first password and does not keep the process alive. */
export class PasswordThread {
  readonly #compareHere: ComparePassword;
  readonly #onFailure: (error: unknown) => void;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #isUsable = true;
  #lastId = 0;

  /**
   * @param compareHere compares in the calling thread, when there is no other
   * @param onFailure called when the thread has failed
   */
  constructor(compareHere: ComparePassword, onFailure: (error: unknown) => void = () => {}) {
    this.#compareHere = compareHere;
    this.#onFailure = onFailure;
  }

  /** Whether passwords are compared in a thread now, or would be. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** Answers whether a password belongs to a bcrypt hash. */
  compare(password: string, hash: string): Promise<boolean> {
    const worker = this.#isUsable ? (this.#worker ??= this.#start()) : undefined;
    if (worker === undefined) return this.#compareHere(password, hash);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const comparison: Comparison = { id: (this.#lastId += 1), password, hash };
    this.#waiting.set(comparison.id, { comparison, resolve });
    worker.postMessage(comparison, []);
    return promise;
  }

  /** Ends the thread. Pending and later comparisons run in the calling thread. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#giveUp();
    await worker?.terminate();
  }

  #start(): Worker | undefined {
    try {
      // beside this file, and in a build beside the bundle that holds it
      const file = import.meta.url.endsWith(".ts") ? "./password-worker.ts" : "./password-worker.js";
      const worker = new Worker(new URL(file, import.meta.url), { name: "passwords", env: {}, execArgv: [] });
      worker.on("message", ({ id, matches }: ComparisonResult) => {
        this.#waiting.get(id)?.resolve(matches);
        this.#waiting.delete(id);
      });
      worker.on("error", (error) => {
        this.#onFailure(error);
        this.#giveUp();
      });
      worker.on("exit", () => this.#giveUp());
      worker.unref();
      return worker;
    } catch {
      // Slower for other requests, with the same result.
      this.#isUsable = false;
      return undefined;
    }
  }

  #giveUp(): void {
    this.#isUsable = false;
    this.#worker = undefined;
    const unanswered = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { comparison, resolve } of unanswered) resolve(this.#compareHere(comparison.password, comparison.hash));
  }
}
