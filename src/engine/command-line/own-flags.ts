/** Flags that only we understand: the engine must not see them. */

/** Long names, without dashes. All are switches. */
export const ownFlags: readonly string[] = ["disable-content-trust", "allow-local"];

/** True when a line may hold one of {@link ownFlags}. Quick, and wrong only on the careful side. */
export function mayHoldOwnFlags(line: readonly string[]): boolean {
  return line.some((word) => ownFlags.some((name) => word === `--${name}` || word.startsWith(`--${name}=`)));
}
