/** Writes long results piece by piece: fifty thousand tags need no more memory than a thousand. */
import type { Io } from "../io.ts";
import { jsonText } from "./write-json.ts";

/** Characters that are written at once: a call of the system for each line would cost more than the line. */
const batchLength = 64 * 1024;

/** Writes text to standard output in the order in which it is made. A reader that goes away (`| head`) ends the program, as everywhere. */
export function writePieces(io: Io, pieces: Iterable<string>): void {
  let batch = "";
  for (const piece of pieces) {
    batch += piece;
    if (batch.length < batchLength) continue;
    io.stdout.write(batch);
    batch = "";
  }
  if (batch !== "") io.stdout.write(batch);
}

/** A list in a value for {@link jsonPieces}, made while it is written. */
export class StreamedList {
  readonly elements: () => Iterable<unknown>;

  constructor(elements: () => Iterable<unknown>) {
    this.elements = elements;
  }
}

/**
 * The text of a JSON value, as `JSON.stringify` lays it out, without a final newline.
 *
 * @param value may be a {@link StreamedList}, or an object with some as members
 */
export function* jsonPieces(value: unknown, indent: number, margin = ""): Generator<string, void> {
  const inner = `${margin}${" ".repeat(indent)}`;
  if (value instanceof StreamedList) {
    yield* enclosed("[]", value.elements(), { inner, margin }, (element) => jsonPieces(element, indent, inner));
  } else if (isObjectWithList(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    yield* enclosed("{}", members, { inner, margin }, function* ([name, member]) {
      yield `${jsonText(name, 0)}: `;
      yield* jsonPieces(member, indent, inner);
    });
  } else {
    // line breaks within strings are escaped
    yield jsonText(value, indent).replaceAll("\n", `\n${margin}`);
  }
}

function isObjectWithList(value: unknown): value is object {
  return (
    typeof value === "object" && value !== null && Object.values(value).some((each) => each instanceof StreamedList)
  );
}

function* enclosed<Item>(
  brackets: "[]" | "{}",
  items: Iterable<Item>,
  { inner, margin }: { readonly inner: string; readonly margin: string },
  pieces: (item: Item) => Iterable<string>,
): Generator<string, void> {
  let count = 0;
  for (const item of items) {
    yield count === 0 ? `${brackets[0]}\n${inner}` : `,\n${inner}`;
    yield* pieces(item);
    count += 1;
  }
  yield count === 0 ? brackets : `\n${margin}${brackets[1]}`;
}
