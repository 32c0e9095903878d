/** Bounds the wait for something that may never answer: a hanging database, a disk, a lock, another process. */

/**
 * The outcome of `work`, if it comes within `ms` milliseconds. A later outcome is ignored: `work` must end by its own bounds.
 *
 * @throws what `work` throws in time; otherwise the error from `late`
 */
export async function answeredWithin<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  // An answer that arrived while this process was busy, or waited for a processor, is handled first: it is not late.
  const timer = setTimeout(() => setImmediate(() => reject(late())), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * As {@link answeredWithin}, for work that memory mostly answers: the wait begins at the end of this turn, and only what takes longer gets a timer.
 *
 * @throws as {@link answeredWithin}
 */
export async function promptlyAnsweredWithin<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const turn = setImmediate(() => {
    answeredWithin(work, ms, late).catch(reject);
  });
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearImmediate(turn);
  }
}
