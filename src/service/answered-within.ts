/** Bounds the wait for something that may never answer: a hanging database, a disk, a lock, another process. */

/**
 * The outcome of `work`, if it comes within `ms` milliseconds, counted from the end of this turn. A later outcome is ignored: `work` must end by its own
 * bounds.
 *
 * @throws what `work` throws in time; otherwise the error from `late`
 */
export async function answeredWithin<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  // Most answers come from memory before this turn ends: thousands in a second need no timer.
  const turn = setImmediate(() => {
    // An answer that arrived while this process was busy, or waited for a processor, is handled first: it is not late.
    timer = setTimeout(() => setImmediate(() => reject(late())), ms);
  });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearImmediate(turn);
    clearTimeout(timer);
  }
}
