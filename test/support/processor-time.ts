/** How long a computation takes, whatever else the machine has to do: several test files run at a time. */

/** Milliseconds of processor time that this process spends in `work`. */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
