/** The server's log: one JSON object a line, into the caller's sink. Never a header, a body, a query or a key. */

/** From everything to only what needs a person. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** Takes one finished line, without its line end. */
export type LogSink = (line: string) => void;

/** The fields of a line besides time, level and event. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

const order: readonly LogLevel[] = ["debug", "info", "warning", "error"];

/** Writes lines at or above a level. */
export class ServerLog {
  readonly #sink: LogSink;
  readonly #level: LogLevel;
  readonly #now: () => Date;

  constructor(options: { readonly sink: LogSink; readonly level: LogLevel; readonly now: () => Date }) {
    this.#sink = options.sink;
    this.#level = options.level;
    this.#now = options.now;
  }

  /** True when lines of this level are written: check first when making the fields is expensive. */
  writes(level: LogLevel): boolean {
    return order.indexOf(level) >= order.indexOf(this.#level);
  }

  /** Writes one line, named by a short phrase that stays the same from release to release. */
  write(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (!this.writes(level)) return;
    const line = { time: this.#now().toISOString(), level, event, ...fields };
    this.#sink(JSON.stringify(line, bounded).replaceAll(misleading, escaped));
  }
}

/** A field with text from outside must not fill the disk. */
const maxFieldLength = 8192;

function bounded(_name: string, value: unknown): unknown {
  return typeof value === "string" && value.length > maxFieldLength ? `${value.slice(0, maxFieldLength)}…` : value;
}

/** Characters that JSON does not escape and that break lines or reverse text when a log is shown: U+2028, U+0085, bidirectional controls. */
const misleading = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_unit, index) => text.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** An error as fields of a line: its code and message, and those of its cause. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) };
  const code = "code" in error ? String(error.code) : error.name;
  return error.cause instanceof Error
    ? { code, error: error.message, cause: error.cause.message }
    : { code, error: error.message };
}
