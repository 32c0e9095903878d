import { printable } from "./printable.ts";

/** Go's text/tabwriter as docker uses it: columns as wide as their widest cell, three spaces apart, at least ten characters. */
const gap = 3;
const minimum = 10;

/**
 * Lays out rows in columns, as `docker trust inspect --pretty` does. The last column is not padded.
 *
 * @returns lines with a final newline
 */
export function textTable(rows: readonly (readonly string[])[]): string {
  return [...tableLines(() => rows)].join("");
}

/**
 * {@link textTable} line by line, for tables that need not be in memory as a whole.
 *
 * @param rows called twice, for the widths and for the lines
 */
export function* tableLines(rows: () => Iterable<readonly string[]>): Generator<string, void> {
  const widths: number[] = [];
  for (const row of rows()) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? minimum, printable(cell).length + gap);
    });
  }
  const padded = (cell: string, column: number, { length }: readonly string[]): string =>
    column === length - 1 ? printable(cell) : printable(cell).padEnd(widths[column] ?? 0);
  for (const row of rows()) yield `${row.map(padded).join("")}\n`;
}
