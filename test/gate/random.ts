/** Reproducible choices: the same seed always makes the same ones. */
export class Random {
  #state: number;

  /** @param seed any text: the run's seed and the number of the case */
  constructor(seed: string) {
    this.#state = 2166136261;
    for (const character of seed) this.#state = Math.imul(this.#state ^ (character.codePointAt(0) ?? 0), 16777619);
  }

  /** A number of at least 0 and less than 1. @see Mulberry32 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number of at least `low` and at most `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.next() * 100 < percent;
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.next() * choices.length)];
    if (choice === undefined) throw new TypeError("there is nothing to choose from");
    return choice;
  }

  /** One of several makers, by weight; only the chosen one runs. */
  weighted<T>(choices: readonly (readonly [weight: number, make: () => T])[]): T {
    let at = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, make] of choices) {
      at -= weight;
      if (at < 0) return make();
    }
    throw new TypeError("there is nothing to choose from");
  }

  /** `count` results of `make`. */
  many<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }
}
