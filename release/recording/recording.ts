/** The recording of the demonstration: turns its output into a picture. */
import { resolve } from "node:path";
import { draw } from "./drawing.ts";
import { scenesOf, type Scene } from "./transcript.ts";

/** The picture that the README shows. */
export const recordingPath = resolve(import.meta.dirname, "../../docs/images/demo.svg");

const command = "tagseal sandbox --demo";

/**
 * Draws what `tagseal sandbox --demo` printed without colours.
 *
 * @returns the text of an SVG file
 */
export function recordingOf(demonstration: string): string {
  const [first = [], ...others] = scenesOf(demonstration);
  const begin: Scene = [{ kind: "command", text: command }, ...first];
  return draw([begin, ...others], `Recording of ${command}: every attack is refused`);
}
