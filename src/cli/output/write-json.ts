import type { Io } from "../io.ts";

/** Writes one JSON value, indented by two, with a final newline. The members of each command's result are stable. */
export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${jsonText(value, 2)}\n`);
}

/** JSON that is safe on a terminal: control characters that JSON permits and terminals interpret are escaped. */
export function jsonText(value: unknown, indent: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(
    /[\u007f-\u009f]|\p{Bidi_C}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
