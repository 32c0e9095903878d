/** Reads another machine's clock across a network that takes its time. */

/** One comparison. */
export interface ClockComparison {
  /** the other clock now, as far as it went on evenly since, in milliseconds since 1970 */
  databaseNow(): number;
  /** by so many milliseconds the comparison may be wrong, either way */
  readonly uncertaintyMs: number;
}

const questions = 3;

/**
 * Asks a few times and keeps the quickest answer: the other clock was read somewhere between question and answer, most likely in the middle.
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
