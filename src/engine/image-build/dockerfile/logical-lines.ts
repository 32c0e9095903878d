/**
 * Splits a Dockerfile into logical lines exactly as engines do: comments and empty lines left out, continuation lines joined. Characters that
 * only some engines take for a line break or white space are refused: an attacker could hide an instruction behind them.
 *
 * @see BuildKit: frontend/dockerfile/parser
 */
import type { Dialect } from "./dialect.ts";
import { slashDirectiveLines, textStart } from "./directives.ts";
import { LineRefused } from "./refusal.ts";
import { isSpace, type SourceText } from "./source-text.ts";

/** One instruction's text, without comments and line breaks. */
export interface LogicalLine extends SourceText {
  /** number, from 1, of the line it begins on */
  readonly line: number;
}

/** How a here-document ends. */
export interface HeredocEnd {
  readonly terminator: string;
  /** tabs before the terminator do not count */
  readonly skipsTabs: boolean;
}

/** White space outside ASCII for Go, as UTF-8. */
export const unicodeSpace =
  /\u00c2[\u0085\u00a0]|\u00e1\u009a\u0080|\u00e2\u0080[\u0080-\u008a\u00a8\u00a9\u00af]|\u00e2\u0081\u009f|\u00e3\u0080\u0080/;
const startsWithUnicodeSpace = new RegExp(`^[\\t\\v\\f\\r ]*(?:${unicodeSpace.source})`);

/** Refuses characters that engines read differently in any place. @throws LineRefused */
export function refuseUnreadable(source: string): void {
  const stray = /\r(?!\n)|\0/.exec(source);
  if (stray === null) return;
  const line = source.slice(0, stray.index).split("\n").length;
  const what = stray[0] === "\0" ? "a zero byte" : "a carriage return that ends no line";
  throw new LineRefused(line, `${what} is not understood`);
}

/** podman before 4.9 silently stops reading at a longer line. */
const maxLineLength = 65_535;

/** Refuses a line that some engine reads only in part. @throws LineRefused */
export function refuseLongLines(source: string): void {
  const index = source.split("\n").findIndex((text) => text.length >= maxLineLength);
  if (index !== -1) throw new LineRefused(index + 1, `the line has ${maxLineLength} bytes or more`);
}

interface PhysicalLine {
  /** without its line end */
  readonly text: string;
  /** offset in the file */
  readonly at: number;
}

/** Reads a file from its beginning to its end, one logical line at a time. */
export class LogicalLineReader {
  readonly #source: string;
  readonly #dialect: Dialect;
  readonly #slashLines: ReadonlySet<number>;
  #at: number;
  #line = 0;

  constructor(source: string, dialect: Dialect) {
    this.#source = source;
    this.#dialect = dialect;
    // podman takes them for unknown instructions
    this.#slashLines = dialect.engine === "podman" ? new Set() : slashDirectiveLines(source);
    this.#at = textStart(source);
  }

  /** @returns undefined at the end of the file */
  next(): LogicalLine | undefined {
    for (let physical = this.#read(); physical !== undefined; physical = this.#read()) {
      if (this.#slashLines.has(this.#line)) continue;
      const start = indentation(physical.text);
      const isComment = physical.text[start] === "#";
      if (isComment || start === physical.text.length) continue;
      return this.#join({ text: physical.text.slice(start), at: physical.at + start });
    }
    return undefined;
  }

  /**
   * Skips the body of a here-document, and its end.
   *
   * @throws LineRefused when it never ends
   */
  skipHeredoc({ terminator, skipsTabs }: HeredocEnd, startLine: number): void {
    for (let physical = this.#readRaw(); physical !== undefined; physical = this.#readRaw()) {
      const text = skipsTabs ? physical.text.replace(/^\t+/, "") : physical.text;
      if (text === terminator) return;
    }
    throw new LineRefused(startLine, `the here-document ${terminator} has no end`, { refusedByEngine: true });
  }

  #join(first: PhysicalLine): LogicalLine {
    const line = this.#line;
    const pieces: PhysicalLine[] = [];
    let goesOn = this.#take(first, pieces);
    while (goesOn) {
      const physical = this.#read();
      if (physical === undefined) break;
      const start = indentation(physical.text);
      if (start < physical.text.length && physical.text[start] !== "#") goesOn = this.#take(physical, pieces);
    }
    const text = pieces.map((piece) => piece.text).join("");
    const places = pieces.flatMap((piece) => Array.from(piece.text, (_, index) => piece.at + index));
    return { text, places, line };
  }

  /** @returns whether the line continues */
  #take({ text, at }: PhysicalLine, pieces: PhysicalLine[]): boolean {
    const end = this.#continuationAt(text);
    pieces.push({ text: text.slice(0, end), at });
    return end !== undefined;
  }

  #continuationAt(text: string): number | undefined {
    let end = text.length;
    while (text[end - 1] === " " || text[end - 1] === "\t") end -= 1;
    const { escape, continuation } = this.#dialect;
    if (text[end - 1] !== escape) return undefined;
    return continuation === "unescaped" && text[end - 2] === escape ? undefined : end - 1;
  }

  #read(): PhysicalLine | undefined {
    const physical = this.#readRaw();
    if (physical !== undefined && startsWithUnicodeSpace.test(physical.text)) {
      throw new LineRefused(this.#line, "the line begins with white space that is not ASCII");
    }
    return physical;
  }

  #readRaw(): PhysicalLine | undefined {
    const at = this.#at;
    if (at >= this.#source.length) return undefined;
    const newline = this.#source.indexOf("\n", at);
    const end = newline === -1 ? this.#source.length : newline;
    this.#at = end + 1;
    this.#line += 1;
    return { text: this.#source.slice(at, end).replace(/\r$/, ""), at };
  }
}

function indentation(text: string): number {
  let start = 0;
  while (start < text.length && isSpace(text[start])) start += 1;
  return start;
}
