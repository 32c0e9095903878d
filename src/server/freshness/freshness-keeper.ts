/**
 * Signs timestamps again before they expire, and snapshots whose key the server holds, so that no reader waits for that.
 *
 * All collections are checked from time to time, in small batches; in between only those that are due. Several replicas on one store do this in
 * parallel: each picks a random moment within the lead, the first one signs, the others find it done. If two sign at once, the store's
 * compare-and-swap lets one of them win, and nothing is lost.
 */

import { hasCode, MetadataError } from "../../errors.ts";
import { encodeHex } from "../../encoding/hex.ts";
import { parseMetadata } from "../../tuf/notary-v1/parse.ts";
import type { RenewalLead } from "../../tuf/timestamp-renewal.ts";
import type { Publications } from "../collections/publications.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";
import { ExpiryWatch } from "./expiry-watch.ts";
import { maxReplicaSkewMs, shortenAt } from "./lifetimes.ts";

/** What a keeper works with. */
export interface KeeperParts {
  readonly store: MetadataStore;
  readonly publications: Pick<Publications, "renewAhead" | "newestSignedAt">;
  readonly log: ServerLog;
  readonly now: () => Date;
  readonly lead: RenewalLead;
  /** false while the clock is doubted: files that last too long must then stay unchanged */
  readonly mayShorten?: (() => boolean) | undefined;
  /** spreads the work of replicas and of collections published together; never decides about safety */
  readonly random?: () => number;
  /** how many collections are remembered; about 200 bytes each */
  readonly maxWatched?: number;
}

/** The state of renewals. */
export interface FreshnessStatus {
  readonly watched: number;
  /** until readers refuse the first collection, in milliseconds; undefined while there is none */
  readonly nextExpiryMs: number | undefined;
  /** collections past three quarters of their life that should have been signed again */
  readonly late: number;
  /** collections only their owners can renew, because the root or a certificate in it has expired */
  readonly owners: number;
  /** failed attempts since the last success */
  readonly failuresInARow: number;
  /** when the newest timestamp was signed, in milliseconds since 1970; undefined while there is none */
  readonly newestSignedAt: number | undefined;
}

/** Counts for the metrics. */
export interface KeeperCounts {
  renewed: number;
  failed: number;
}

/** Of one collection, all times in milliseconds since 1970. */
interface Expiry {
  readonly timestamp: number;
  readonly snapshot: number;
  /** the earlier one */
  readonly expiresAt: number;
  /** of the timestamp */
  readonly signedAt: number;
  readonly snapshotSignedAt: number | undefined;
}

const scanBatch = 100;
const renewalBatch = 50;
/** After this many failures in a row the cause is the signer or the store, not a collection: the rest can wait. */
const failuresBeforePause = 3;
const retryMs = 60_000;

