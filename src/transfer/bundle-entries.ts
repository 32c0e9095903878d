import { createReadStream } from "node:fs";
import { extract, type Extract } from "tar-stream";
import { systemCode, TagsealError, UsageError } from "../errors.ts";
import { malformedBundle } from "./bundle-format.ts";

/** The entries of a tar, one after the other, each under the name that must come next. The reader of tars bounds headers. */
export class BundleEntries {
  readonly #path: string;
  readonly #file;
  readonly #tar = extract();
  readonly #entries: ReturnType<Extract[typeof Symbol.asyncIterator]>;

  constructor(path: string) {
    this.#path = path;
    this.#file = createReadStream(path);
    this.#file.on("error", (error) => this.#tar.destroy(error));
    this.#entries = this.#file.pipe(this.#tar)[Symbol.asyncIterator]();
  }

  /** Reads the next entry. @throws MetadataError `BUNDLE_MALFORMED` when it is another, or too long; UsageError `FILE_UNREADABLE` */
  async read(name: string, maxBytes: number): Promise<Uint8Array> {
    return await this.#explained(async () => {
      const next = await this.#entries.next();
      if (next.done === true) throw malformedBundle(`it ends before ${name}`);
      const { header } = next.value;
      if (header.name !== name || header.type !== "file")
        throw malformedBundle(`it holds ${JSON.stringify(header.name.slice(0, 300))} where ${name} must be`);
      if (header.size > maxBytes) throw malformedBundle(`${name} has ${header.size} bytes, more than ${maxBytes}`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of next.value) chunks.push(chunk as Uint8Array); // tar-stream reads bytes
      return Buffer.concat(chunks);
    });
  }

  /** Makes sure that no entry is left. @throws MetadataError `BUNDLE_MALFORMED`; UsageError `FILE_UNREADABLE` */
  async end(): Promise<void> {
    const { done } = await this.#explained(() => this.#entries.next());
    if (done !== true) throw malformedBundle("something follows after its last collection");
  }

  /** Closes the file. */
  close(): void {
    this.#file.destroy();
    this.#tar.destroy();
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof TagsealError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      if (/^E[A-Z]+$/u.test(systemCode(cause)))
        throw new UsageError("FILE_UNREADABLE", `Cannot read ${this.#path}: ${message}`, { cause });
      throw malformedBundle(`it is not a tar archive, or a damaged one (${message})`, cause);
    }
  }
}
