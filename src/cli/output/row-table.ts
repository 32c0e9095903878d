import type { Io } from "../io.ts";
import { textTable } from "./text-table.ts";

/** How many rows share the widths of their columns. */
const page = 200;

/** A table of any length, written a page at a time: thousands of rows need no more memory than a page. */
export class RowTable {
  readonly #io: Io;
  readonly #heading: readonly string[];
  #rows: (readonly string[])[] = [];
  #isBegun = false;

  constructor(io: Io, heading: readonly string[]) {
    this.#io = io;
    this.#heading = heading;
  }

  add(row: readonly string[]): void {
    this.#rows.push(row);
    if (this.#rows.length === page) this.#write();
  }

  /** Writes the remaining rows; nothing if there are none. */
  end(): void {
    if (this.#rows.length > 0) this.#write();
  }

  #write(): void {
    const lines = textTable([this.#heading, ...this.#rows]);
    // The heading makes the columns of every page wide enough, and is shown once.
    this.#io.stdout.write(this.#isBegun ? lines.slice(lines.indexOf("\n") + 1) : lines);
    this.#isBegun = true;
    this.#rows = [];
  }
}
