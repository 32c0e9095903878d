/**
 * Changes collections: validates uploads, has the server's own roles signed, commits, and only then shows the result to readers. Work on one
 * collection is done one at a time; the store's compare-and-swap guards against other processes.
 */

import { hasCode } from "../../errors.ts";
import type { ServerKeys } from "../../tuf/server-signing.ts";
import type { StoredRoles } from "../../tuf/stored-roles.ts";
import { type RenewalLead, renewTimestamp } from "../../tuf/timestamp-renewal.ts";
import type { UpdateInput } from "../../tuf/update-validation.ts";
import type { ValidatedFile } from "../../tuf/validated-file.ts";
import type { ServerClock } from "../clock/server-clock.ts";
import type { CollectionReader, Reading } from "./collection-reader.ts";
import { checkUpload } from "../checking/checked-upload.ts";
import type { UploadChecks } from "../checking/upload-checks.ts";
import { versionsOf } from "./evidence.ts";
import type { Lifetimes } from "../freshness/lifetimes.ts";
import { KeyedLock } from "../../service/keyed-lock.ts";
import { OverdueRenewals } from "./overdue-renewals.ts";
import { RepositoryLimits } from "../limits/repository-limits.ts";
import { PublishedStates } from "./published-state.ts";
import type { LogFields, ServerLog } from "../../service/log.ts";
import type { SigningService } from "../signer/signing-service.ts";
import type { MetadataStore, NewPublication } from "../storage/metadata-store.ts";
import type { StoredFile } from "../storage/stored-file.ts";
import type { UsageLimit } from "../storage/usage-limit.ts";

/** What a publisher needs. */
export interface PublisherParts {
  readonly store: MetadataStore;
  readonly signer: SigningService;
  readonly reader: CollectionReader;
  readonly log: ServerLog;
  readonly now: () => Date;
  readonly lifetimes: Lifetimes;
  /** checks uploads, and is closed by its owner; they are checked on this thread when absent */
  readonly checks?: Pick<UploadChecks, "check">;
  /** limits on what is stored; none when absent */
  readonly limits?: RepositoryLimits | undefined;
  /** always trusted when absent */
  readonly clock?: Pick<ServerClock, "mayShorten" | "requireAgreement"> | undefined;
}

/** The files a client publishes. */
export type Upload = Pick<UpdateInput, "uploads" | "lost">;

/** Counts for the metrics. */
export interface PublisherCounts {
  published: number;
  conflicts: number;
  refused: number;
  /** because of a limit */
  limited: number;
  renewed: number;
}

