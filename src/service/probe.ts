/**
 * Looks whether one part of the process could do its work now, where that has to be tried out: something is written, something elsewhere is
 * asked. What is tried may hang; who wants to know is told in time all the same, and one try at a time waits.
 */

import { TagsealError } from "../errors.ts";
import { answeredWithin } from "./answered-within.ts";
import type { Fault } from "./faults.ts";
import { Recurring } from "./recurring.ts";
import { errorFields } from "./log.ts";

/** Many probers give up after a second: a part that is silent for longer does not answer. */
export const probePatienceMs = 700;
/** A probe may write to a disk, so its outcome is good for a second for all who ask. */
const validForMs = 1000;
/** Without anybody's probe; a fault has to show within a minute. */
const lookEveryMs = 20_000;

/** See the head of this file. */
export class Probe {
  readonly #check: () => Promise<void>;
  readonly #patienceMs: number;
  readonly #looking: Recurring;
  #found: Fault | undefined;
  #foundAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;
  #startedAt = 0;

  /**
   * @param check rejects when the part could not do its work; ends some time, whatever hangs
   * @param patienceMs until a try that has not ended is a fault
   */
  constructor(check: () => Promise<void>, patienceMs = probePatienceMs) {
    this.#check = check;
    this.#patienceMs = patienceMs;
    const work = async (): Promise<number> => {
      await this.look();
      // Its outcome is for the log; who asks gets one that was not found before they asked, or before somebody else did just now.
      this.#foundAt = Number.NEGATIVE_INFINITY;
      return lookEveryMs;
    };
    this.#looking = new Recurring({ work, onError: () => {}, retryMs: lookEveryMs });
  }

  /** What is known to be wrong, from memory. A try that takes too long is a fault before it ends. */
  get fault(): Fault | undefined {
    return this.#found ?? (this.#isLate ? silence : undefined);
  }

  /** {@link fault} after a try not older than a second, or what can be said of it so far. Never rejects; waits no longer than its patience. */
  async look(): Promise<Fault | undefined> {
    if (this.#underWay === undefined && performance.now() - this.#foundAt < validForMs) return this.#found;
    if (this.#underWay === undefined) {
      this.#startedAt = performance.now();
      this.#underWay = this.#try().finally(() => (this.#underWay = undefined));
    }
    const leftMs = this.#startedAt + this.#patienceMs - performance.now();
    // To be late is no error here: the fault says so.
    if (leftMs > 0) await answeredWithin(this.#underWay, leftMs, () => new Error("late")).catch(() => undefined);
    return this.fault;
  }

  /** Looks now, and again and again. */
  begin(): void {
    this.#looking.begin(0);
  }

  async stop(): Promise<void> {
    await this.#looking.stop();
  }

  get #isLate(): boolean {
    return this.#underWay !== undefined && performance.now() - this.#startedAt >= this.#patienceMs - 1;
  }

  async #try(): Promise<void> {
    let found: Fault | undefined;
    try {
      await this.#check();
    } catch (error) {
      found = faultOf(error);
    }
    this.#found = found;
    this.#foundAt = performance.now();
  }
}

/** What is said of a part that has not answered in time. */
export const silence: Fault = { reason: "does not answer" };

/** What strangers are told of a failed probe is the code. Messages name hosts, accounts and paths; they belong in the log. */
export function faultOf(error: unknown): Fault {
  return { reason: error instanceof TagsealError ? error.code : "INTERNAL", details: errorFields(error) };
}
