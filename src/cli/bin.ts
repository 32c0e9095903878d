/**
 * The executable. It answers the version itself, because scripts ask for it often; for everything else it loads the command
 * line, compiled code from the last time included.
 *
 * Old runtimes must be able to parse this file and its imports, so that users get a sentence instead of a syntax error.
 */
import { versionLine } from "./version-line.ts";
import { type Start, startedAs } from "./started-as.ts";
import { writeAll } from "./write-all.ts";

/** What package.json asks for in `engines`. */
const oldestNode = 24;

function isTooOld(): boolean {
  return Number.parseInt(process.versions.node, 10) < oldestNode;
}

function refuseRuntime(): void {
  writeAll(
    2,
    `tagseal: needs Node.js ${oldestNode} or newer, found ${process.versions.node} at ${process.execPath}.\n` +
      `hint: Install Node.js ${oldestNode}; in a checkout, on Linux with glibc, 'npm ci' brings it along.\n`,
  );
  process.exitCode = 1;
}

async function runCommand({ program, argv }: Start): Promise<void> {
  const { keepCompiledCode } = await import("./compile-cache.ts");
  keepCompiledCode();
  const { run } = await import("./process.ts");
  await run(program, argv);
}

function start(): void | Promise<void> {
  if (isTooOld()) return refuseRuntime();
  const started = startedAs();
  const [word, ...rest] = started.argv;
  const asksForVersion = rest.length === 0 && (word === "version" || word === "--version" || word === "-v");
  if (!asksForVersion || started.program.name !== "tagseal") return runCommand(started);
  writeAll(1, versionLine);
}

void start();
