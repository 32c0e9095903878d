/**
 * Shows the reports of docker's engine as docker does: on a terminal one line for each layer, rewritten in place; elsewhere a line for
 * each change of state and no bars.
 */
import type { EngineMessage, EngineProgress } from "../../engine/engine-message.ts";
import type { Output } from "../io.ts";
import { printable } from "./printable.ts";

const escape = "\u001b[";
/** docker leaves the bar out of narrower terminals */
const barNeedsColumns = 110;
const barWidth = 50;

/** A display for one push or pull. */
export function engineDisplay(output: Output): (message: EngineMessage) => void {
  const display = new EngineDisplay(output);
  return (message) => display.show(message);
}

class EngineDisplay {
  readonly #output: Output;
  /** the lines that may still be rewritten, by their subjects, in the order they appeared */
  #lines: string[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  show(message: EngineMessage): void {
    const { id, progress } = message;
    if (id === undefined || progress === undefined) {
      this.#lines = [];
      this.#output.write(lineText(message));
    } else if (this.#output.isTerminal) {
      this.#rewrite(id, progress, message);
    } else if (progressText(progress, 80) === "") {
      this.#output.write(lineText(message));
    }
  }

  #rewrite(id: string, progress: EngineProgress, { status }: EngineMessage): void {
    let line = this.#lines.indexOf(id);
    let text = "";
    if (line === -1) {
      line = this.#lines.push(id) - 1;
      text += "\n";
    }
    const distance = this.#lines.length - line;
    const shown = `${printable(id)}: ${printable(status)} ${progressText(progress, this.#output.columns)}`;
    text += `${escape}${distance}A${escape}2K\r${shown}\r${escape}${distance}B`;
    this.#output.write(text);
  }
}

function lineText({ id, status, stream }: EngineMessage): string {
  const before = id === undefined ? "" : `${printable(id)}: `;
  return stream === undefined ? `${before}${printable(status)}\n` : `${before}${printable(stream)}`;
}

/** `[=====>     ]  1.345MB/1.982MB`; empty when there is nothing to say. */
export function progressText({ current, total, units, hideCounts }: EngineProgress, columns: number): string {
  if (current <= 0 && total <= 0) return "";
  const amount = (value: number): string => (units === undefined ? sizeText(value) : `${value} ${printable(units)}`);
  if (total <= 0) return amount(current).padStart(8);
  const filled = Math.min(barWidth, Math.floor((current / total) * barWidth));
  const bar = columns > barNeedsColumns ? `[${"=".repeat(filled)}>${" ".repeat(barWidth - filled)}] ` : "";
  if (hideCounts) return bar;
  return bar + (current > total ? amount(current).padStart(8) : `${amount(current).padStart(8)}/${amount(total)}`);
}

/** Bytes with four significant digits, in units of a thousand: `33.79kB`. */
function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
