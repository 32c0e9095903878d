/**
 * Asks the store, on behalf of every request, whether what is cached of a collection is still current.
 *
 * A request must see what was published before it came, by whatever server. So it may use the answer to a question that was asked
 * after it came, and no earlier one: requests that come while a question is under way share the next. However many connections
 * there are, one small question at a time goes to the store.
 */

import { errorFields, type ServerLog } from "./server-log.ts";
import type { MetadataStore } from "./storage/metadata-store.ts";

/** What is known of a collection: its revision, that there is no such collection, or that the store cannot be asked. */
export type RevisionAnswer =
  | {
      readonly freshness: "current";
      readonly revision: string;
      /** sha256 of the timestamp of this revision; undefined where the store says nothing of it, and reads only what is current */
      readonly timestamp?: string;
    }
  | { readonly freshness: "absent" | "stale" };

/** While the store cannot be asked it is tried again so often, and requests do not wait for the outcome. */
const retryMs = 1000;

interface Question {
  readonly guns: Set<string>;
  readonly answer: PromiseWithResolvers<ReadonlyMap<string, string> | undefined>;
}

/** See the head of this file. */
export class CollectionRevisions {
  readonly #store: MetadataStore;
  readonly #log: ServerLog | undefined;
  #next: Question | undefined;
  #isAsking = false;
  /** of a store that answers at once: good for all requests that arrived together, since even that costs several system calls */
  #ofThisTurn: RevisionAnswer | undefined;
  #lostAt: number | undefined;
  #triedAt = 0;
  #asked = 0;

  constructor(store: MetadataStore, log?: ServerLog) {
    this.#store = store;
    this.#log = log;
  }

  /** how many questions went to the store */
  get asked(): number {
    return this.#asked;
  }

  /** True while the store cannot be asked. */
  get isLost(): boolean {
    return this.#lostAt !== undefined;
  }

  /** What is current as of now. Never rejects, since not to know is an answer, too; throws what a store throws that answers at once. */
  of(gun: string): RevisionAnswer | Promise<RevisionAnswer> {
    if (this.#ofThisTurn !== undefined) return this.#ofThisTurn;
    if (!this.isLost) return this.#ask(gun);
    // Nobody waits for a store that is gone: what is in memory is given at once, marked as what it is.
    if (performance.now() - this.#triedAt >= retryMs) void this.#ask(gun);
    return { freshness: "stale" };
  }

  #ask(gun: string): RevisionAnswer | Promise<RevisionAnswer> {
    if (this.#isAsking) return this.#answerTo(this.#enqueue(gun), gun);
    const found = this.#put([gun]);
    if (typeof found === "string") return this.#rememberForThisTurn(found);
    const question = newQuestion(gun);
    void this.#settle(question, found);
    return this.#answerTo(question, gun);
  }

  #rememberForThisTurn(revision: string): RevisionAnswer {
    setImmediate(() => (this.#ofThisTurn = undefined));
    return (this.#ofThisTurn = { freshness: "current", revision });
  }

  #enqueue(gun: string): Question {
    this.#next ??= newQuestion(gun);
    this.#next.guns.add(gun);
    return this.#next;
  }

  async #answerTo({ answer }: Question, gun: string): Promise<RevisionAnswer> {
    const found = await answer.promise;
    if (found === undefined) return { freshness: "stale" };
    const revision = found.get(gun);
    if (revision === undefined) return { freshness: "absent" };
    return { freshness: "current", revision, timestamp: revision.slice(revision.lastIndexOf(" ") + 1) };
  }

  async #settle(question: Question, found: Promise<ReadonlyMap<string, string>>): Promise<void> {
    this.#isAsking = true;
    try {
      question.answer.resolve(await found);
      this.#setFound();
    } catch (error) {
      // Whatever it was: nobody knows now what is current, which is what the answer says.
      question.answer.resolve(undefined);
      this.#setLost(error);
    }
    this.#isAsking = false;
    this.#askNext();
  }

  #askNext(): void {
    const next = this.#next;
    if (next === undefined) return;
    this.#next = undefined;
    const found = this.#put([...next.guns]);
    // A store that answers at once is never in the middle of answering, so nobody has had to wait for it.
    if (typeof found !== "string") void this.#settle(next, found);
  }

  #put(guns: readonly string[]): string | Promise<ReadonlyMap<string, string>> {
    this.#asked += 1;
    this.#triedAt = performance.now();
    return this.#store.revision(guns);
  }

  #setLost(error: unknown): void {
    if (this.isLost) return;
    this.#lostAt = performance.now();
    this.#log?.write("error", "lost the store: answering from memory", errorFields(error));
  }

  #setFound(): void {
    if (this.#lostAt === undefined) return;
    const forMs = Math.round(performance.now() - this.#lostAt);
    this.#lostAt = undefined;
    this.#log?.write("info", "found the store again", { forMs });
  }
}

function newQuestion(gun: string): Question {
  return { guns: new Set([gun]), answer: Promise.withResolvers() };
}
