/**
 * Checks whether one part of the process can do its work now, where only a try shows it: by a write, or a request to another process. A try may hang;
 * callers get an answer in time all the same, and only one try at a time waits.
 */

import { TagsealError } from "../errors.ts";
import { answeredWithin } from "./answered-within.ts";
import type { Fault, RunningProbe } from "./faults.ts";
import { Recurring } from "./recurring.ts";
import { errorFields } from "./log.ts";

/** Many load balancers give up after a second; a part that is silent for longer counts as not answering. */
export const probePatienceMs = 700;
/** A probe may write to a disk, so all callers share its outcome for a second. */
const validForMs = 1000;
/** When no caller asks for a probe: a fault has to show within a minute. */
const lookEveryMs = 20_000;

/** Tries one part of the process, at request and regularly, and remembers its fault. */
export class Probe implements RunningProbe {
  readonly #check: () => Promise<void>;
  readonly #patienceMs: number;
  readonly #looking: Recurring;
  #found: Fault | undefined;
  #foundAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<void> | undefined;
  #startedAt = 0;

  /**
   * @param check rejects when the part cannot do its work; must settle eventually, even if something hangs
   * @param patienceMs until a try that has not ended is a fault
   */
  constructor(check: () => Promise<void>, patienceMs = probePatienceMs) {
    this.#check = check;
    this.#patienceMs = patienceMs;
    const work = async (): Promise<number> => {
      await this.look();
      // This outcome is for the log only; a caller gets one no older than its own request, or than another caller's just before.
      this.#foundAt = Number.NEGATIVE_INFINITY;
      return lookEveryMs;
    };
    this.#looking = new Recurring({ work, onError: () => {}, retryMs: lookEveryMs });
  }

  /** The known fault, from memory. A try that takes too long is a fault before it ends. */
  get fault(): Fault | undefined {
    return this.#found ?? (this.#isLate ? silence : undefined);
  }

  /** {@link fault} after a try not older than a second, or its state so far. Never rejects; waits no longer than its patience. */
  async look(): Promise<Fault | undefined> {
    if (this.#underWay === undefined && performance.now() - this.#foundAt < validForMs) return this.#found;
    if (this.#underWay === undefined) {
      this.#startedAt = performance.now();
      this.#underWay = this.#try().finally(() => (this.#underWay = undefined));
    }
    const leftMs = this.#startedAt + this.#patienceMs - performance.now();
    // A late try is not an error here: the fault reports it.
    if (leftMs > 0) await answeredWithin(this.#underWay, leftMs, () => new Error("late")).catch(() => undefined);
    return this.fault;
  }

  /** Looks now, then regularly. */
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

/** The fault of a part that has not answered in time. */
export const silence: Fault = { reason: "does not answer" };

/** Clients see only the code of a failed probe. Messages name hosts, accounts and paths, and belong in the log. */
export function faultOf(error: unknown): Fault {
  return { reason: error instanceof TagsealError ? error.code : "INTERNAL", details: errorFields(error) };
}