/** Renews timestamps. Call one `step` after another; each is short. */
export class FreshnessKeeper {
  readonly counts: KeeperCounts = { renewed: 0, failed: 0 };
  readonly #parts: KeeperParts;
  readonly #random: () => number;
  readonly #watch: ExpiryWatch;
  #scannedAt = Number.NEGATIVE_INFINITY;
  /** the last name seen by the scan under way */
  #cursor: string | undefined;
  /** `newestSignedAt` of the publisher when the last scan began */
  #lookedForUntil: number | undefined;
  #failuresInARow = 0;
  #pausedUntil = 0;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#watch = new ExpiryWatch(parts.maxWatched ?? 50_000);
  }

  get lead(): RenewalLead {
    return this.#parts.lead;
  }

  /** Checks a batch of collections and signs what is due. @returns whether there is more to do at once @throws the store's errors */
  async step(): Promise<boolean> {
    const isScanning = await this.#scanOn();
    if (this.#now() < this.#pausedUntil) return isScanning;
    const due = this.#watch.due(this.#now(), renewalBatch, this.#parts.mayShorten?.() ?? true);
    for (const gun of due) {
      await this.#renew(gun);
      if (this.#failuresInARow >= failuresBeforePause) {
        this.#pausedUntil = this.#now() + this.#retryMs();
        return isScanning;
      }
    }
    return isScanning || due.length === renewalBatch || this.#now() >= this.#watch.knownUntil;
  }

  status(): FreshnessStatus {
    const now = this.#now();
    const status = { watched: this.#watch.size, late: 0, owners: 0, failuresInARow: this.#failuresInARow };
    let first = Number.POSITIVE_INFINITY;
    let newest = Number.NEGATIVE_INFINITY;
    for (const { expiresAt, isOwners, signedAt = newest } of this.#watch.values()) {
      newest = Math.max(newest, signedAt);
      if (isOwners) status.owners += 1;
      else {
        first = Math.min(first, expiresAt);
        if (expiresAt - now < this.#parts.lead.timestampMs / 2) status.late += 1;
      }
    }
    return {
      ...status,
      nextExpiryMs: Number.isFinite(first) ? first - now : undefined,
      newestSignedAt: Number.isFinite(newest) ? newest : undefined,
    };
  }

  /** The next part of a scan; begins one when the last is half a lead ago, or when the watch could not hold all that is due now. */
  async #scanOn(): Promise<boolean> {
    const now = this.#now();
    if (this.#cursor === undefined) {
      const isKnown =
        now < this.#watch.knownUntil && Math.abs(now - this.#scannedAt) < this.#parts.lead.timestampMs / 2;
      if (isKnown && !this.#hasSignedAhead(now)) return false;
      this.#lookedForUntil = this.#parts.publications.newestSignedAt;
      this.#watch.relearn();
      this.#cursor = "";
      this.#scannedAt = now;
    }
    const guns = await this.#parts.store.guns(this.#cursor, scanBatch);
    for (const gun of guns) await this.#learnOrSay(gun);
    this.#cursor = guns.length < scanBatch ? undefined : guns.at(-1);
    return this.#cursor !== undefined;
  }

  /** The clock was set back since something was published or signed for a reader, and that has not been handled yet. */
  #hasSignedAhead(now: number): boolean {
    const { newestSignedAt = now } = this.#parts.publications;
    return newestSignedAt > now + maxReplicaSkewMs && newestSignedAt !== this.#lookedForUntil;
  }

  /** One collection with damaged files must not stop the check of the others. */
  async #learnOrSay(gun: string): Promise<void> {
    try {
      await this.#learn(gun);
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      this.#watch.forget(gun);
      this.counts.failed += 1;
      this.#parts.log.write("error", "cannot read a stored timestamp", { gun, ...errorFields(error) });
    }
  }

  /** A collection whose renewal just failed keeps its turn, unless there was a publication meanwhile. */
  async #learn(gun: string): Promise<void> {
    const expiry = await this.#expiryOf(gun);
    if (expiry === undefined) return this.#watch.forget(gun);
    const { expiresAt, signedAt } = expiry;
    const known = this.#watch.get(gun);
    const isRetrying = known !== undefined && known.failures > 0 && known.expiresAt === expiresAt;
    if (isRetrying) return;
    const dueAt = this.#dueAt(expiry);
    this.#watch.set(gun, {
      expiresAt,
      signedAt,
      dueAt,
      shortenAt: this.#shortenAt(expiry),
      failures: 0,
      isOwners: false,
    });
  }

  async #renew(gun: string): Promise<void> {
    try {
      if (await this.#isRenewed(gun)) this.counts.renewed += 1;
      await this.#settle(gun);
      this.#failuresInARow = 0;
    } catch (error) {
      this.#fail(gun, error);
    }
  }

  async #isRenewed(gun: string): Promise<boolean> {
    try {
      return (await this.#parts.publications.renewAhead(gun, this.#parts.lead)).length > 0;
    } catch (error) {
      // A publisher or another replica was faster. Either way there is a new timestamp.
      if (hasCode(error, "STORAGE_CONFLICT")) return false;
      throw error;
    }
  }

  /** After a successful attempt: what is still due then must be signed by the owner. */
  async #settle(gun: string): Promise<void> {
    const expiry = await this.#expiryOf(gun);
    if (expiry === undefined) return this.#watch.forget(gun);
    const { lead } = this.#parts;
    const now = this.#now();
    const isOwnersSnapshot = expiry.snapshot - lead.snapshotMs < now;
    const relevant = isOwnersSnapshot ? { ...expiry, snapshot: Number.POSITIVE_INFINITY } : expiry;
    const isOwners = expiry.timestamp - lead.timestampMs < now;
    const expiresAt = Math.min(relevant.timestamp, relevant.snapshot);
    const dueAt = isOwners ? Number.MAX_SAFE_INTEGER : this.#dueAt(relevant);
    // What still lasts too long is not the server's to sign, or its root is not trusted: the next scan checks again.
    this.#watch.set(gun, { expiresAt, signedAt: expiry.signedAt, dueAt, failures: 0, isOwners });
  }

  #fail(gun: string, error: unknown): void {
    this.counts.failed += 1;
    this.#failuresInARow += 1;
    const known = this.#watch.get(gun);
    if (known === undefined) return;
    const failures = known.failures + 1;
    const dueAt = this.#now() + this.#retryMs() * Math.min(failures, 10);
    this.#watch.set(gun, { ...known, failures, dueAt });
    const secondsLeft = Math.round((known.expiresAt - this.#now()) / 1000);
    this.#parts.log.write("error", "cannot renew a timestamp in time", { gun, secondsLeft, ...errorFields(error) });
  }

  /** The expiry of both files; a missing snapshot has none. */
  async #expiryOf(gun: string): Promise<Expiry | undefined> {
    const { store } = this.#parts;
    const file = await store.current(gun, "timestamp");
    if (file === undefined) return undefined;
    const { meta, expiresAt } = parseMetadata("timestamp", file.bytes).body;
    const sha256 = meta.get("snapshot")?.hashes.get("sha256");
    const snapshot = sha256 && (await store.byChecksum(gun, "snapshot", encodeHex(sha256)));
    const snapshotExpiresAt = snapshot && parseMetadata("snapshot", snapshot.bytes).body.expiresAt;
    const ends = {
      timestamp: expiresAt.getTime(),
      snapshot: snapshotExpiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
    };
    return {
      ...ends,
      expiresAt: Math.min(ends.timestamp, ends.snapshot),
      signedAt: file.createdAt.getTime(),
      snapshotSignedAt: snapshot?.createdAt.getTime(),
    };
  }

  #shortenAt({ timestamp, signedAt, snapshot, snapshotSignedAt }: Expiry): number | undefined {
    const { lead } = this.#parts;
    const { longest } = lead;
    if (longest === undefined) return undefined;
    const now = this.#now();
    const waitMs = lead.timestampMs / 2;
    const moments = [
      shortenAt({ signedAt, expiresAt: timestamp }, now, longest.timestampMs, waitMs),
      snapshotSignedAt === undefined
        ? undefined
        : shortenAt({ signedAt: snapshotSignedAt, expiresAt: snapshot }, now, longest.snapshotMs, waitMs),
    ].filter((moment) => moment !== undefined);
    return moments.length === 0 ? undefined : Math.min(...moments);
  }

  /** Some moment in the first quarter of a file's lead. */
  #dueAt({ timestamp, snapshot }: Pick<Expiry, "timestamp" | "snapshot">): number {
    const { timestampMs, snapshotMs } = this.#parts.lead;
    const spread = this.#random() / 4;
    return Math.min(timestamp - timestampMs * (1 - spread), snapshot - snapshotMs * (1 - spread));
  }

  #retryMs(): number {
    return Math.min(retryMs, this.#parts.lead.timestampMs / 8);
  }

  #now(): number {
    return this.#parts.now().getTime();
  }
}
