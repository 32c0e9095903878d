/** A clock that a suite sets by days. */
import { beforeEach } from "node:test";

/** Milliseconds in a day. */
export const dayMs = 86_400_000;

/** A clock that stands still, and is at its start again before each test. */
export interface DayClock {
  readonly now: () => Date;
  /** Sets it to so many days after the start. */
  readonly later: (days: number) => void;
}

/** Makes a clock for the suite that calls this. */
export function dayClock(start: Date): DayClock {
  let time = start;
  const later = (days: number): void => void (time = new Date(start.getTime() + days * dayMs));
  beforeEach(() => later(0));
  return { now: () => time, later };
}
