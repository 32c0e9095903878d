/**
 * Asks the store, on behalf of every request, whether what is cached of a collection is still current.
 *
 * A request must see what was published before it came, by whatever server. So it may use the answer to a question that was asked
 * after it came, and no earlier one: requests that arrive together share one. However many connections there are, no more than two small
 * questions at a time go to the store: while it answers the one, answers that rest on the other are sent.
 */

import { TagsealError } from "../../errors.ts";
import { answeredWithin } from "../../service/answered-within.ts";
import { errorFields, type ServerLog } from "../../service/log.ts";
import type { MetadataStore } from "../storage/metadata-store.ts";

/** What is known of a collection: its revision, that there is no such collection, or nothing, since the store cannot be asked. */
export type RevisionAnswer =
  | {
      readonly freshness: "current";
      readonly revision: string;
      /** the number of the question: the answer to an earlier one may arrive later, and says nothing then */
      readonly question: number;
      /** sha256 of the timestamp of this revision; undefined where there is none, and where the store says nothing of it and reads only what is current */
      readonly timestamp?: string | undefined;
    }
  | { readonly freshness: "absent" | "unknown" };

/** A question that is not answered within this is taken for one that never will be. */
const patienceMs = 4000;
/** While the store cannot be asked it is tried again so often. */
const retryMs = 250;
const maxUnderWay = 2;
/** No collection has this name. */
const noGun = "";

interface Question {
  /** given when it is asked */
  number: number;
  readonly guns: Set<string>;
  readonly answer: PromiseWithResolvers<ReadonlyMap<string, string> | undefined>;
}

/** See the head of this file. */
export class CollectionRevisions {
  readonly #store: MetadataStore;
  readonly #log: ServerLog | undefined;
  #next: Question | undefined;
  #underWay = 0;
  /** not known before its first answer */
  #answersLater = false;
  /** of a store that answers at once: good for all requests that arrived together, since even that costs several system calls */
  #ofThisTurn: RevisionAnswer | undefined;
  #lostAt: number | undefined;
  #lastError: unknown;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** the number of the question that told whether the store is lost */
  #judgedBy = 0;
  #asked = 0;

  constructor(store: MetadataStore, log?: ServerLog) {
    this.#store = store;
    this.#log = log;
  }

  /** True for a store that other servers may change: it has to be asked. Not known before its first answer. */
  get isShared(): boolean {
    return this.#answersLater;
  }

  /** how many questions went to the store */
  get asked(): number {
    return this.#asked;
  }

  /** Why the store cannot be asked; undefined while it can. */
  get lostBecause(): unknown {
    return this.#lostAt === undefined ? undefined : this.#lastError;
  }

  /** True while the store cannot be asked. */
  get isLost(): boolean {
    return this.#lostAt !== undefined;
  }

  /** What is current as of now. Never rejects, since not to know is an answer, too; throws what a store throws that answers at once. */
  of(gun: string): RevisionAnswer | Promise<RevisionAnswer> {
    if (this.#ofThisTurn !== undefined) return this.#ofThisTurn;
    // Nobody waits for a store that is gone. Whether it is back is found out without them.
    return this.isLost ? { freshness: "unknown" } : this.#ask(gun);
  }

  /** The store is no longer looked for. */
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
      // Whatever it was: nobody knows now what is current, which is what the answer says.
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
    // A store that answers at once is never in the middle of answering, so nobody has had to wait for it.
    if (typeof found !== "string") void this.#settle(next, found);
  }

  #put(guns: readonly string[]): string | Promise<ReadonlyMap<string, string>> {
    this.#asked += 1;
    return this.#store.revision(guns);
  }

  /** False for what ends after a later question did: a connection that broke long ago says nothing of the store now. */
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
    // Those who wait for a question that was not asked yet would wait for as long again.
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
