/**
 * The streams, signals and terminal of the process, as an {@link Io}. `test/layers.test.ts` lists the files that use `process`.
 *
 * Prompts: echo is switched off *before* the prompt is printed, so that a fast answer never shows; Ctrl-C ends the program
 * also in the middle of an answer; piped input is read line by line, and nothing of it is lost between prompts.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { TagsealError } from "../errors.ts";
import type { Io, Output, Prompter } from "./io.ts";
import { writeAll } from "./write-all.ts";

/** The keys with a meaning while a secret is typed. */
const keys = { interrupt: "\u0003", endOfInput: "\u0004", backspace: "\b", delete: "\u007f", clear: "\u0015" } as const;

/** The process as an {@link Io}. `interrupt` is called for Ctrl-C at a prompt, where the terminal sends no signal. */
export function processIo(signal: AbortSignal, interrupt: () => void, own: Pick<Io, "program" | "handOver">): Io {
  return {
    stdout: new DescriptorOutput(1),
    stderr: new DescriptorOutput(2),
    prompter: new TerminalPrompter(signal, interrupt),
    env: process.env,
    signal,
    now: () => new Date(),
    uid: process.getuid?.(),
    onReload: (listener) => {
      process.on("SIGHUP", listener);
      return () => process.off("SIGHUP", listener);
    },
    ...own,
  };
}

/**
 * True once Node has opened a standard stream that may be a pipe. From then on it does not block, in any process that shares it: a program that
 * replaces this process would lose output that it writes faster than it is read.
 */
export function streamsAreOpen(): boolean {
  return inputIsOpen;
}

let inputIsOpen = false;

class DescriptorOutput implements Output {
  readonly #descriptor: 1 | 2;

  constructor(descriptor: 1 | 2) {
    this.#descriptor = descriptor;
  }

  write(content: string | Uint8Array): void {
    writeAll(this.#descriptor, content);
  }

  get isTerminal(): boolean {
    return isTerminal(this.#descriptor);
  }

  get columns(): number {
    if (!this.isTerminal) return 80;
    return this.#descriptor === 1 ? process.stdout.columns : process.stderr.columns;
  }
}

/** Whether a descriptor is a terminal. The runtime's module, and the streams that it needs, are loaded when the first command asks. */
export function isTerminal(descriptor: number): boolean {
  return process.getBuiltinModule("node:tty").isatty(descriptor);
}

class TerminalPrompter implements Prompter {
  readonly #signal: AbortSignal;
  readonly #interrupt: () => void;
  /** what arrived after the line that was read last */
  #pending = "";
  #ended = false;
  #opened = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal, interrupt: () => void) {
    this.#signal = signal;
    this.#interrupt = interrupt;
  }

  get interactive(): boolean {
    return isTerminal(0);
  }

  async askSecret(prompt: string): Promise<string | undefined> {
    if (!this.interactive) return await this.#askPiped(prompt);
    this.#open();
    process.stdin.setRawMode(true);
    try {
      this.#print(prompt);
      return await this.#typedUnseen();
    } finally {
      process.stdin.setRawMode(false);
      process.stdin.pause();
      this.#print("\n");
    }
  }

  async ask(prompt: string): Promise<string | undefined> {
    if (!this.interactive) return await this.#askPiped(prompt);
    this.#open();
    try {
      this.#print(prompt);
      return await this.#line();
    } catch (error) {
      this.#print("\n"); // the ^C stands on the prompt's line
      throw error;
    } finally {
      process.stdin.pause();
    }
  }

  async readAll(maxBytes: number): Promise<string | undefined> {
    this.#open();
    try {
      while (!this.#ended && Buffer.byteLength(this.#pending) <= maxBytes) await this.#more();
      const all = this.#pending;
      this.#pending = "";
      return Buffer.byteLength(all) > maxBytes ? undefined : all;
    } finally {
      process.stdin.pause();
    }
  }

  tell(text: string): void {
    this.#print(text);
  }

  async #askPiped(prompt: string): Promise<string | undefined> {
    this.#open();
    this.#print(prompt);
    try {
      return await this.#line();
    } finally {
      process.stdin.pause();
      this.#print("\n");
    }
  }

  /** Prompts go where the user sees them: to standard error, or to the terminal when that is redirected. */
  #print(text: string): void {
    if (!this.interactive || isTerminal(2)) {
      writeAll(2, text);
      return;
    }
    const terminal = openSync("/dev/tty", "w");
    try {
      writeSync(terminal, text);
    } finally {
      closeSync(terminal);
    }
  }

  #open(): void {
    if (!this.#opened) {
      this.#opened = true;
      inputIsOpen = true;
      process.stdin.setEncoding("utf8");
      process.stdin.on("data", (text: string) => {
        this.#pending += text;
        this.#wake?.();
      });
      process.stdin.on("end", () => {
        this.#ended = true;
        this.#wake?.();
      });
    }
    if (!this.#ended) process.stdin.resume();
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#pending.indexOf("\n");
      if (end !== -1) {
        const line = this.#pending.slice(0, end);
        this.#pending = this.#pending.slice(end + 1);
        return line.replace(/\r$/, "");
      }
      if (this.#ended) {
        const rest = this.#pending;
        this.#pending = "";
        return rest === "" ? undefined : rest;
      }
      await this.#more();
    }
  }

  async #typedUnseen(): Promise<string | undefined> {
    let answer = "";
    for (;;) {
      const [key] = this.#pending;
      if (key === undefined) {
        if (this.#ended) return answer === "" ? undefined : answer;
        await this.#more();
        continue;
      }
      this.#pending = this.#pending.slice(key.length);
      if (key === "\r" || key === "\n") return answer;
      if (key === keys.interrupt) this.#interrupted();
      else if (key === keys.endOfInput) return answer === "" ? undefined : answer;
      else if (key === keys.backspace || key === keys.delete) answer = Array.from(answer).slice(0, -1).join("");
      else if (key === keys.clear) answer = "";
      else answer += key;
    }
  }

  #interrupted(): never {
    this.#interrupt();
    throw new TagsealError("CANCELLED", "cancelled at a prompt");
  }

  /** Waits until input arrives, the input ends, or the command is cancelled. */
  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    this.#signal.addEventListener("abort", wake, { once: true });
    try {
      if (!this.#signal.aborted) await promise;
    } finally {
      this.#wake = undefined;
      this.#signal.removeEventListener("abort", wake);
    }
    if (this.#signal.aborted) throw new TagsealError("CANCELLED", "cancelled at a prompt");
  }
}
