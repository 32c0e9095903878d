/**
 * The output of `tagseal sandbox --demo` as scenes for a recording. What differs from run to run gets fixed values, so that two runs of one version
 * give the same recording: addresses, directories, times, sizes and digests. Equal digests stay equal and different ones differ.
 */

/** What a line of the demonstration is; `output` is what a command printed. */
export type LineKind = "title" | "heading" | "text" | "command" | "output" | "good" | "bad";

/** One line, without its indentation. */
export interface Line {
  readonly kind: LineKind;
  readonly text: string;
}

/** A heading and what happens below it. */
export type Scene = readonly Line[];

const dayMs = 86_400_000;

/** How `src/cli/output/demo-lines.ts` indents each kind where there is no colour; the longest first. */
const indentations: readonly (readonly [string, LineKind])[] = [
  ["     ", "output"],
  ["   $ ", "command"],
  ["   ✔ ", "good"],
  ["   ✘ ", "bad"],
  ["   ", "text"],
  ["── ", "heading"],
  ["", "title"],
];

/** The demonstration's scenes, the last of them its summary. */
export function scenesOf(demonstration: string): readonly Scene[] {
  const scenes: Line[][] = [[]];
  for (const line of withFixedValues(demonstration).split("\n")) {
    if (line === "") continue;
    const [indentation, kind] = indentations.find(([start]) => line.startsWith(start)) ?? ["", "title"];
    if (kind === "heading") scenes.push([]);
    scenes.at(-1)?.push({ kind, text: line.slice(indentation.length) });
  }
  return scenes;
}

function withFixedValues(text: string): string {
  const [, registry = "", server = "", directory = ""] =
    /registry (\S+), trust server https:\/\/(\S+), files in (.+)$/mu.exec(text) ?? [];
  if (directory === "") throw new Error(`this is not the output of tagseal sandbox --demo: ${text.slice(0, 200)}`);
  return withFixedTimes(text)
    .replaceAll(directory, "/tmp/sandbox")
    .replaceAll(registry, "127.0.0.1:5000")
    .replaceAll(server, "127.0.0.1:4443")
    .replaceAll(/\(\d+ bytes\)/gu, "(… bytes)")
    .replaceAll(/[0-9a-f]{64}/gu, letters());
}

/** Names each digest or key ID by a letter, in the order in which they appear. */
function letters(): (hash: string) => string {
  const seen: string[] = [];
  return (hash) => {
    if (!seen.includes(hash)) seen.push(hash);
    return `${(seen.indexOf(hash) + 10).toString(36).repeat(8)}…`;
  };
}

/** Times are rounded to days from the earliest one, the trust server's. */
function withFixedTimes(text: string): string {
  const time = /\d{4}-\d\d-\d\dT[\d:.]+Z|[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} [\d:]{8} UTC \d{4}/gu;
  const startMs = Math.min(...(text.match(time) ?? []).map((found) => Date.parse(found)));
  return text.replaceAll(time, (found) => {
    const days = Math.round((Date.parse(found) - startMs) / dayMs);
    return new Date(Date.UTC(2027, 0, 4 + days, 9)).toISOString().replace(".000", "");
  });
}
