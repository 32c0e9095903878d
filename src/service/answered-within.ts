/** A bound on waiting for what may never answer: a database that hangs, a disk, a lock, another process. */

/**
 * What `work` comes to, if that is within `ms` milliseconds. What comes later is not looked at: `work` has to end by itself, and its own bounds
 * see to that.
 *
 * @throws what `work` throws in time; else what `late` makes
 */
export async function answeredWithin<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  // What arrived while this process was busy, or waited for a processor, is looked at first: it is not late, we are.
  const timer = setTimeout(() => setImmediate(() => reject(late())), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
