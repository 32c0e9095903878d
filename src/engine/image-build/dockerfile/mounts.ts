/** `RUN --mount=…,from=IMAGE`. @see BuildKit: frontend/dockerfile/instructions, parseMount */
import { LineRefused } from "./refusal.ts";
import { sliceText, type SourceText } from "./source-text.ts";

/**
 * The values of `from=` in one mount's options. With podman they may contain variables.
 *
 * @throws LineRefused for quotes inside, and for variables that could become a `from`
 */
export function mountSources(options: SourceText, line: number): readonly SourceText[] {
  const { text } = options;
  if (/["']/.test(text)) throw new LineRefused(line, "quotes inside --mount are not understood");
  const sources: SourceText[] = [];
  let start = 0;
  for (const field of text.split(",")) {
    const equals = field.indexOf("=");
    const key = field.slice(0, equals === -1 ? undefined : equals);
    if (key.includes("$")) throw new LineRefused(line, "variables in --mount are not understood");
    if (key.trim().toLowerCase() === "from" && equals !== -1 && equals < field.length - 1) {
      sources.push(sliceText(options, start + equals + 1, start + field.length));
    }
    start += field.length + 1;
  }
  return sources;
}
