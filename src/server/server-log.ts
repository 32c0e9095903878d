/** The server's log: one JSON object a line, into whatever sink the caller gives. Never a header, a body, a query or a key. */

/** From all there is to only what needs a person. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** Takes one finished line, without its line end. */
export type LogSink = (line: string) => void;

/** What a line may carry besides time, level and event. */
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

  /** True when lines of this level are written: ask first where making the fields costs something. */
  writes(level: LogLevel): boolean {
    return order.indexOf(level) >= order.indexOf(this.#level);
  }

  /** Writes one line, named by a short phrase that stays the same from release to release. */
  write(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (this.writes(level)) this.#sink(JSON.stringify({ time: this.#now().toISOString(), level, event, ...fields }));
  }
}

/** An error as fields of a line: its code and message, and those of its cause. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) };
  const code = "code" in error ? String(error.code) : error.name;
  return error.cause instanceof Error
    ? { code, error: error.message, cause: error.cause.message }
    : { code, error: error.message };
}
