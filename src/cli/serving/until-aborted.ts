/** Resolves when the signal is aborted, for commands that serve until they are stopped. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  // An abort listener alone does not keep a process alive.
  const alive = setInterval(() => undefined, 2 ** 30);
  await promise;
  clearInterval(alive);
}
