/**
 * Lines that documents show, for tests to run as they stand. What can run anywhere, with its output, is a `console` block, which
 * test/docs.test.ts runs; a `sh` block is what needs a machine prepared for it, and a `yaml` block a file. That test also fails for one of
 * these that no test takes from here.
 */
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { shellBlocks, type ShellBlock } from "./markdown.ts";

const root = resolve(import.meta.dirname, "../..");

/** The lines of the `sh` or `yaml` block with this number (the first one: 1) below a heading. Tests name all three as literals. */
export function documentedLines(file: string, heading: string, number = 1): string {
  const block = shellBlocks(readFileSync(join(root, file), "utf8")).find(
    (found) => found.heading === heading && found.number === number,
  );
  if (block === undefined) throw new Error(`${file} has no sh or yaml block ${number} below "${heading}"`);
  return block.text;
}

const name = (file: string, { heading, number }: Pick<ShellBlock, "heading" | "number">): string =>
  `${file}, ${heading}, block ${number}`;

/** Every `sh` and `yaml` block of the files, by a name. */
export function linesShown(files: readonly string[]): string[] {
  return files.flatMap((file) => shellBlocks(readFileSync(join(root, file), "utf8")).map((block) => name(file, block)));
}

/** The names of those that a test takes. */
export function linesTaken(): Set<string> {
  const tests = globSync("test/**/*.test.ts", { cwd: root }).map((file) => readFileSync(join(root, file), "utf8"));
  const call = /documentedLines\(\s*"([^"]+)",\s*"([^"]+)"(?:,\s*(\d+))?,?\s*\)/gu;
  const calls = tests.flatMap((text) => [...text.matchAll(call)]);
  return new Set(
    calls.map(([, file = "", heading = "", number = "1"]) => name(file, { heading, number: Number(number) })),
  );
}
