/**
 * Whether this machine's clock can be believed, and by which clock the server signs.
 *
 * What a server signs with a wrong clock expires too late, so that readers do not notice old files, or too early, so that readers are locked out.
 * There are two witnesses: the database, whose clock all replicas can read, and what was signed before. Both show as a fault.
 * See docs/decisions/0022-a-clock-that-is-wrong.md.
 */

import { TagsealError } from "../../errors.ts";
import type { Fault } from "../../service/faults.ts";
import { Recurring } from "../../service/recurring.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { compareClocks, type ClockComparison } from "./clock-comparison.ts";

/** What a clock is watched with. */
export interface ServerClockParts {
  /** its `time` is the witness; without one, its newest change shows when something was last signed */
  readonly store: Pick<MetadataStore, "time" | "changes">;
  readonly now: () => Date;
  readonly log: ServerLog;
  readonly timestampLifetimeMs: number;
  /** when the newest current timestamp was signed, in milliseconds since 1970; undefined while there is none */
  readonly newestSignedAt: () => number | undefined;
  /** 5,000 when absent */
  readonly lookEveryMs?: number | undefined;
}

/** A smaller difference between the clocks is not reported. */
const silentMs = 5000;
const defaultLookEveryMs = 5000;
/** A clock that was set back, or that starts behind what was signed, is believed after it has run steadily for this long. */
const settleMs = 6000;
/** A clock that was set forward may be wrong: the time it showed before is still used for this long. */
const adoptMs = 600_000;

/** A clock that starts far ahead of the last signature may be wrong: nothing is removed for this long, so that an operator can notice. */
const doubtAfterGapMs = 86_400_000;

/** The clock a server signs by, compared with its witnesses. Before it begins to watch, it believes the machine. */
export class ServerClock {
  readonly #parts: ServerClockParts;
  readonly #toleranceMs: number;
  readonly #looking: Recurring;
  readonly #lookEveryMs: number;
  #hasLookedForGap = false;
  #hasGap = false;
  #beganAt: number | undefined;
  /** Wall clock minus monotonic clock: at the start, when last read, and when the database last agreed. */
  #believedOffset = 0;
  #offset = 0;
  #agreedOffset: number | undefined;
  #setAt = Number.NEGATIVE_INFINITY;
  /** since when a signature from the future is known */
  #aheadSince: number | undefined;
  #comparison: ClockComparison | undefined;

  constructor(parts: ServerClockParts) {
    this.#parts = parts;
    this.#toleranceMs = Math.min(30_000, parts.timestampLifetimeMs / 10);
    this.#lookEveryMs = parts.lookEveryMs ?? defaultLookEveryMs;
    const onError = (error: unknown): void =>
      parts.log.write("warning", "cannot read the database's clock", errorFields(error));
    this.#looking = new Recurring({ work: () => this.#look(), retryMs: this.#lookEveryMs, onError });
  }

  begin(): void {
    this.#beganAt = performance.now();
    this.#offset = this.#believedOffset = this.#offsetNow();
    this.#looking.begin(0);
  }

  async stop(): Promise<void> {
    await this.#looking.stop();
  }

  /**
   * The time to judge and to sign by. While this machine and its database disagree and either may be right, it is the earlier of the two: nothing
   * then expires too late, and what both require is signed.
   */
  signingTime(): Date {
    const now = this.#parts.now();
    const database = this.#comparison?.databaseNow();
    return database !== undefined && this.#isDoubted ? new Date(Math.min(now.getTime(), database)) : now;
  }

