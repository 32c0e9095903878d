#!/usr/bin/env node
/**
 * The executable. It answers the version itself, because scripts ask for it often; for everything else it loads the command
 * line, compiled code from the last time included.
 */
import { versionLine } from "./commands/version-line.ts";
import { startedAs } from "./started-as.ts";

const program = startedAs();
const [word, ...rest] = process.argv.slice(2);
const asksForVersion = rest.length === 0 && (word === "version" || word === "--version" || word === "-v");
if (asksForVersion && program.name === "tagseal") {
  process.stdout.write(versionLine);
} else {
  const { keepCompiledCode } = await import("./compile-cache.ts");
  keepCompiledCode();
  const { run } = await import("./run.ts");
  await run(program);
}
