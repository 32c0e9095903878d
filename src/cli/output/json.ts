import type { Io } from "../io.ts";

/** Writes one JSON value, indented by two, with a final newline. The members of each command's result are stable. */
export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