  /** Whether a file that expires too late may be replaced by one that expires sooner: a clock that is behind would lock readers out. */
  get mayShorten(): boolean {
    if (this.#beganAt === undefined) return true;
    if (this.#parts.store.time !== undefined) return this.#comparison !== undefined && !this.#isDoubted;
    return this.#isSteady();
  }

  /** True while no witness contradicts this clock: what is removed for its age is really that old. */
  get isCertain(): boolean {
    const isYoung = performance.now() - (this.#beganAt ?? Number.NEGATIVE_INFINITY) < doubtAfterGapMs;
    return this.fault === undefined && this.mayShorten && !(this.#hasGap && isYoung);
  }

  /**
   * Call this before publishing.
   *
   * @throws TagsealError `SERVER_CLOCK_WRONG` when the clocks differ so much that readers might refuse what would be signed
   */
  requireAgreement(): void {
    const skewMs = this.#skewMs;
    if (skewMs === undefined || Math.abs(skewMs) <= this.#parts.timestampLifetimeMs / 4 || !this.#isDoubted) return;
    throw new TagsealError("SERVER_CLOCK_WRONG", this.#disagreement(skewMs), {
      hint: "Set the clocks of the server and of its database right, with NTP for example.",
    });
  }

  /** How many seconds this clock is ahead of its witness, negative when it is behind; 0 when no witness contradicts it. */
  get skewSeconds(): number {
    return (this.#skewMs ?? -(this.#signedAheadMs ?? 0)) / 1000;
  }

  /** What is wrong with the clock. */
  get fault(): Fault | undefined {
    const { uncertaintyMs = 0 } = this.#comparison ?? {};
    const skewMs = this.#skewMs ?? 0;
    const seconds = Math.round(this.skewSeconds);
    if (Math.abs(skewMs) - uncertaintyMs > silentMs)
      return {
        reason: this.#disagreement(skewMs),
        details: { seconds },
        level: Math.abs(skewMs) > this.#toleranceMs ? "error" : "warning",
      };
    const signedAt = this.#parts.newestSignedAt();
    if (signedAt === undefined || this.#signedAheadMs === undefined) return undefined;
    const reason = `this server's clock says ${this.#parts.now().toISOString()}, but a timestamp was signed at ${new Date(signedAt).toISOString()}: the clock is behind, or was ahead then`;
    return { reason, details: { seconds } };
  }

  /** How far in the future something was signed; undefined when nothing was. */
  get #signedAheadMs(): number | undefined {
    const aheadMs = (this.#parts.newestSignedAt() ?? Number.NEGATIVE_INFINITY) - this.#parts.now().getTime();
    return aheadMs > silentMs ? aheadMs : undefined;
  }

  /** The difference now, not when they were compared: a clock that was set since then shows at once. */
  get #skewMs(): number | undefined {
    const database = this.#comparison?.databaseNow();
    return database === undefined ? undefined : this.#parts.now().getTime() - database;
  }

  /** The clocks disagree, and this one was set since they last agreed, or they never agreed: it may be the wrong one. */
  get #isDoubted(): boolean {
    if (Math.abs(this.#skewMs ?? 0) <= this.#toleranceMs) return false;
    const agreed = this.#agreedOffset;
    return agreed === undefined || Math.abs(this.#offsetNow() - agreed) > this.#toleranceMs;
  }

  #disagreement(skewMs: number): string {
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    const own = this.#parts.now();
    const database = new Date(own.getTime() - skewMs);
    const which = skewMs > 0 ? "ahead of" : "behind";
    return `this server's clock says ${own.toISOString()}, but its database's says ${database.toISOString()}: ${seconds} s ${which} it`;
  }

  async #look(): Promise<number> {
    this.#noteSetting();
    const { store } = this.#parts;
    if (store.time === undefined) {
      await this.#lookForGap();
      return this.#lookEveryMs;
    }
    this.#comparison = await compareClocks(async () => await store.time?.());
    if (Math.abs(this.#skewMs ?? 0) <= this.#toleranceMs) this.#agreedOffset = this.#offsetNow();
    return this.#lookEveryMs;
  }

  /** A running server signs something at least once in the lifetime of a timestamp. */
  async #lookForGap(): Promise<void> {
    if (this.#hasLookedForGap) return;
    const [last] = await this.#parts.store.changes({ from: 0, limit: 1, backwards: true });
    this.#hasLookedForGap = true;
    const gapMs = this.#parts.now().getTime() - (last?.createdAt.getTime() ?? Number.POSITIVE_INFINITY);
    this.#hasGap = gapMs > 2 * this.#parts.timestampLifetimeMs;
    if (!this.#hasGap) return;
    const days = Math.round(gapMs / 8_640_000) / 10;
    this.#parts.log.write("warning", "nothing was signed for long: the server was stopped, or its clock is ahead", {
      days,
    });
  }

  /** A clock that was set back is not believed at once; one that returns to where it was believed, after running ahead for a while, is. */
  #isSteady(): boolean {
    this.#noteSetting();
    const at = performance.now();
    // A contradiction is shown for a while before the file is replaced: an operator may know which clock is right.
    if (this.#signedAheadMs === undefined) this.#aheadSince = undefined;
    else if (at - (this.#aheadSince ??= at) < settleMs) return false;
    const isSetBack = this.#believedOffset - this.#offset > this.#toleranceMs;
    const steadyMs = at - this.#setAt;
    if (isSetBack && steadyMs < settleMs) return false;
    if (isSetBack || steadyMs > adoptMs) this.#believedOffset = this.#offset;
    return true;
  }

  #noteSetting(): void {
    const offset = this.#offsetNow();
    const changeMs = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(changeMs) <= this.#toleranceMs) return;
    this.#setAt = performance.now();
    this.#parts.log.write("warning", "the clock was set", { seconds: Math.round(changeMs / 1000) });
  }

  #offsetNow(): number {
    return this.#parts.now().getTime() - performance.now();
  }
}
