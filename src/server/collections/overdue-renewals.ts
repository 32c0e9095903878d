/** Renewal for a waiting reader: what has expired, or lasts longer than it may, is signed again before it is served, where that is possible. */

import type { RenewalLead } from "../../tuf/timestamp-renewal.ts";
import type { ValidatedFile } from "../../tuf/validated-file.ts";
import { errorFields, type LogFields, type ServerLog } from "../../service/log.ts";
import type { ServerClock } from "../clock/server-clock.ts";
import { type Lifetimes, renewalLead, shortenAt } from "../freshness/lifetimes.ts";
import type { CollectionReader, Reading } from "./collection-reader.ts";

/** How often a failing renewal is tried again. */
const renewalRetryMs = 60_000;
/** How many failed renewals are remembered; beyond this the oldest may be tried again early. */
const maxFailedRenewals = 10_000;

/** What these renewals need. */
export interface OverdueRenewalParts {
  readonly reader: CollectionReader;
  readonly log: ServerLog;
  readonly now: () => Date;
  readonly lifetimes: Lifetimes;
  /** always trusted when absent */
  readonly clock?: Pick<ServerClock, "mayShorten"> | undefined;
}

/** Renews at a reader's request, and remembers for which collections that failed. */
export class OverdueRenewals {
  readonly #parts: OverdueRenewalParts;
  readonly #sign: (gun: string, lead: RenewalLead) => Promise<readonly ValidatedFile[]>;
  readonly #failed = new Map<string, number>();

  /** @param sign signs and publishes what is not ahead of its end by this lead; nothing when there is enough time, or only the owner can sign */
  constructor(parts: OverdueRenewalParts, sign: (gun: string, lead: RenewalLead) => Promise<readonly ValidatedFile[]>) {
    this.#parts = parts;
    this.#sign = sign;
  }

  /** Whether something must be signed again before a reader sees it: it has expired, or lasts longer than it may. */
  isDue(reading: Reading): boolean {
    if (reading.freshness !== "current") return false;
    const { expiresAt, timestamp } = reading.view;
    const { now, lifetimes, clock } = this.#parts;
    const at = now().getTime();
    if (expiresAt.getTime() <= at) return true;
    const life = { expiresAt: expiresAt.getTime(), signedAt: timestamp.createdAt.getTime() };
    const { timestampMs, longest } = renewalLead(lifetimes);
    const dueAt = shortenAt(life, at, longest.timestampMs, timestampMs / 2) ?? Number.POSITIVE_INFINITY;
    return dueAt <= at && (clock?.mayShorten ?? true);
  }

  /**
   * Signs an expired timestamp or snapshot (when the server holds its key) again, or one that lasts too long. A renewal that is not possible changes
   * nothing: readers then get expired files and refuse them.
   *
   * @returns true when it was signed
   */
  async renew(gun: string): Promise<boolean> {
    if (this.#failedRecently(gun)) return false;
    try {
      const lead = { timestampMs: 0, snapshotMs: 0, longest: renewalLead(this.#parts.lifetimes).longest };
      const files = await this.#sign(gun, lead);
      if (files.length > 0) this.#parts.log.write("info", "renewed an expired timestamp", { gun });
      else await this.#explainUnrenewed(gun);
      return files.length > 0;
    } catch (error) {
      this.#fail(gun, errorFields(error));
      return false;
    }
  }

  /** Call this after every publication: what failed before may be possible now. */
  settle(gun: string): void {
    this.#failed.delete(gun);
  }

  /** Nothing was signed: another reader's renewal came first, or readers would refuse a new timestamp. */
  async #explainUnrenewed(gun: string): Promise<void> {
    if (!this.isDue(await this.#parts.reader.read(gun))) return;
    this.#fail(gun, {
      error:
        "by this server's clock the root, a certificate in it, or a snapshot whose key is the owner's has expired or is not valid yet",
      clock: this.#parts.now().toISOString(),
    });
  }

  #failedRecently(gun: string): boolean {
    const failedAt = this.#failed.get(gun);
    return failedAt !== undefined && Math.abs(this.#parts.now().getTime() - failedAt) < renewalRetryMs;
  }

  #fail(gun: string, why: LogFields): void {
    this.#parts.log.write("error", "cannot renew an expired timestamp", { gun, ...why });
    const oldest = this.#failed.keys().next();
    if (this.#failed.size >= maxFailedRenewals && oldest.done !== true) this.#failed.delete(oldest.value);
    this.#failed.set(gun, this.#parts.now().getTime());
  }
}
