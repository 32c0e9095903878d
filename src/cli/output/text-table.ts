import { printable } from "./printable.ts";

/** Go's text/tabwriter as docker uses it: columns as wide as their widest cell, three spaces apart, at least ten characters. */
const gap = 3;
const minimum = 10;

/**
 * Lays out rows in columns, as `docker trust inspect --pretty` does. The last column is not padded.
 *
 * @returns lines with a final newline
 */
export function textTable(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? minimum, cell.length + gap);
    });
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}
