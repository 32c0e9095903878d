/**
 * Shows the copy of an image on standard error: on a terminal a bar for each layer under way and a line for each finished
 * one; elsewhere only the lines; nothing when quiet.
 */
import type { CopyProgress } from "../../registry/copy.ts";
import type { Io } from "../io.ts";

/** Receives the copy's reports. Call `end` when the copy ends, also after a failure. */
export interface ProgressDisplay {
  readonly update: (progress: CopyProgress) => void;
  readonly end: () => void;
}

/** docker's words for finished layers. */
export interface ProgressWords {
  readonly done: string;
  readonly present: string;
  readonly mounted: string;
}

/** docker's words for either direction. */
export const progressWords = {
  push: { done: "Pushed", present: "Layer already exists", mounted: "Mounted from another repository" },
  pull: { done: "Download complete", present: "Already exists", mounted: "Already exists" },
} as const satisfies Record<string, ProgressWords>;

const redrawMs = 80;

/** The display for one copy. */
export function copyProgress(io: Io, words: ProgressWords, how: { readonly quiet: boolean }): ProgressDisplay {
  if (how.quiet) return { update: () => undefined, end: () => undefined };
  const display = new Display(io, words);
  return { update: (progress) => display.update(progress), end: () => display.clear() };
}

class Display {
  readonly #io: Io;
  readonly #words: ProgressWords;
  readonly #underWay = new Map<string, CopyProgress>();
  #shownLines = 0;
  #drawnAt = 0;

  constructor(io: Io, words: ProgressWords) {
    this.#io = io;
    this.#words = words;
  }

  update(progress: CopyProgress): void {
    // Manifests are small and follow at once, so "waiting" is not shown.
    if (progress.kind === "manifest" || progress.state === "waiting") return;
    if (progress.state === "copying") this.#underWay.set(progress.digest, progress);
    else this.#finish(progress, this.#words[progress.state]);
    this.#draw();
  }

  clear(): void {
    if (this.#shownLines > 0) this.#io.stderr.write(`\u001b[${this.#shownLines}A\u001b[J`);
    this.#shownLines = 0;
  }

  #finish(progress: CopyProgress, word: string): void {
    this.clear();
    this.#drawnAt = 0;
    this.#underWay.delete(progress.digest);
    this.#io.stderr.write(`${shortDigest(progress)}: ${word}\n`);
  }

  #draw(): void {
    const now = this.#io.now().getTime();
    if (!this.#io.stderr.isTerminal || now - this.#drawnAt < redrawMs) return;
    this.clear();
    this.#drawnAt = now;
    const lines = [...this.#underWay.values()].map((progress) => barLine(progress, this.#io.stderr.columns));
    this.#io.stderr.write(lines.map((line) => `${line}\n`).join(""));
    this.#shownLines = lines.length;
  }
}

/** `0731f3f7a0b2 [========>           ]   1.2 MB of 3.4 MB`, never wider than the terminal. */
export function barLine(progress: CopyProgress, columns: number): string {
  const amounts = `${bytesText(progress.doneBytes)} of ${bytesText(progress.size)}`.padStart(22);
  const room = Math.min(50, columns - 12 - amounts.length - 5);
  if (room < 10) return `${shortDigest(progress)} ${amounts.trimStart()}`.slice(0, Math.max(1, columns - 1));
  const share = progress.size === 0 ? 1 : Math.min(1, progress.doneBytes / progress.size);
  const done = Math.round(share * room);
  const bar = `${"=".repeat(Math.max(0, done - 1))}${done > 0 ? ">" : ""}`.padEnd(room);
  return `${shortDigest(progress)} [${bar}] ${amounts}`;
}

function shortDigest({ digest }: CopyProgress): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}

/** Bytes in decimal units, as docker shows them: `1.345 MB` becomes `1.3 MB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  for (; value >= 999.95 && unit < units.length - 1; unit++) value /= 1000;
  return `${value.toFixed(1)} ${units[unit]}`;
}
