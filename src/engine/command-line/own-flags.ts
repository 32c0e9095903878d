/** Flags that only Tagseal understands: the engine must not get them. */

/** Long names, without dashes. All are switches. */
export const ownFlags: readonly string[] = ["disable-content-trust", "allow-local", "no-init"];

/** True when a line may contain one of {@link ownFlags}. Quick; may be true without one, but never false with one. */
export function mayHoldOwnFlags(line: readonly string[]): boolean {
  return line.some((word) => ownFlags.some((name) => word === `--${name}` || word.startsWith(`--${name}=`)));
}
