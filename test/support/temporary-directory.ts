/** Directories that tests write into. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

const untilExit: string[] = [];
process.once("exit", () => untilExit.forEach(remove));

/** A new directory. It is removed after the test, or, without one, when the process ends. */
export function temporaryDirectory(test?: Pick<TestContext, "after">): string {
  const directory = mkdtempSync(join(tmpdir(), "tagseal-test-"));
  if (test === undefined) untilExit.push(directory);
  else test.after(() => remove(directory));
  return directory;
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
