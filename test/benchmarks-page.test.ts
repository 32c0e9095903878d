/** The page of figures and its plots are what `npm run bench -- render` writes from the file of figures. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { rendered } from "./bench/page.ts";
import { parts } from "./bench/parts.ts";
import { drawPlots } from "./bench/plots.ts";
import { readResults } from "./bench/results.ts";

const documents = resolve(import.meta.dirname, "../docs");
const read = (path: string): string => readFileSync(resolve(documents, path), "utf8");
const results = readResults(resolve(documents, "benchmarks/results.json"));
const again = "run: npm run bench -- render";

describe("the page of figures", () => {
  it("has the tables of the file of figures", () => {
    assert.equal(read("benchmarks.md"), rendered(read("benchmarks.md"), results), again);
  });

  it("has its plots, and no others", () => {
    const plots = drawPlots(results);
    const files = readdirSync(resolve(documents, "benchmarks")).filter((file) => file.endsWith(".svg"));
    assert.deepEqual(files.toSorted(), [...plots.keys()].toSorted(), again);
    for (const [file, drawing] of plots) assert.equal(read(`benchmarks/${file}`), drawing, `${file}: ${again}`);
  });

  it("shows every part that is measured, and the file has figures of no other", () => {
    const shown = [...read("benchmarks.md").matchAll(/<!-- figures: ([\w-]+) -->/gu)].map(([, part = ""]) => part);
    assert.deepEqual(shown.toSorted(), Object.keys(parts).toSorted());
    const known = new Set(Object.keys(parts));
    assert.deepEqual(
      results.rows.filter(({ part }) => !known.has(part)),
      [],
    );
  });

  it("names the run of every row", () => {
    const runs = new Set(results.runs.map(({ begun }) => begun));
    assert.deepEqual(
      results.rows.filter(({ run }) => !runs.has(run)),
      [],
    );
  });
});
