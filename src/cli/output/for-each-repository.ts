/** Handles several repositories as docker does: one after another, reporting each failure, with a list of the failed ones at the end. */
import { exitCodeFor } from "../exit-code.ts";
import { AlreadyReported } from "../command-failure.ts";
import type { Io } from "../io.ts";
import { failureText, reportOf } from "./error-report.ts";
import { writeJson } from "./write-json.ts";

/** The result for one repository or file, as `--json` shows it. */
export type ForEachResult = Readonly<Record<string, unknown>>;

/** The turn of one repository. */
export interface Turn {
  readonly repository: string;
  readonly io: Io;
  /** prints docker's lines */
  readonly say: (text: string) => void;
}

/** How results and failures are shown. */
export interface ForEachHow {
  readonly json: boolean;
  /** the words before the list of what failed */
  readonly failureHeading: string;
  /** what the arguments are, the member of the JSON that names each; default `repository` */
  readonly subject?: string;
}

/**
 * Runs `action` for one repository after another. `say` is for docker's lines on standard output; with `--json` they are dropped
 * and the results and errors printed as one array.
 *
 * @returns 0 when all succeeded; throws AlreadyReported with the status of the first failure otherwise
 */
export async function forEachRepository(
  repositories: readonly string[],
  io: Io,
  how: ForEachHow,
  action: (repository: string, say: (text: string) => void) => Promise<ForEachResult>,
): Promise<number> {
  const results: ForEachResult[] = [];
  const failed: string[] = [];
  const failures: unknown[] = [];
  const say = (text: string): void => {
    if (!how.json) io.stdout.write(text);
  };
  for (const repository of repositories) {
    try {
      results.push(await action(repository, say));
    } catch (error) {
      if (io.signal.aborted) throw error;
      failed.push(repository);
      failures.push(error);
      results.push({ [how.subject ?? "repository"]: repository, error: reportOf(error) });
      io.stderr.write(`${failureText(reportOf(error))}\n`);
    }
  }
  if (how.json) writeJson(io, results);
  if (failed.length === 0) return 0;
  io.stderr.write(`${how.failureHeading}: ${failed.join(", ")}\n`);
  throw new AlreadyReported(exitCodeFor(failures[0]));
}
