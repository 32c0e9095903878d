/**
 * The test runner behind `npm test`: every `*.test.ts` under `src/` and `test/`, each file in its own process, three at
 * a time, and beside them one of those that mostly wait. Failures are named where they happen and explained at the end; the last line is always
 * `N passed, N failed, N skipped`.
 *
 *   npm test                       everything
 *   npm test -- src/tuf rotation   only files whose path contains one of the words
 *   npm run coverage               the tests of the layers that decide what is trusted, and how much of them they reach
 *
 * A skipped test says what it lacked. With `CI=true` a skip is a failure: there every peer is installed; and a run of everything measures what
 * `npm run coverage` does.
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, statSync } from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { join, relative, resolve } from "node:path";
import { run } from "node:test";
import { fewRounds } from "./support/clients.ts";

const root = resolve(import.meta.dirname, "..");
const fileTimeoutMs = 15 * 60 * 1000;

/** Layers in which an untested line may be a hole, and the share of their lines that tests must reach. */
const coveredLayers = ["src/encoding", "src/crypto", "src/tuf"];
const coveredPercent = 95;
/** The tests that are to reach them. */
const coveringWords = [...coveredLayers, "test/conformance"];

/** These mostly wait, the day for ten minutes: one after the other they are one file more. */
const besideOthers =
  /^(?:test\/(?:peers\/(?:day|front-podman-certificates)|guide\/keys-and-passphrases|server\/(?:certificates|outage|signer-keys|hanging-parts))|src\/server\/signer\/remote-signer-certificates)\./u;

/** Files begin in this order: a long one that began late would run alone at the end. */
const longestFirst = [
  /^test\/(?:peers\/day|guide\/install|deploy\/release|peers\/front-build|peers\/gate-fuzzer|conformance\/hostile-metadata)\./u,
  /^test\/(?:peers|guide)\//u,
  /^test\/(?:deploy|server)\//u,
  /^test\//u,
  /^/u,
];

/** One more than small machines have processors: most files wait for other programs now and then. */
const filesAtATime = Math.min(3, availableParallelism() + 1);

interface Outcome {
  readonly name: string;
  readonly file: string;
  readonly detail: string;
}

interface FileCoverage {
  readonly path: string;
  readonly totalLineCount: number;
  readonly coveredLineCount: number;
}

interface Tally {
  passed: number;
  readonly failed: Outcome[];
  readonly skipped: Outcome[];
  coverage: readonly FileCoverage[];
}

function testFiles(words: readonly string[]): string[] {
  const files = globSync(["src/**/*.test.ts", "test/**/*.test.ts"], { cwd: root }).sort();
  const wanted = files.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  const rank = (file: string): number => longestFirst.findIndex((pattern) => pattern.test(file));
  return wanted.sort((a, b) => rank(a) - rank(b)).map((file) => resolve(root, file));
}

/** The part of an error a reader needs: its message, what was expected, and the frames inside this repository. */
function describeError(error: unknown): string {
  // The test runner wraps what the test threw; the wrapper says only "test failed".
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(inner instanceof Error)) return String(inner);
  const stack = inner.stack ?? inner.message;
  const frames = stack.split("\n").filter((line) => !/^\s+at .*(node:|node_modules)/u.test(line));
  const code = "code" in inner ? ` [${String(inner.code)}]` : "";
  const cause = inner.cause instanceof Error ? `\ncaused by: ${describeError(inner.cause)}` : "";
  return frames.join("\n") + code + cause;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gmu, "    ");
}

interface TestEvent {
  readonly name: string;
  readonly file?: string | undefined;
  readonly nesting: number;
  readonly skip?: string | boolean | undefined;
  readonly details: { readonly type?: string | undefined; readonly error?: unknown; readonly duration_ms: number };
}

function outcomeOf(event: TestEvent, detail: string): Outcome {
  return { name: event.name, file: event.file === undefined ? "" : relative(root, event.file), detail };
}

function isSkipped(event: TestEvent): boolean {
  return event.skip !== undefined && event.skip !== false;
}

function recordPass(tally: Tally, event: TestEvent): void {
  if (isSkipped(event)) {
    const why = typeof event.skip === "string" && event.skip !== "" ? event.skip : "no reason given";
    tally.skipped.push(outcomeOf(event, why));
  } else if (event.details.type !== "suite") {
    tally.passed += 1;
  }
}

/** A parent that failed only because something inside it failed would be counted, and printed, twice. */
function failedThroughChildren(error: unknown): boolean {
  return error instanceof Error && "failureType" in error && error.failureType === "subtestsFailed";
}

function recordFailure(tally: Tally, event: TestEvent): void {
  const error = event.details.error;
  if (failedThroughChildren(error)) return;
  const outcome = outcomeOf(event, describeError(error));
  tally.failed.push(outcome);
  print(`failed  ${outcome.file}: ${outcome.name}`);
}

/** How many files run at a time, and whether what they reach is measured. */
interface Manner {
  readonly atATime: number;
  readonly coverage: boolean;
}

