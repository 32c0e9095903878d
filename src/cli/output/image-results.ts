/** The results of a command about many images: text in the order of the arguments, JSON one line each as soon as it is known. */
import { TagsealError } from "../../errors.ts";
import { AlreadyReported } from "../command-failure.ts";
import { exitCodeFor } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { failureText, reportFailure, reportOf } from "./error-report.ts";
import { jsonText } from "./write-json.ts";

/** A result as text, without the line's end, and as the members of its JSON. */
export interface ImageResult {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Prints results and failures. */
export class ImageResults {
  readonly #io: Io;
  readonly #json: boolean;
  readonly #names: readonly string[];
  /** what later images have to say, until the earlier ones are known */
  readonly #waiting = new Map<number, () => void>();
  readonly #failures = new Map<number, TagsealError>();
  #next = 0;

  /** @param names as they were typed, in order */
  constructor(names: readonly string[], json: boolean, io: Io) {
    this.#names = names;
    this.#json = json;
    this.#io = io;
  }

  /** Takes the result of the image at a position, or its failure. @throws as {@link failed} does */
  async attempt(position: number, work: () => Promise<ImageResult>): Promise<void> {
    try {
      this.#succeeded(position, await work());
    } catch (error) {
      this.failed(position, error);
    }
  }

  #succeeded(position: number, { text, json }: ImageResult): void {
    this.#print(position, () => this.#io.stdout.write(this.#json ? this.#line(position, json) : `${text}\n`));
  }

  /** Takes the failure of the image at a position. @throws `error` unless it is about this image alone */
  failed(position: number, error: unknown): void {
    if (!(error instanceof TagsealError) || error.code === "CANCELLED") throw error;
    this.#failures.set(position, error);
    const report = reportOf(error);
    this.#print(position, () => {
      if (this.#json) this.#io.stdout.write(this.#line(position, { error: report }));
      this.#io.stderr.write(failureText({ ...report, message: `${this.#names[position]}: ${report.message}` }));
    });
  }

  /** @returns 0 when no image failed @throws AlreadyReported with the status of the first of those that did, in the order of the arguments */
  end(): number {
    const [first] = [...this.#failures].sort(([a], [b]) => a - b);
    if (first === undefined) return 0;
    const { length } = this.#names;
    this.#io.stderr.write(`${this.#failures.size} of ${length} ${length === 1 ? "image" : "images"} failed\n`);
    throw new AlreadyReported(exitCodeFor(first[1]));
  }

  /** Ends the results with a failure that is not about one image. With JSON it is a line as well. @throws AlreadyReported, or `error` for text */
  fail(error: unknown): never {
    if (!this.#json || error instanceof AlreadyReported) throw error;
    this.#io.stdout.write(`${jsonText({ error: reportOf(error) }, 0)}\n`);
    reportFailure(error, this.#io);
    throw new AlreadyReported(exitCodeFor(error));
  }

  #line(position: number, json: ImageResult["json"]): string {
    return `${jsonText({ name: this.#names[position], ...json }, 0)}\n`;
  }

  #print(position: number, print: () => void): void {
    if (this.#json) return print();
    this.#waiting.set(position, print);
    for (let ready = this.#waiting.get(this.#next); ready !== undefined; ready = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      this.#next += 1;
      ready();
    }
  }
}
