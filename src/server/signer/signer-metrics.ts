/** The signer's metrics for Prometheus, listed in docs/server-signer.md. They contain no keys and no names of collections. */

import { setTimeout as pause } from "node:timers/promises";
import { addCertificates, addFaults } from "../../service/fault-metrics.ts";
import type { Faults } from "../../service/faults.ts";
import { MetricsPage, Summary } from "../../service/metrics.ts";
import { addProcessMetrics } from "../../service/process-metrics.ts";
import type { FileWatch } from "../../service/watching/file-watch.ts";
import { addBuildInfo, type Build } from "../../service/build-info.ts";
import type { KeyTable } from "./key-table.ts";

/** A call that was answered. */
export interface ObservedCall {
  /** without its service: `Sign` */
  readonly method: string;
  /** of gRPC: `OK`, `NOT_FOUND` */
  readonly code: string;
  readonly durationMs: number;
}

/** One request for a signature. */
export interface ObservedSignature {
  /** `unknown`, like the algorithm, when no key was found or its row does not name it */
  readonly role: string;
  readonly algorithm: string;
  readonly outcome: "made" | "failed";
}

/** The running parts, and their faults. */
export interface WatchedParts {
  readonly faults: Faults;
  readonly watch: FileWatch;
  readonly build: Build;
}

/** Collects observations and writes them out. */
export class SignerMetrics {
  readonly #page = new MetricsPage();
  readonly #table: Pick<KeyTable, "count" | "assignments">;
  /** by labels */
  readonly #calls = new Map<string, number>();
  readonly #signatures = new Map<string, number>();
  /** by method */
  readonly #durations = new Map<string, Summary>();
  readonly #patienceMs: number;
  #counting: Promise<readonly number[]> | undefined;
  #keys = Number.NaN;
  #pendingKeys = Number.NaN;

  /** @param patienceMs how long a scrape waits for the database */
  constructor(table: Pick<KeyTable, "count" | "assignments">, patienceMs = 700, watched?: WatchedParts) {
    this.#table = table;
    this.#patienceMs = patienceMs;
    this.#addCounts("tagseal_signer_calls_total", "Calls answered.", this.#calls);
    this.#addCounts("tagseal_signer_signatures_total", "Signatures asked for.", this.#signatures);
    const name = "tagseal_signer_call_duration_seconds";
    const lines = (): string[] =>
      [...this.#durations].flatMap(([method, summary]) => summary.lines(name, `method="${method}"`));
    this.#page.addSeries({ name, help: "How long calls took.", type: "summary", lines });
    const add = (what: string, help: string, value: () => number): void =>
      this.#page.addGauge({ name: `tagseal_signer_${what}`, help, type: "gauge", value });
    add("keys", "Keys that have signed, or were brought; NaN while the database cannot be asked.", () => this.#keys);
    add("pending_keys", "Keys that were promised and have not signed.", () => this.#pendingKeys);
    if (watched !== undefined) addWatched(this.#page, watched);
    addProcessMetrics(this.#page, "tagseal_signer");
  }

  observeCall({ method, code, durationMs }: ObservedCall): void {
    increment(this.#calls, `method="${method}",code="${code}"`);
    const summary = this.#durations.get(method) ?? new Summary();
    this.#durations.set(method, summary);
    summary.add(durationMs / 1000);
  }

  observeSignature({ role, algorithm, outcome }: ObservedSignature): void {
    increment(this.#signatures, `role="${role}",algorithm="${algorithm}",outcome="${outcome}"`);
  }

  /** The whole page. An unreachable database does not hide the rest. */
  async toText(): Promise<string> {
    // One query at a time, for any number of scrapes and however long it takes.
    this.#counting ??= this.#count().finally(() => (this.#counting = undefined));
    const tooLate = new AbortController();
    const unknown = pause<readonly number[]>(this.#patienceMs, [], { signal: tooLate.signal });
    [this.#keys = Number.NaN, this.#pendingKeys = Number.NaN] = await Promise.race([this.#counting, unknown]);
    tooLate.abort();
    unknown.catch(() => []); // no scrape waits for it any more
    return this.#page.toText();
  }

  #count(): Promise<readonly number[]> {
    const counts = [this.#table.count(), this.#table.assignments.countPending()];
    return Promise.all(counts.map((count) => count.catch(() => Number.NaN)));
  }

  #addCounts(name: string, help: string, counts: ReadonlyMap<string, number>): void {
    const lines = (): string[] => [...counts].map(([labels, count]) => `${name}{${labels}} ${count}`);
    this.#page.addSeries({ name, help, type: "counter", lines });
  }
}

function addWatched(page: MetricsPage, { faults, watch, build }: WatchedParts): void {
  addFaults(page, "tagseal_signer", faults);
  addCertificates(page, "tagseal_signer", watch);
  addBuildInfo(page, "tagseal_signer", build);
}

function increment(counts: Map<string, number>, labels: string): void {
  counts.set(labels, (counts.get(labels) ?? 0) + 1);
}
