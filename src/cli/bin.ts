#!/usr/bin/env node
/** The executable: wires the process to {@link main}. Ctrl-C always ends it, whatever is being waited for. */
import { processIo } from "./terminal.ts";
import { main } from "./main.ts";

/** How long a command may take to stop by itself after Ctrl-C before it is stopped. */
const graceMs = 300;
/** Servers finish what they are answering first. */
const serverGraceMs = 15_000;

const interruption = new AbortController();
let exitCode = 0;

function interrupt(code: number): void {
  if (interruption.signal.aborted) process.exit(exitCode); // asked twice: at once
  exitCode = code;
  interruption.abort();
  const isServer = process.argv[2] === "server" || process.argv[2] === "sandbox";
  setTimeout(() => process.exit(exitCode), isServer ? serverGraceMs : graceMs).unref();
}

process.on("SIGINT", () => interrupt(130));
process.on("SIGTERM", () => interrupt(143));
// A reader that went away (`tagseal list | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const status = await main(
  process.argv.slice(2),
  processIo(interruption.signal, () => interrupt(130)),
);
process.exitCode = interruption.signal.aborted && status !== 0 ? exitCode : status;
// Idle connections must not keep the process; what was printed must be out first.
process.stdout.write("", () => process.exit());
