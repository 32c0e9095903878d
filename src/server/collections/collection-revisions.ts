/**
 * Checks with the store, for every request, whether the cached collection is still current.
 *
 * A request must see what any server published before it arrived. So it may use only a check that began after its arrival: requests that arrive
 * together share one. For any number of connections, at most two small checks are under way: while the store answers one, the answers based on the
 * other are sent.
 */

import { TagsealError } from "../../errors.ts";
import { answeredWithin } from "../../service/answered-within.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";

/** What is known of a collection: its revision, its absence, or nothing, because the store is unavailable. */
export type RevisionAnswer =
  | {
      readonly freshness: "current";
      readonly revision: string;
      /** the number of the check: the answer to an earlier one may arrive later, and is then ignored */
      readonly question: number;
      /** sha256 of the timestamp of this revision; undefined without one, and for a store that does not report it and reads only current files */
      readonly timestamp?: string | undefined;
    }
  | { readonly freshness: "absent" | "unknown" };

/** A check without an answer within this time counts as failed. */
const patienceMs = 4000;
/** How often an unavailable store is tried again. */
const retryMs = 250;
const maxUnderWay = 2;
/** No collection has this name. */
const noGun = "";

interface Question {
  /** added when a check begins */
  number: number;
  readonly guns: Set<string>;
  readonly answer: PromiseWithResolvers<ReadonlyMap<string, string> | undefined>;
}

/** Checks what is current with the store, sharing checks between requests. */
export class CollectionRevisions {
  readonly #store: MetadataStore;
  readonly #log: ServerLog | undefined;
  #next: Question | undefined;
  #underWay = 0;
  /** unknown before its first answer */
  #answersLater = false;
  /** of a store that answers at once: shared by all requests that arrived together, since even that costs several system calls */
  #ofThisTurn: RevisionAnswer | undefined;
  #lostAt: number | undefined;
  #lastError: unknown;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** the number of the check that decided whether the store is lost */
  #judgedBy = 0;
  #asked = 0;

  constructor(store: MetadataStore, log?: ServerLog) {
    this.#store = store;
    this.#log = log;
  }

  /** True for a store that other servers may change, which must be checked. Unknown before its first answer. */
  get isShared(): boolean {
    return this.#answersLater;
  }

  /** how many checks went to the store */
  get asked(): number {
    return this.#asked;
  }

  /** Why the store is unavailable; undefined while it is available. */
  get lostBecause(): unknown {
    return this.#lostAt === undefined ? undefined : this.#lastError;
  }

  /** True while the store is unavailable. */
  get isLost(): boolean {
    return this.#lostAt !== undefined;
  }

  /** What is current as of now. Never rejects, since "unknown" is an answer, too; throws the error of a store that answers at once. */
  of(gun: string): RevisionAnswer | Promise<RevisionAnswer> {
    if (this.#ofThisTurn !== undefined) return this.#ofThisTurn;
    // No request waits for a lost store. The return of the store is detected separately.
    return this.isLost ? { freshness: "unknown" } : this.#ask(gun);
  }

  /** Stops looking for the store. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #ask(gun: string): RevisionAnswer | Promise<RevisionAnswer> {
    if (this.#answersLater) return this.#answerTo(this.#enqueue(gun), gun);
    const found = this.#put([gun]);
    if (typeof found === "string") return this.#rememberForThisTurn(found);
    this.#answersLater = true;
    const question = newQuestion(gun);
    void this.#settle(question, found);
    return this.#answerTo(question, gun);
  }

  #rememberForThisTurn(revision: string): RevisionAnswer {
    setImmediate(() => (this.#ofThisTurn = undefined));
    return (this.#ofThisTurn = { freshness: "current", revision, question: this.#asked });
  }

  #enqueue(gun: string): Question {
    if (this.#next === undefined) {
      this.#next = newQuestion(gun);
      this.#askSoon();
    }
    this.#next.guns.add(gun);
    return this.#next;
  }

  async #answerTo(question: Question, gun: string): Promise<RevisionAnswer> {
    const found = await question.answer.promise;
    if (found === undefined) return { freshness: "unknown" };
    const revision = found.get(gun);
    if (revision === undefined) return { freshness: "absent" };
    const sha256 = revision.slice(revision.lastIndexOf(" ") + 1);
    const timestamp = sha256 === "null" ? undefined : sha256;
    return { freshness: "current", revision, question: question.number, timestamp };
  }

  async #settle(question: Question, found: Promise<ReadonlyMap<string, string>>): Promise<void> {
    this.#underWay += 1;
    question.number = this.#asked;
    try {
      question.answer.resolve(await answeredWithin(found, patienceMs, noAnswer));
      if (this.#isLatest(question)) this.#setFound();
    } catch (error) {
      // Whatever the error: the current state is unknown, and that is the answer.
      question.answer.resolve(undefined);
      if (this.#isLatest(question)) this.#setLost(error);
    }
    this.#underWay -= 1;
    this.#askSoon();
  }

  #askSoon(): void {
    if (this.#next !== undefined && this.#underWay < maxUnderWay) setImmediate(() => this.#askNext());
  }

  #askNext(): void {
    const next = this.#next;
    if (next === undefined || this.#underWay >= maxUnderWay) return;
    this.#next = undefined;
    const found = this.#put([...next.guns]);
    // A store that answers at once is never in the middle of an answer, so no request waits for it.
    if (typeof found !== "string") void this.#settle(next, found);
  }

  #put(guns: readonly string[]): string | Promise<ReadonlyMap<string, string>> {
    this.#asked += 1;
    return this.#store.revision(guns);
  }

  /** False for a check that ends after a later one did: a connection that broke long ago says nothing about the store now. */
  #isLatest({ number }: Question): boolean {
    if (number < this.#judgedBy) return false;
    this.#judgedBy = number;
    return true;
  }

  #setLost(error: unknown): void {
    this.#lastError = error;
    if (!this.isLost) {
      this.#lostAt = performance.now();
      this.#log?.write("error", "lost the store", errorFields(error));
    }
    // Requests that wait for a check not yet begun would wait as long again.
    this.#next?.answer.resolve(undefined);
    this.#next = undefined;
    this.#tryAgainSoon();
  }

  #tryAgainSoon(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#ask(noGun), retryMs).unref();
  }

  #setFound(): void {
    if (this.#lostAt === undefined) return;
    clearTimeout(this.#retry);
    const forMs = Math.round(performance.now() - this.#lostAt);
    this.#lostAt = undefined;
    this.#log?.write("info", "found the store again", { forMs });
  }
}

function newQuestion(gun: string): Question {
  return { number: 0, guns: new Set([gun]), answer: Promise.withResolvers() };
}

function noAnswer(): TagsealError {
  return new TagsealError("STORAGE_FAILED", `The store has not answered within ${patienceMs} ms`, {
    hint: "Check that the database runs and can be reached: it may hang.",
  });
}
