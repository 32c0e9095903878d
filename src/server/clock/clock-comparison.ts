/** Reads another machine's clock across a network with delays. */

/** One comparison. */
export interface ClockComparison {
  /** the other clock now, in milliseconds since 1970, if it has run evenly since the comparison */
  databaseNow(): number;
  /** the error of the comparison in milliseconds, in either direction */
  readonly uncertaintyMs: number;
}

const questions = 3;

/**
 * Asks a few times and keeps the quickest answer: the other clock was read between question and answer, most likely halfway.
 *
 * @param time the other clock; undefined when it has none
 * @throws what `time` throws
 */
export async function compareClocks(time: () => Promise<Date | undefined>): Promise<ClockComparison | undefined> {
  let best: { readonly offset: number; readonly roundTripMs: number } | undefined;
  for (let question = 0; question < questions; question += 1) {
    const askedAt = performance.now();
    const answer = await time();
    const answeredAt = performance.now();
    if (answer === undefined) return undefined;
    const roundTripMs = answeredAt - askedAt;
    if (best !== undefined && best.roundTripMs <= roundTripMs) continue;
    best = { offset: answer.getTime() - (askedAt + answeredAt) / 2, roundTripMs };
  }
  if (best === undefined) return undefined;
  const { offset, roundTripMs } = best;
  return { databaseNow: () => offset + performance.now(), uncertaintyMs: roundTripMs / 2 };
}