/** Publishes, renews and deletes collections. */
export class Publications {
  readonly counts: PublisherCounts = { published: 0, conflicts: 0, refused: 0, limited: 0, renewed: 0 };
  readonly #parts: PublisherParts;
  readonly #lock = new KeyedLock();
  readonly #limits: RepositoryLimits;
  readonly #checks: Pick<UploadChecks, "check">;
  readonly #states = new PublishedStates();
  readonly #overdue: OverdueRenewals;
  #newestSignedAt: number | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? new RepositoryLimits();
    this.#checks = parts.checks ?? { check: checkUpload };
    this.#overdue = new OverdueRenewals(parts, (gun, lead) => this.renewAhead(gun, lead));
  }

  /**
   * Publishes files, with the snapshot and timestamp that the server makes.
   *
   * @param caller the caller, as fields of the log lines
   * @throws UpdateRefused `UPDATE_REFUSED` when a reader would refuse the result; TagsealError `SERVER_CLOCK_WRONG` when one might
   * @throws MetadataError when a stored file cannot be parsed
   * @throws TagsealError `STORAGE_CONFLICT`, `STORAGE_FAILED`, `LIMIT_REACHED`; nothing is published then
   */
  async publish(gun: string, { uploads, lost = [] }: Upload, caller: LogFields = {}): Promise<void> {
    try {
      this.#parts.clock?.requireAgreement();
      const { log } = this.#parts;
      const { files, evidence } = await this.#change(gun, async (context) => {
        const upload = { ...context, uploads, lost, wantsEvidence: log.writes("info") };
        const checked = await this.#checks.check(upload);
        return { ...checked, limits: await this.#limits.bindingOn(gun, context.stored, checked.files) };
      });
      this.counts.published += 1;
      log.write("info", "published", { gun, files: versionsOf(files), ...caller, ...evidence });
      if (lost.length > 0) log.write("warning", "lost versions came back", { gun, lost: versionsOf(lost), ...caller });
    } catch (error) {
      if (hasCode(error, "STORAGE_CONFLICT")) this.counts.conflicts += 1;
      else if (hasCode(error, "UPDATE_REFUSED")) this.counts.refused += 1;
      else if (hasCode(error, "LIMIT_REACHED")) this.counts.limited += 1;
      throw error;
    }
  }

  /** When the newest file of this process was signed, in milliseconds since 1970, by the clock at that time. */
  get newestSignedAt(): number | undefined {
    return this.#newestSignedAt;
  }

  /** What a reader gets now: what must be signed again first is, where that is possible. @throws TagsealError `STORAGE_FAILED` */
  async read(gun: string): Promise<Reading> {
    const { reader } = this.#parts;
    const reading = await reader.read(gun);
    if (!this.#overdue.isDue(reading)) return reading;
    if (await this.#overdue.renew(gun)) this.counts.renewed += 1;
    return reader.read(gun);
  }

  /**
   * Signs a timestamp again that is `ahead` of its end, or that lasts too long while the clock is trusted, and its snapshot likewise when the server
   * holds its key.
   *
   * @returns what was published; nothing when there is enough time, or when only the owner can sign
   * @throws TagsealError `STORAGE_CONFLICT` when another publication was faster, `STORAGE_FAILED`; UpdateRefused when the key is not held; MetadataError
   *   when a stored file cannot be parsed; the signer's errors
   */
  async renewAhead(gun: string, ahead: RenewalLead): Promise<readonly ValidatedFile[]> {
    const mayShorten = this.#parts.clock?.mayShorten ?? true;
    const bounds = mayShorten ? ahead : { ...ahead, longest: undefined };
    const { files } = await this.#change(gun, async (context) => ({
      files: await renewTimestamp({ ...context, ahead: bounds }),
    }));
    return files;
  }

  /** Deletes a collection. @throws TagsealError `STORAGE_FAILED` */
  async remove(gun: string, caller: LogFields = {}): Promise<void> {
    const { store, reader, log, now } = this.#parts;
    await this.#lock.hold(gun, async () => {
      try {
        await store.remove(gun, now());
      } finally {
        // Also when it failed: it may have been deleted all the same.
        reader.forget(gun);
        this.#states.forget(gun);
      }
    });
    log.write("info", "deleted", { gun, ...caller });
  }

  async #change<C extends ValidatedChange>(
    gun: string,
    validate: (context: ValidationContext) => Promise<C>,
  ): Promise<C> {
    const { store, now } = this.#parts;
    return this.#lock.hold(gun, async () => {
      // Read before anything else: if another process publishes from here on, the commit below detects it.
      const timestamp = await store.current(gun, "timestamp");
      const change = await validate(this.#contextOf(gun, timestamp));
      const { files, limits } = change;
      if (files.length > 0) await this.#commit({ gun, base: timestamp?.sha256, files, at: now(), limits });
      return change;
    });
  }

  #contextOf(gun: string, timestamp: StoredFile | undefined): ValidationContext {
    const { signer, now, lifetimes } = this.#parts;
    return {
      gun,
      stored: this.#storedAt(gun, timestamp),
      keys: { find: (keyId, role) => signer.find(gun, role, keyId) },
      now: now(),
      timestampLifetimeMs: lifetimes.timestampMs,
      snapshotLifetimeMs: lifetimes.snapshotMs,
    };
  }

  async #commit(publication: ValidatedPublication): Promise<void> {
    const { store, reader } = this.#parts;
    const { gun, base, files, at } = publication;
    try {
      await store.publish(publication);
    } catch (error) {
      // It may have been written all the same, and its publisher comes back to build on what is there.
      if (hasCode(error, "STORAGE_FAILED")) reader.outdate(gun);
      throw error;
    }
    this.#newestSignedAt = Math.max(this.#newestSignedAt ?? at.getTime(), at.getTime());
    reader.outdate(gun);
    this.#moveOn(gun, base, files);
    this.#overdue.settle(gun);
  }

  /** The files stored beside this timestamp, read from the store unless remembered. */
  #storedAt(gun: string, timestamp: StoredFile | undefined): StoredRoles {
    const { store } = this.#parts;
    if (timestamp === undefined) return { current: (role) => store.current(gun, role) };
    const state = this.#states.at(gun, timestamp.sha256);
    return {
      parse: (role, file) => state.parse(role, file),
      current: async (role) => {
        if (role === "timestamp") return timestamp;
        const known = state.file(role);
        if (known !== undefined) return known;
        const file = await store.current(gun, role);
        if (file !== undefined) state.remember(role, file);
        return file;
      },
    };
  }

  #moveOn(gun: string, base: string | undefined, files: readonly ValidatedFile[]): void {
    const timestamp = files.find(({ role }) => role === "timestamp");
    if (base === undefined || timestamp === undefined) return this.#states.forget(gun);
    this.#states.moveOn(gun, base, timestamp.sha256, new Map(files.map((file) => [file.role, file])));
  }
}

interface ValidatedPublication extends NewPublication {
  readonly files: readonly ValidatedFile[];
}

interface ValidatedChange {
  readonly files: readonly ValidatedFile[];
  /** none for the server's own renewals */
  readonly limits?: readonly UsageLimit[];
}

interface ValidationContext {
  readonly gun: string;
  readonly stored: StoredRoles;
  readonly keys: ServerKeys;
  readonly now: Date;
  readonly timestampLifetimeMs: number;
  readonly snapshotLifetimeMs: number;
}
