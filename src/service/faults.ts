/**
 * What is not well with a running process and needs a person: one register for log, metrics and readiness.
 *
 * A part of the process that can go wrong while it runs is watched here under a name. Its source says what is wrong as far as it knows
 * *now*: it answers from memory and waits for nothing, so that no probe ever does. What has to be looked for (a disk, a database, a clock)
 * is looked for beforehand by the part itself, in its time and with a bound.
 */

import type { Probe } from "./probe.ts";
import { Recurring } from "./recurring.ts";
import type { LogFields, ServerLog } from "./log.ts";

/** What is wrong with one part. */
export interface Fault {
  /** told to strangers who probe: a code, or a sentence that names no host, account or path */
  readonly reason: string;
  /** what the log says besides */
  readonly details?: LogFields | undefined;
  /** `warning` for what is going to hurt, `error` (default) for what hurts */
  readonly level?: "warning" | "error" | undefined;
}

/** Says what is wrong now, from memory; undefined when all is well. */
export type FaultSource = () => Fault | undefined;

const lookEveryMs = 5000;

/** See the head of this file. */
export class Faults {
  readonly #log: ServerLog;
  readonly #sources = new Map<string, FaultSource>();
  readonly #known = new Map<string, Fault>();
  readonly #probes: Pick<Probe, "begin" | "stop">[] = [];
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
   * @param probe what finds out for the source; begun and stopped with everything else
   */
  watch(part: string, source: FaultSource, probe?: Pick<Probe, "begin" | "stop">): void {
    this.#sources.set(part, source);
    if (probe !== undefined) this.#probes.push(probe);
  }

  /** The names of all parts that are watched. */
  get parts(): readonly string[] {
    return [...this.#sources.keys()];
  }

  /** What is wrong now, by part. What has begun or ended since the last look is written to the log. */
  current(): ReadonlyMap<string, Fault> {
    for (const [part, source] of this.#sources) this.#note(part, source());
    return new Map(this.#known);
  }

  /** What strangers are told, by part; empty when all is well. */
  reasons(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.current()].map(([part, { reason }]) => [part, reason]));
  }

  /**
   * Looks now, and again and again, so that the log and its readers know without anybody's probe.
   *
   * @param probing whether parts that have to be tried out are, too, without being asked
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
      // Once for as long as it lasts, and again when it gets worse: what was going to hurt does hurt now.
      const isWorse = known?.level === "warning" && level === "error";
      if (known === undefined || isWorse) this.#log.write(level, "fault", { part, reason, ...details });
    } else if (known !== undefined) {
      this.#known.delete(part);
      this.#log.write("info", "fault ended", { part });
    }
  }
}
