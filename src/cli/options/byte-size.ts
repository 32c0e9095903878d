import { UsageError } from "../../errors.ts";

const units: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ...["k", "M", "G", "T"].flatMap((prefix, index): [string, number][] => [
    [`${prefix}B`, 1000 ** (index + 1)],
    [`${prefix.toUpperCase()}iB`, 1024 ** (index + 1)],
  ]),
]);

/**
 * Reads a number of bytes such as `500MB`, `1.5GiB` or `10GB`.
 *
 * @param name the flag that it was given with, for the message
 * @returns bytes
 * @throws UsageError `USAGE`
 */
export function parseByteSize(text: string, name: string): number {
  const [, count, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)([kMGT]?B|[KMGT]iB)$/u.exec(text) ?? [];
  const factor = units.get(unit);
  if (count !== undefined && factor !== undefined) return Math.round(Number(count) * factor);
  throw new UsageError("USAGE", `${name}: expected a number of bytes, got "${text}"`, {
    hint: "Write a number with kB, MB, GB or TB, such as 500MB or 10GB.",
  });
}
