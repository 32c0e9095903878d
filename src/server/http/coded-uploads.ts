/**
 * Uploads as the difference from a file that is current: the coding `dcz` of RFC 9842, of a request's body (RFC 9110 §8.4). The dictionary
 * is a current file of the same collection, found by its hash; a publisher that has none sends the whole body.
 */

import { dczHeader, decodeDcz, isWithinDcz, supportsDcz } from "../../encoding/dcz.ts";
import { encodeHex } from "../../encoding/hex.ts";
import { hasCode } from "../../errors.ts";
import type { CollectionReader } from "../collections/collection-reader.ts";
import type { StoredFile } from "../storage/stored-file.ts";
import { tooLarge } from "./multipart-reader.ts";
import type { UploadBudget } from "./request-body.ts";
import { storeLost, WireError } from "./wire-error.ts";

/** What reads the current files, and bounds the memory of uploads. */
export interface CodedUploadParts {
  readonly reader: CollectionReader;
  readonly uploads: UploadBudget;
  /** of a decoded body */
  readonly maxBytes: number;
}

/** Shows clients that differences are understood. RFC 9110 §12.5.3 */
export const announcement = { "Accept-Encoding": "dcz" };

/** Decodes the bodies of uploads. */
export class CodedUploads {
  readonly #parts: CodedUploadParts;
  #isSupported = false;
  #received = 0;

  constructor(parts: CodedUploadParts) {
    this.#parts = parts;
    // Until it is known, clients send whole bodies.
    void supportsDcz().then((isSupported) => (this.#isSupported = isSupported));
  }

  /** Uploads that came as a difference and were decoded. */
  get received(): number {
    return this.#received;
  }

  /** Whether differences are understood here. */
  get isSupported(): boolean {
    return this.#isSupported;
  }

  /**
   * Runs `work` on a body as it was before it was encoded.
   *
   * @param coding the `Content-Encoding` of the request
   * @throws WireError `MALFORMED_UPLOAD`: 415 for another coding or an unknown dictionary, 413 beyond a bound, 400 for what cannot be
   *   decoded; `UPDATING` with 503 while other uploads fill the memory
   */
  async withDecoded<T>(
    gun: string,
    coding: string | undefined,
    body: Buffer,
    work: (decoded: Buffer) => Promise<T>,
  ): Promise<T> {
    const name = (coding ?? "identity").trim().toLowerCase();
    if (name === "identity") return await work(body);
    if (name !== "dcz" || !this.#isSupported) throw this.#unsupported(`the coding ${name.slice(0, 40)}`);
    const { dictionary, contentBytes } = understood(() => dczHeader(body));
    const { uploads, maxBytes } = this.#parts;
    if (contentBytes === undefined) throw malformed("the difference does not declare its length");
    if (contentBytes > maxBytes || !isWithinDcz(contentBytes)) throw tooLarge(`at most ${maxBytes} bytes are accepted`);
    const base = await this.#current(gun, dictionary);
    if (base === undefined) throw this.#unsupported("a dictionary that is not a current file");
    return await uploads.withBytes(contentBytes, async () => {
      const decoded = await decodeDcz(body, base.bytes, contentBytes).catch(refuse);
      this.#received += 1;
      return await work(Buffer.from(decoded.buffer, decoded.byteOffset, decoded.byteLength));
    });
  }

  /** The current file with a hash: another publisher may have replaced it, and then the publication would be refused as well. */
  async #current(gun: string, sha256: string): Promise<StoredFile | undefined> {
    const { reader } = this.#parts;
    const reading = await reader.read(gun);
    if (reading.freshness === "unknown") throw storeLost("UPDATING");
    if (reading.freshness !== "current") return undefined;
    for (const [role, { hashes }] of reading.view.meta) {
      const hash = hashes.get("sha256");
      if (hash !== undefined && encodeHex(hash) === sha256) return await reader.fileIn(reading.view, gun, role);
    }
    return undefined;
  }

  /** RFC 9110 §15.5.16: what this request could have had instead. */
  #unsupported(what: string): WireError {
    const headers = { "Accept-Encoding": "identity" };
    return new WireError("MALFORMED_UPLOAD", { status: 415, detail: `${what}: send the whole body`, headers });
  }
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    return refuse(error);
  }
}

function refuse(error: unknown): never {
  if (hasCode(error, "TOO_LARGE", "DCZ_MALFORMED")) throw malformed(error.message, error);
  throw error;
}

function malformed(detail: string, cause?: unknown): WireError {
  return new WireError("MALFORMED_UPLOAD", { detail, cause });
}
