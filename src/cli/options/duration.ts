import { UsageError } from "../../errors.ts";
import { durationHint, durationMs } from "../../timing/length-of-time.ts";

/**
 * Reads a length of time such as `90s`, `36h` or `1d12h`; `0` means no time.
 *
 * @param name the flag or variable it was given with, for the message
 * @returns milliseconds
 * @throws UsageError `USAGE`
 */
export function parseDuration(text: string, name: string): number {
  const ms = durationMs(text);
  if (ms !== undefined) return ms;
  throw new UsageError("USAGE", `${name}: expected a length of time, got "${text}"`, { hint: durationHint });
}
