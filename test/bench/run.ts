/**
 * `npm run bench`: Tagseal beside the programs it replaces, in one run on one machine, taking turns. Rows are kept in `docs/benchmarks/results.json`
 * as they finish; the tables and plots of `docs/benchmarks.md` are written from it.
 *
 *   npm run bench                        everything for which the peers are here
 *   npm run bench -- start clients       these parts; the figures of the others stay
 *   npm run bench -- --quick             a first look that takes seconds, into a temporary directory
 *   npm run bench -- --out DIRECTORY     into another directory
 *   npm run bench -- render              writes tables and plots from the figures, and measures nothing
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { missingPeers, Scope } from "../support/peers.ts";
import { describeRun } from "./machine.ts";
import { rendered } from "./page.ts";
import { parts, type Effort } from "./parts.ts";
import { drawPlots } from "./plots.ts";
import { Recorder, readResults } from "./results.ts";

const documents = resolve(import.meta.dirname, "../../docs");

/** Writes the page and its plots from the figures. */
function render(directory: string): void {
  const results = readResults(join(directory, "benchmarks/results.json"));
  const page = join(directory, "benchmarks.md");
  writeFileSync(page, rendered(readFileSync(page, "utf8"), results));
  const plots = drawPlots(results);
  for (const file of readdirSync(join(directory, "benchmarks")))
    if (file.endsWith(".svg") && !plots.has(file)) rmSync(join(directory, "benchmarks", file));
  for (const [file, drawing] of plots) writeFileSync(join(directory, "benchmarks", file), drawing);
}

/** The directory to write into, with a page. */
function prepared(out: string | undefined, isQuick: boolean): string {
  const directory = resolve(out ?? (isQuick ? mkdtempSync(join(tmpdir(), "tagseal-bench-")) : documents));
  mkdirSync(join(directory, "benchmarks"), { recursive: true });
  if (!existsSync(join(directory, "benchmarks.md")))
    copyFileSync(join(documents, "benchmarks.md"), join(directory, "benchmarks.md"));
  return directory;
}

/** The parts that are wanted and possible here. @throws for an unknown one, or one that was named and lacks something */
function chosen(words: readonly string[]): readonly string[] {
  const unknown = words.filter((word) => parts[word] === undefined);
  if (unknown.length > 0)
    throw new Error(`no part is called ${unknown.join(", ")}; there are: ${Object.keys(parts).join(", ")}`);
  return Object.entries(parts).flatMap(([name, { peers }]) => {
    if (words.length > 0 && !words.includes(name)) return [];
    const missing = missingPeers(peers);
    if (missing === false) return [name];
    if (words.length > 0) throw new Error(`${name} is not measured; ${missing}`);
    process.stderr.write(`${name} is left out; ${missing}\n`);
    return [];
  });
}

async function measure(names: readonly string[], directory: string, effort: Effort): Promise<void> {
  const recorder = new Recorder(join(directory, "benchmarks/results.json"), describeRun(effort === "quick"));
  for (const name of names) {
    await using scope = new Scope("bench");
    process.stderr.write(`measuring: ${name}\n`);
    for await (const row of (await parts[name]?.measure(scope, effort)) ?? []) {
      recorder.add(name, row);
      process.stderr.write(`${name}: ${row.work}\n`);
    }
    recorder.finished(name);
    render(directory);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: "boolean" }, out: { type: "string" } },
  });
  // Set, it makes Node.js and Bun, and none of the peers, parse a file of authorities in every process: a setting of the machine.
  delete process.env["NODE_EXTRA_CA_CERTS"];
  const directory = prepared(values.out, values.quick === true);
  if (positionals.includes("render")) render(directory);
  else await measure(chosen(positionals), directory, values.quick === true ? "quick" : "whole");
  process.stdout.write(`${join(directory, "benchmarks.md")}\n`);
}

await main();
