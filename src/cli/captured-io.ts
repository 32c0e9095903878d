import type { Io, Output } from "./io.ts";
import { programNamed } from "./program.ts";

/** An {@link Io} that keeps what is written, and what was written so far. */
export interface CapturedIo {
  readonly io: Io;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** The parts of {@link Io} that a captured command needs, and those it may get. */
export type CapturedIoOptions = Pick<Io, "env" | "now"> & Partial<Io>;

/** An Io without a user: it asks nothing and keeps all output. For running one command inside another, and for tests. */
export function captured(given: CapturedIoOptions): CapturedIo {
  const stdout = new TextOutput();
  const stderr = new TextOutput();
  const noPrompter: Io["prompter"] = {
    interactive: false,
    ask: noAnswer,
    askSecret: noAnswer,
    readAll: async () => "",
    tell: (text: string) => stderr.write(text),
  };
  const handOver: Io["handOver"] = async (child) => {
    const { spawnSync } = await import("node:child_process");
    const ended = spawnSync(child.executable, child.args, {
      env: child.env,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
    if (ended.error !== undefined) throw ended.error;
    stdout.write(ended.stdout);
    stderr.write(ended.stderr);
    return ended.status ?? 128;
  };
  const io: Io = {
    prompter: noPrompter,
    signal: new AbortController().signal,
    stdout,
    stderr,
    program: programNamed("tagseal", []),
    handOver,
    ...given,
  };
  return { io, stdout: () => stdout.text, stderr: () => stderr.text };
}

async function noAnswer(): Promise<undefined> {
  return undefined;
}

class TextOutput implements Output {
  readonly isTerminal = false;
  readonly columns = 80;
  text = "";

  write(content: string | Uint8Array): void {
    this.text += typeof content === "string" ? content : Buffer.from(content).toString();
  }
}
