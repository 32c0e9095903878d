/** Runs the command line of this process: streams, signals and exit status around {@link main}. Ctrl-C always ends it. */
import { main } from "./main.ts";
import type { Program } from "./program.ts";
import { HandingOver } from "./front-end/handing-over.ts";
import { processIo } from "./terminal.ts";

/** How long a command may take to stop by itself after Ctrl-C before it is stopped. */
const graceMs = 300;
/** Servers first finish the requests under way. */
const serverGraceMs = 15_000;
const servers: ReadonlySet<string> = new Set(["gate", "server", "signer", "sandbox"]);

/** Runs the command line `argv`, and ends the process with its status. */
export async function run(program: Program, argv: readonly string[]): Promise<void> {
  // a gate that ends without an answer, whatever the reason, has refused
  if (argv.includes("gate")) process.exitCode = 1;
  const handing = new HandingOver();
  const interruption = new AbortController();
  let interruptedWith = 0;
  const interrupt = (code: number): void => {
    if (handing.isBusy) return; // the engine that replaced the command decides when to end
    if (interruption.signal.aborted) process.exit(interruptedWith); // the second Ctrl-C ends it at once
    interruptedWith = code;
    interruption.abort();
    const isServer = servers.has(argv[0] ?? "");
    setTimeout(() => process.exit(code), isServer ? serverGraceMs : graceMs).unref();
  };
  process.on("SIGINT", () => interrupt(130));
  process.on("SIGTERM", () => interrupt(143));
  const status = await main(
    argv,
    processIo(interruption.signal, () => interrupt(130), { program, handOver: handing.handOver }),
  );
  process.exitCode = interruption.signal.aborted && status !== 0 ? interruptedWith : status;
  // Idle connections must not keep the process running; all output is written already.
  process.exit();
}
