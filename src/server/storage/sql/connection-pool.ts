/** A bounded number of connections, opened on demand and discarded when they break. */

import { TagsealError } from "../../../errors.ts";
import type { SqlConnection } from "./sql-engine.ts";

/** How a pool opens connections, and how long callers wait for one. */
export interface PoolOptions {
  readonly connect: () => Promise<SqlConnection>;
  readonly size: number;
  readonly waitMs: number;
}

/** An older connection is not lent again: its server may no longer be the primary. */
const maxAgeMs = 300_000;

interface Idle {
  readonly connection: SqlConnection;
  readonly openedAt: number;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: TagsealError) => void;
}

/** A pool of connections to one database. */
export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #idle: Idle[] = [];
  readonly #waiting = new Set<Waiting>();
  #used = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Lends a connection. @throws TagsealError `STORAGE_FAILED` when none is free in time; what `work` or connecting throws */
  async lend<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T> {
    await this.#takePlace();
    try {
      const taken = this.#takeIdle() ?? (await this.#open());
      try {
        return await work(taken.connection);
      } finally {
        this.#giveBack(taken);
      }
    } finally {
      this.#leavePlace();
    }
  }

  /** Closes idle connections: when one broke, the others probably lead to the same server. */
  closeIdle(): void {
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  close(): void {
    this.#isClosed = true;
    this.closeIdle();
    for (const waiting of this.#waiting) waiting.reject(closed());
    this.#waiting.clear();
  }

  async #open(): Promise<Idle> {
    return { connection: await this.#options.connect(), openedAt: performance.now() };
  }

  /** Newest first: a server or a firewall closes the least used ones. */
  #takeIdle(): Idle | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.connection.isOpen && performance.now() - idle.openedAt < maxAgeMs) return idle;
      idle.connection.close();
    }
    return undefined;
  }

  #giveBack(idle: Idle): void {
    if (idle.connection.isOpen && !this.#isClosed) this.#idle.push(idle);
    else idle.connection.close();
  }

  async #takePlace(): Promise<void> {
    if (this.#isClosed) throw closed();
    if (this.#used < this.#options.size) {
      this.#used += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { resolve, reject };
    this.#waiting.add(waiting);
    const timer = setTimeout(() => reject(busy(this.#options)), this.#options.waitMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
    }
  }

  /** A place goes to the longest waiting caller without becoming free in between. */
  #leavePlace(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#used -= 1;
    else {
      this.#waiting.delete(next);
      next.resolve();
    }
  }
}

function busy({ size, waitMs }: PoolOptions): TagsealError {
  return new TagsealError("STORAGE_FAILED", `None of ${size} database connections became free in ${waitMs} ms`, {
    hint: "The database is slower than what is asked of it: look at its load and locks.",
  });
}

function closed(): TagsealError {
  return new TagsealError("STORAGE_FAILED", "The connection to the database is closed");
}
