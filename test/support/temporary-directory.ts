/** Directories that tests write into. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A new directory. It is removed after the test, or, without one, when the process ends. */
export function temporaryDirectory(test?: Pick<TestContext, "after">): string {
  const directory = mkdtempSync(join(tmpdir(), "tagseal-test-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  if (test === undefined) process.on("exit", remove);
  else test.after(remove);
  return directory;
}
