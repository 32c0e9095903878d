import type { Io, Output } from "./io.ts";

/** An {@link Io} that keeps what is written, and what was written so far. */
export interface CapturedIo {
  readonly io: Io;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** An Io without a person: nothing is asked, everything written is kept. For running one command inside another, and in tests. */
export function captured(given: Pick<Io, "env" | "now"> & Partial<Io>): CapturedIo {
  const stdout = new TextOutput();
  const stderr = new TextOutput();
  const nobody = { interactive: false, ask: noAnswer, askSecret: noAnswer, tell: (text: string) => stderr.write(text) };
  const io = { prompter: nobody, signal: new AbortController().signal, stdout, stderr, ...given };
  return { io, stdout: () => stdout.text, stderr: () => stderr.text };
}

async function noAnswer(): Promise<undefined> {
  return undefined;
}

class TextOutput implements Output {
  readonly isTerminal = false;
  readonly columns = 80;
  text = "";

  write(text: string): void {
    this.text += text;
  }
}
