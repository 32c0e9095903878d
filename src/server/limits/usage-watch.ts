/** The metrics of limits: how much of each is used, counted every minute, since a scrape must not wait for a database. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { MetricsPage } from "../../service/metrics.ts";
import { Recurring } from "../../service/recurring.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import type { Usage } from "../storage/usage-limit.ts";
import type { RepositoryLimits } from "./repository-limits.ts";

/** What a watch needs. */
export interface UsageWatchParts {
  readonly store: Pick<MetadataStore, "usage">;
  readonly limits: RepositoryLimits;
  readonly log: ServerLog;
}

const countEveryMs = 60_000;

/** Counts the use of each limit. */
export class UsageWatch {
  readonly #parts: UsageWatchParts;
  readonly #counting: Recurring;
  #usages: ReadonlyMap<string, Usage> = new Map();

  constructor(parts: UsageWatchParts) {
    this.#parts = parts;
    const work = async (): Promise<number> => {
      await this.count();
      return countEveryMs;
    };
    // An unavailable store is already a fault; the last counts stay.
    const onError = (error: unknown): void => parts.log.write("debug", "usage not counted", errorFields(error));
    this.#counting = new Recurring({ work, onError, retryMs: countEveryMs });
  }

  begin(): void {
    this.#counting.begin(0);
  }

  async stop(): Promise<void> {
    await this.#counting.stop();
  }

  /** Counts the use of every limit. @throws TagsealError `STORAGE_FAILED` */
  async count(): Promise<void> {
    const { store, limits } = this.#parts;
    const counted = new Map<string, Usage>();
    for (const { prefix } of limits.all) {
      counted.set(prefix, await store.usage(prefix));
      // An SQLite store counts without yielding: requests run between two limits.
      await nextTurn();
    }
    this.#usages = counted;
  }

  /** Adds two numbers for each limit: the limit, and the last count of its use. */
  addTo(page: MetricsPage): void {
    const name = "tagseal_server_limit";
    const help = "What may be stored below a prefix: repositories or bytes.";
    page.addSeries({ name, help, type: "gauge", lines: () => this.#lines(name, (limit) => limit) });
    const used = `${name}_used`;
    const lines = (): readonly string[] => this.#lines(used, (_, usage) => usage);
    page.addSeries({ name: used, help: "How much of it is stored, counted every minute.", type: "gauge", lines });
  }

  #lines(name: string, value: (limit: number, used: number | undefined) => number | undefined): readonly string[] {
    const lines: string[] = [];
    for (const limit of this.#parts.limits.all) {
      for (const kind of ["repositories", "bytes"] as const) {
        const shown =
          limit[kind] === undefined ? undefined : value(limit[kind], this.#usages.get(limit.prefix)?.[kind]);
        const labels = `prefix="${escaped(limit.prefix)}",of="${kind}"`;
        if (shown !== undefined) lines.push(`${name}{${labels}} ${shown}`);
      }
    }
    return lines;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
