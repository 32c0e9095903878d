import type { Io } from "../io.ts";
import { AlreadyReported } from "../command-failure.ts";
import { exitCodeFor } from "../exit-code.ts";
import { reportFailure, reportOf } from "./error-report.ts";
import { jsonText } from "./write-json.ts";

/** One JSON object with a long list in it, written element by element: thousands of elements need no more memory than one. */
export class JsonList {
  readonly #io: Io;
  readonly #name: string;
  #count = 0;

  /** @param name of the member that holds the list; it comes first */
  constructor(io: Io, name: string) {
    this.#io = io;
    this.#name = name;
  }

  /** Writes one element. */
  add(value: unknown): void {
    this.#io.stdout.write(this.#count === 0 ? `{\n  ${JSON.stringify(this.#name)}: [\n` : ",\n");
    this.#io.stdout.write(`    ${jsonText(value, 2).replaceAll("\n", "\n    ")}`);
    this.#count += 1;
  }

  /** Writes the end, with further members. */
  end(members: Readonly<Record<string, unknown>> = {}): void {
    const rest = Object.entries(members)
      .map(([name, value]) => `,\n  ${JSON.stringify(name)}: ${jsonText(value, 2).replaceAll("\n", "\n  ")}`)
      .join("");
    const list = this.#count === 0 ? `{\n  ${JSON.stringify(this.#name)}: []` : "\n  ]";
    this.#io.stdout.write(`${list}${rest}\n}\n`);
  }

  /**
   * Ends the begun value with the failure in it, so that it stays one JSON value.
   *
   * @throws AlreadyReported, or `error` itself when nothing was written yet
   */
  fail(error: unknown): never {
    if (this.#count === 0) throw error;
    this.end({ error: reportOf(error) });
    reportFailure(error, this.#io);
    throw new AlreadyReported(exitCodeFor(error));
  }
}
