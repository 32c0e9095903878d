import type { Io } from "../io.ts";

/** Writes one JSON value, indented by two, with a final newline. The members of each command's result are stable. */
export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${jsonText(value, 2)}\n`);
}

/** JSON whose text moves no terminal: what JSON allows to stand as it is and terminals obey is escaped. */
export function jsonText(value: unknown, indent: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(
    /[\u007f-\u009f]|\p{Bidi_C}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
