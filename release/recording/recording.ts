/** The recording of the demonstration: from what it printed to a picture. */
import { resolve } from "node:path";
import { draw } from "./drawing.ts";
import { scenesOf } from "./transcript.ts";

/** The picture that the README shows. */
export const recordingPath = resolve(import.meta.dirname, "../../docs/images/demo.svg");

/**
 * Draws what `tagseal sandbox --demo` printed without colours.
 *
 * @returns the text of an SVG file
 */
export function recordingOf(demonstration: string): string {
  return draw(scenesOf(demonstration), "Recording of tagseal sandbox --demo: every attack is refused");
}
