import { setTimeout as after } from "node:timers/promises";

/** A probe may write to a disk, so its outcome is good for a second whoever asks. */
const validForMs = 1000;

/** What a probe found, at most a second ago. */
export class Remembered<T> {
  readonly #probe: () => Promise<T>;
  #outcome: Promise<T> | undefined;

  /** @param probe must not throw */
  constructor(probe: () => Promise<T>) {
    this.#probe = probe;
  }

  async value(): Promise<T> {
    if (this.#outcome === undefined) {
      this.#outcome = this.#probe();
      void after(validForMs, undefined, { ref: false }).then(() => (this.#outcome = undefined));
    }
    return this.#outcome;
  }
}
