import { UsageError } from "../../errors.ts";

const unitMs: ReadonlyMap<string, number> = new Map([
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/**
 * Reads a length of time such as `90s`, `36h` or `1d12h`; `0` means no time.
 *
 * @param name the flag or variable it was given with, for the message
 * @returns milliseconds
 * @throws UsageError `USAGE`
 */
export function parseDuration(text: string, name: string): number {
  if (text === "0") return 0;
  if (!/^(?:\d{1,9}[smhd])+$/.test(text)) {
    throw new UsageError("USAGE", `${name}: expected a length of time, got "${text}"`, {
      hint: "Write a number with s, m, h or d, such as 90s, 36h or 1d12h.",
    });
  }
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    total += Number(count) * (unitMs.get(unit ?? "") ?? 0);
  }
  return total;
}
