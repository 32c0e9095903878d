const unitMs: ReadonlyMap<string, number> = new Map([
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** How to write a length of time, for hints. */
export const durationHint = "Write a number with s, m, h or d, such as 90s, 36h or 1d12h.";

/**
 * Reads a length of time such as `90s`, `36h` or `1d12h`; `0` means no time.
 *
 * @returns milliseconds; undefined for any other text
 */
export function durationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d{1,9}[smhd])+$/u.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([smhd])/gu)];
  return parts.reduce((total, [, count, unit]) => total + Number(count) * (unitMs.get(unit ?? "") ?? 0), 0);
}
