/** Puts new names into a Dockerfile and leaves every other byte as it is. */

/** The replacement of the characters from `start` up to, not including, `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Applies edits, which must not overlap. */
export function applyEdits(source: string, edits: readonly Edit[]): string {
  let result = "";
  let at = 0;
  for (const { start, end, text } of edits.toSorted((one, other) => one.start - other.start)) {
    if (start < at || end < start) throw new TypeError("edits overlap");
    result += source.slice(at, start) + text;
    at = end;
  }
  return result + source.slice(at);
}
