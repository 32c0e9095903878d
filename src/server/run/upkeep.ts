/** The recurring work of a server: it keeps timestamps fresh and removes old versions. */

import type { ServerClock } from "../clock/server-clock.ts";
import type { Fault } from "../../service/faults.ts";
import type { FreshnessKeeper } from "../freshness/freshness-keeper.ts";
import { Recurring } from "../../service/recurring.ts";
import { pruneVersions, type PruneReport } from "../retention/prune-versions.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";

/** What upkeep needs. */
export interface UpkeepParts {
  readonly keeper: FreshnessKeeper;
  readonly store: MetadataStore;
  readonly log: ServerLog;
  readonly now: () => Date;
  /** milliseconds that old versions are kept */
  readonly keepVersionsMs: number;
  /** nothing is removed for its age while the clock is not certain; always certain when absent */
  readonly clock?: Pick<ServerClock, "isCertain"> | undefined;
}

/** Sums over the life of the process. */
export interface UpkeepCounts {
  prunes: number;
  forgottenVersions: number;
  forgottenBytes: number;
  forgottenDeletions: number;
  /** not a sum: how many there were at the last check */
  keptDeletions: number;
}

const minCheckMs = 20;
const maxCheckMs = 10_000;
const pruneEveryMs = 86_400_000;
/** A server that is restarted often should still prune; one that was just started has more urgent work. */
const firstPruneAfterMs = 60_000;
/** The pause between two batches, so that requests come first. */
const yieldIntervalMs = 20;

/** All recurring work, from `begin` to `stop`. */
export class Upkeep {
  readonly counts: UpkeepCounts = {
    prunes: 0,
    forgottenVersions: 0,
    forgottenBytes: 0,
    forgottenDeletions: 0,
    keptDeletions: 0,
  };
  readonly #parts: UpkeepParts;
  readonly #stopping = new AbortController();
  readonly #freshness: Recurring;
  readonly #pruning: Recurring;
  readonly #checkEveryMs: number;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#checkEveryMs = Math.max(minCheckMs, Math.min(maxCheckMs, parts.keeper.lead.timestampMs / 50));
    const onError = (error: unknown): void => parts.log.write("error", "upkeep failed", errorFields(error));
    const retryMs = 5 * this.#checkEveryMs;
    this.#freshness = new Recurring({ work: () => this.#keepFresh(), retryMs, onError });
    this.#pruning = new Recurring({ work: () => this.#prune(), retryMs: pruneEveryMs / 24, onError });
  }

  begin(): void {
    this.#freshness.begin(0);
    this.#pruning.begin(jittered(firstPruneAfterMs));
  }

  /** What keeps timestamps from being signed again in time. */
  get fault(): Fault | undefined {
    const { late, failuresInARow, nextExpiryMs } = this.#parts.keeper.status();
    const seconds = Math.round((nextExpiryMs ?? 0) / 1000);
    if (late > 0)
      return { reason: `${late} timestamps should have been signed again; the first expires in ${seconds} s` };
    if (failuresInARow > 0) return { reason: `timestamps cannot be signed again; the first expires in ${seconds} s` };
    return this.#isStalled ? { reason: "the renewal of timestamps has stalled" } : undefined;
  }

  /** True when there was no check for so long that something must hang. */
  get #isStalled(): boolean {
    return (this.#freshness.idleMs ?? 0) > 60_000 + 20 * this.#checkEveryMs;
  }

  /** Resolves when nothing is under way: the store may then be closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#freshness.stop(), this.#pruning.stop()]);
  }

  async #keepFresh(): Promise<number> {
    const { keeper, log } = this.#parts;
    const before = keeper.counts.renewed;
    const isMoreToDo = await keeper.step();
    const renewed = keeper.counts.renewed - before;
    if (renewed > 0) log.write("info", "renewed timestamps", { count: renewed });
    return isMoreToDo ? yieldIntervalMs : jittered(this.#checkEveryMs);
  }

  async #prune(): Promise<number> {
    const { store, now, keepVersionsMs: keepMs, log, clock } = this.#parts;
    if (clock?.isCertain !== false) await this.#forgetProposals();
    if (!Number.isFinite(keepMs)) return jittered(pruneEveryMs);
    if (clock?.isCertain === false) {
      log.write("warning", "old versions are kept: the clock is doubted");
      return pruneEveryMs / 24;
    }
    const onFailure = (gun: string, error: unknown): void =>
      log.write("error", "cannot prune a collection", { gun, ...errorFields(error) });
    this.#count(await pruneVersions({ store, now: now(), keepMs, onFailure, signal: this.#stopping.signal }));
    return jittered(pruneEveryMs);
  }

  async #forgetProposals(): Promise<void> {
    const { store, now, log } = this.#parts;
    const count = await store.proposals.forgetExpired(now());
    if (count > 0) log.write("info", "forgot proposals that ended", { count });
  }

  #count(report: PruneReport): void {
    const { forgottenVersions, forgottenBytes, forgottenDeletions, keptDeletions, collections } = report;
    this.counts.prunes += 1;
    this.counts.forgottenVersions += forgottenVersions;
    this.counts.forgottenBytes += forgottenBytes;
    this.counts.forgottenDeletions += forgottenDeletions;
    this.counts.keptDeletions = keptDeletions;
    const counts = { collections, forgottenVersions, forgottenBytes, forgottenDeletions };
    this.#parts.log.write("info", "pruned old versions", counts);
  }
}

/** Spreads the work of replicas that were started together. */
function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
