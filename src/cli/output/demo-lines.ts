/** The layout of the demonstration's lines: indented by their kind, in colour on a terminal that supports it. */
import type { LineKind } from "../../sandbox/narrator.ts";
import type { Io } from "../io.ts";

const looks: Readonly<Record<LineKind, { readonly before: string; readonly colour: string }>> = {
  title: { before: "\n", colour: "1" },
  heading: { before: "\n── ", colour: "1;36" },
  text: { before: "   ", colour: "0" },
  command: { before: "   $ ", colour: "1" },
  output: { before: "     ", colour: "2" },
  good: { before: "   ✔ ", colour: "32" },
  bad: { before: "   ✘ ", colour: "1;31" },
};

/** One line, with its line end. */
export function dressed(kind: LineKind, line: string, { stdout, env }: Io): string {
  const { before, colour } = looks[kind];
  // https://no-color.org: any non-empty value means no colour
  const plain = !stdout.isTerminal || Boolean(env["NO_COLOR"]) || env["TERM"] === "dumb";
  return plain ? `${before}${line}\n` : `${before}\u001b[${colour}m${line}\u001b[0m\n`;
}
