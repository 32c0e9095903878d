/**
 * The faults of a running process that need an operator: one register for log, metrics and readiness.
 *
 * A part of the process that can go wrong while it runs is watched here under a name. Its source returns what it knows to be wrong *now*: it answers
 * from memory and waits for nothing, so that no probe ever waits. Checks that take time (a disk, a database, a clock) run beforehand in the part
 * itself, with a bound.
 */

import { Recurring } from "./recurring.ts";
import type { LogFields, ServerLog } from "./log.ts";

/** What is wrong with one part. */
export interface Fault {
  /** public, for anonymous probes: a code, or a sentence that names no host, account or path */
  readonly reason: string;
  /** further fields for the log */
  readonly details?: LogFields | undefined;
  /** `warning` before there is harm, `error` (default) when there is */
  readonly level?: "warning" | "error" | undefined;
}

/** Returns what is wrong now, from memory; undefined without a fault. */
export type FaultSource = () => Fault | undefined;

/** A source of faults that tests a part itself: started and stopped with the register. `probe.ts` implements it. */
export interface RunningProbe {
  /** tries now and at intervals */
  begin(): void;
  stop(): Promise<void>;
}

const lookEveryMs = 5000;

/** The register of faults: by part, what is wrong now, for log, metrics and readiness. */
export class Faults {
  readonly #log: ServerLog;
  readonly #sources = new Map<string, FaultSource>();
  readonly #known = new Map<string, Fault>();
  readonly #probes: RunningProbe[] = [];
  readonly #looking: Recurring;

  constructor(log: ServerLog) {
    this.#log = log;
    const work = async (): Promise<number> => {
      this.current();
      return lookEveryMs;
    };
    const onError = (error: unknown): void =>
      log.write("error", "faults cannot be looked for", { error: String(error) });
    this.#looking = new Recurring({ work, onError, retryMs: lookEveryMs });
  }

  /**
   * Watches one more part, by a short lower-case name that stays the same from release to release.
   *
   * @param probe the probe that supplies the source; started and stopped with the register
   */
  watch(part: string, source: FaultSource, probe?: RunningProbe): void {
    this.#sources.set(part, source);
    if (probe !== undefined) this.#probes.push(probe);
  }

  /** The names of all parts that are watched. */
  get parts(): readonly string[] {
    return [...this.#sources.keys()];
  }

  /** What is wrong now, by part. Faults that began or ended since the last call are written to the log. */
  current(): ReadonlyMap<string, Fault> {
    for (const [part, source] of this.#sources) this.#note(part, source());
    return new Map(this.#known);
  }

  /** The public reasons, by part; empty without faults. */
  reasons(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.current()].map(([part, { reason }]) => [part, reason]));
  }

  /**
   * Checks now and at intervals, so that the log shows faults without a probe from outside.
   *
   * @param probing whether probes run, too, without being requested
   */
  begin({ probing = true }: { readonly probing?: boolean } = {}): void {
    this.current();
    this.#looking.begin(lookEveryMs);
    if (probing) for (const probe of this.#probes) probe.begin();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#looking, ...this.#probes].map((looking) => looking.stop()));
  }

  #note(part: string, fault: Fault | undefined): void {
    const known = this.#known.get(part);
    if (fault !== undefined) {
      this.#known.set(part, fault);
      const { reason, details, level = "error" } = fault;
      // Logged once while it lasts, and again when it gets worse: a warning that has become an error.
      const isWorse = known?.level === "warning" && level === "error";
      if (known === undefined || isWorse) this.#log.write(level, "fault", { part, reason, ...details });
    } else if (known !== undefined) {
      this.#known.delete(part);
      this.#log.write("info", "fault ended", { part });
    }
  }
}