async function runFiles(tally: Tally, files: readonly string[], { atATime, coverage }: Manner): Promise<void> {
  if (files.length === 0) return;
  const finished = Promise.withResolvers<void>();
  const stream = run({
    files: [...files],
    concurrency: atATime,
    timeout: fileTimeoutMs,
    cwd: root,
    execArgv: [`--require=${fewRounds}`],
    coverage,
    coverageIncludeGlobs: coveredLayers.map((layer) => `${layer}/**/*.ts`),
    coverageExcludeGlobs: ["**/*.test.ts"],
  });
  stream.on("test:pass", (event) => recordPass(tally, event));
  stream.on("test:fail", (event) => recordFailure(tally, event));
  stream.on("test:stderr", (event) => process.stderr.write(event.message));
  stream.on("test:summary", (event) => {
    if (event.file === undefined) return;
    const { passed, skipped } = event.counts;
    const name = relative(root, event.file);
    print(
      `${event.success ? "ok     " : "FAILED "} ${name}  ${passed} passed${skipped === 0 ? "" : `, ${skipped} skipped`}  ${Math.round(event.duration_ms)} ms`,
    );
  });
  stream.on("test:coverage", (event) => (tally.coverage = event.summary.files));
  stream.on("error", finished.reject);
  stream.on("end", finished.resolve);
  stream.resume();
  await finished.promise;
}

/**
 * Runs files whose coverage is not measured. They share compiled code, as the command line does: without it each would strip the types of the same
 * sources. Under coverage, cached code makes less exact what is measured.
 */
async function runPlainFiles(tally: Tally, files: readonly string[]): Promise<void> {
  process.env["NODE_COMPILE_CACHE"] ??= join(
    process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    "tagseal",
    "tests",
  );
  const isBeside = (file: string): boolean => besideOthers.test(relative(root, file));
  await Promise.all([
    runFiles(tally, files.filter(isBeside), { atATime: 1, coverage: false }),
    runFiles(
      tally,
      files.filter((file) => !isBeside(file)),
      { atATime: filesAtATime, coverage: false },
    ),
  ]);
  delete process.env["NODE_COMPILE_CACHE"];
}

function printSkips(skipped: readonly Outcome[]): void {
  const byReason = Map.groupBy(skipped, (outcome) => outcome.detail);
  for (const [reason, outcomes] of byReason) {
    print(`\nskipped (${reason}):`);
    for (const outcome of outcomes) print(`    ${outcome.file}: ${outcome.name}`);
  }
}

function printFailures(failed: readonly Outcome[]): void {
  if (failed.length === 0) return;
  print("\nfailures:");
  for (const outcome of failed) print(`    ${outcome.file}: ${outcome.name}\n${indent(indent(outcome.detail))}`);
}

const percent = (part: number, whole: number): number => (whole === 0 ? 100 : (100 * part) / whole);

/** Prints the lines reached per layer, and the files below the mark; false when a layer is below it. */
function printCoverage(files: readonly FileCoverage[]): boolean {
  const total = (key: "coveredLineCount" | "totalLineCount", of: readonly FileCoverage[]): number =>
    of.reduce((sum, file) => sum + file[key], 0);
  let enough = true;
  for (const layer of coveredLayers) {
    const own = files.filter((file) => relative(root, file.path).startsWith(`${layer}/`));
    const share = percent(total("coveredLineCount", own), total("totalLineCount", own));
    enough &&= own.length > 0 && share >= coveredPercent;
    print(`${layer}: ${share.toFixed(1)} % of lines, ${coveredPercent} % wanted`);
    for (const file of own) {
      const reached = percent(file.coveredLineCount, file.totalLineCount);
      if (reached < coveredPercent) print(`    ${relative(root, file.path)}: ${reached.toFixed(1)} %`);
    }
  }
  return enough;
}

function newestChange(pattern: string): number {
  const times = globSync(pattern, { cwd: root }).map((file) => statSync(resolve(root, file)).mtimeMs);
  return Math.max(0, ...times);
}

/** `bin/tagseal` prefers a build over the sources, so an outdated one would be what the suites test. */
function refreshBuild(): void {
  if (process.env["TAGSEAL_SOURCE"] !== undefined || !existsSync(resolve(root, "dist"))) return;
  if (newestChange("src/**/*.ts") < newestChange("dist/tagseal.js")) return;
  execFileSync(process.execPath, ["build.ts"], { cwd: root, stdio: "inherit" });
}

async function main(args: readonly string[]): Promise<number> {
  const words = args.filter((arg) => arg !== "--coverage");
  const isCi = process.env["CI"] === "true";
  const onlyCoverage = args.includes("--coverage");
  const files = testFiles(onlyCoverage && words.length === 0 ? coveringWords : words);
  if (files.length === 0) {
    print(`no test file matches ${words.join(" ")}`);
    return 1;
  }
  refreshBuild();
  const covering = new Set(onlyCoverage ? files : isCi && words.length === 0 ? testFiles(coveringWords) : []);
  const tally: Tally = { passed: 0, failed: [], skipped: [], coverage: [] };
  await runPlainFiles(
    tally,
    files.filter((file) => !covering.has(file)),
  );
  await runFiles(
    tally,
    files.filter((file) => covering.has(file)),
    { atATime: filesAtATime, coverage: true },
  );
  printSkips(tally.skipped);
  printFailures(tally.failed);
  const covered = covering.size === 0 || printCoverage(tally.coverage);
  const skipsForbidden = isCi && tally.skipped.length > 0;
  if (skipsForbidden) print("\nCI=true: a skipped test is a failure; install what the skipped tests lacked");
  print(`\n${tally.passed} passed, ${tally.failed.length} failed, ${tally.skipped.length} skipped`);
  return tally.failed.length > 0 || skipsForbidden || !covered ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
