/**
 * Dockerfiles as this folder handles them: one character per byte (latin1), so that places are byte offsets and everything that is not
 * replaced stays as it is, broken UTF-8 included.
 */

/** A piece of a Dockerfile, not necessarily contiguous in it, with the place of each of its characters. */
export interface SourceText {
  readonly text: string;
  /** offset in the file of each character of `text` */
  readonly places: readonly number[];
}

/** The characters from `start` up to, not including, `end`. */
export function sliceText({ text, places }: SourceText, start: number, end: number = text.length): SourceText {
  return { text: text.slice(start, end), places: places.slice(start, end) };
}

/** Without ASCII white space at both ends. */
export function trimText(source: SourceText): SourceText {
  let [start, end] = [0, source.text.length];
  while (start < end && isSpace(source.text[start])) start += 1;
  while (end > start && isSpace(source.text[end - 1])) end -= 1;
  return sliceText(source, start, end);
}

/** Whether a character is ASCII white space. */
export function isSpace(character: string | undefined): boolean {
  return character !== undefined && "\t\n\v\f\r ".includes(character);
}

/** Splits at runs of white space, as BuildKit's parser does. */
export function splitText(source: SourceText): SourceText[] {
  const words = source.text.matchAll(/[^\t\v\f\r ]+/g);
  return [...words].map(({ 0: word, index }) => sliceText(source, index, index + word.length));
}

/** The line number, from 1, of an offset in a file. */
export function lineNumbers(source: string): (offset: number) => number {
  const starts = [0];
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
