/** The output of a move: progress while it lasts, and its report. */
import type { CollectionReport, MoveProblem } from "../../transfer/move-report.ts";
import type { Io } from "../io.ts";
import { countingProgress } from "./counting-progress.ts";
import { printable } from "./printable.ts";
import { textTable } from "./text-table.ts";

/** Counts collections on a terminal, in one line that is rewritten in place. Call `end` when the move ends, also after a failure. */
export interface MoveProgress {
  readonly update: (report: CollectionReport) => void;
  readonly end: () => void;
}

/** As many as fit on a screen; --json has all. */
const maxShown = 20;

/** The progress of one move; only on a terminal. */
export function moveProgress(io: Io, how: { readonly quiet: boolean }): MoveProgress {
  const { show, end } = countingProgress(io, how);
  let [count, files] = [0, 0];
  return {
    update: (report) => {
      count += 1;
      files += report.files;
      show(`${count} repositories, ${files} files`);
    },
    end,
  };
}

/** One line of a report's summary: a name and a value. */
export type SummaryLine = readonly [string, string];

/** The first line of every summary. */
export function collectionsLine(collections: readonly CollectionReport[]): SummaryLine {
  const files = sum(collections.map((report) => report.files));
  const added = sum(collections.map((report) => report.added));
  return ["Repositories", `${collections.length} with ${files} files, ${added} of them new here`];
}

/** Writes the summary on standard output, and warnings and problems on standard error. @returns the exit status */
export function writeMoveReport(
  io: Io,
  summary: readonly SummaryLine[],
  collections: readonly CollectionReport[],
  otherProblems: readonly MoveProblem[],
): number {
  io.stdout.write(textTable(summary));
  const warnings = collections.flatMap(({ gun, warnings: own }) =>
    own.map(({ message }) => `warning: ${gun}: ${message}`),
  );
  const problems = problemLines(collections, otherProblems);
  io.stderr.write(shown(warnings) + shown(problems));
  if (problems.length === 0) return 0;
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  io.stderr.write(`${count}; everything else was moved and verified\n`);
  return 1;
}

/** The exit status of a report that is printed as JSON. */
export function moveExitCode(collections: readonly CollectionReport[], otherProblems: readonly MoveProblem[]): number {
  return problemLines(collections, otherProblems).length === 0 ? 0 : 1;
}

function problemLines(collections: readonly CollectionReport[], others: readonly MoveProblem[]): string[] {
  const own = collections.flatMap(({ gun, problems }) =>
    problems.map(({ code, message }) => `problem: ${gun}: ${message} [${code}]`),
  );
  return [...own, ...others.map(({ code, message }) => `problem: ${message} [${code}]`)];
}

function shown(lines: readonly string[]): string {
  const more = lines.length - maxShown;
  const shownLines = lines.slice(0, maxShown).map((line) => `${printable(line)}\n`);
  return shownLines.join("") + (more > 0 ? `… and ${more} more: --json has all\n` : "");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
