/**
 * Sends a new version of a file as the difference from an older one that the client has: Compression Dictionary Transport, RFC 9842. The
 * older one is found by the hash that the client names, among what the store keeps. Each pair is encoded once, on another thread, and few
 * at the same time; in all other cases the file is sent as to any client.
 */

import type { IncomingHttpHeaders } from "node:http";
import { commonWindowBytes, encodeDcz } from "../../encoding/dcz.ts";
import { answeredWithin } from "../../service/answered-within.ts";
import { BoundedMap } from "../../service/bounded-map.ts";
import { acceptsCoding } from "../../http/server/content-coding.ts";
import type { CollectionReader } from "../collections/collection-reader.ts";
import type { StoredFile } from "../storage/stored-file.ts";
import { codedReply, isDictionary, type CacheControl } from "./file-reply.ts";
import type { Reply } from "./reply.ts";

/** How far behind a client may be, in versions. Older differences are larger, and each takes the whole time again. */
const maxVersionsBehind = 256;
/** Further clients get the whole file meanwhile: encoding takes a processor, and tens of megabytes. */
const maxEncodings = 2;
const basePatienceMs = 1000;
/** kept for each file */
const maxKept = 8;
/** A kept difference is at most this part of its file. */
const keptPart = 1 / 16;
/** Beyond this part of the file, ordinary compression is about as good. */
const usefulPart = 1 / 4;

type Encoded = Promise<Buffer | undefined>;

/** The differences that are sent; kept with the file they lead to. */
export class DictionaryReplies {
  readonly #reader: Pick<CollectionReader, "byChecksum">;
  readonly #kept = new WeakMap<StoredFile, Map<string, Encoded>>();
  #running = 0;
  #sent = 0;
  #savedBytes = 0;

  constructor(reader: Pick<CollectionReader, "byChecksum">) {
    this.#reader = reader;
  }

  /** Counts for the metrics. */
  get counts(): { readonly sent: number; readonly savedBytes: number } {
    return { sent: this.#sent, savedBytes: this.#savedBytes };
  }

  /** The answer with a difference; undefined when the whole file has to be sent. */
  async find(
    gun: string,
    file: StoredFile,
    cacheControl: CacheControl,
    headers: IncomingHttpHeaders,
  ): Promise<Reply | undefined> {
    const dictionary = dictionaryIn(headers);
    if (dictionary === undefined || !isDictionary(file) || headers["if-none-match"] !== undefined) return undefined;
    const body = await (this.#known(file).get(dictionary) ?? this.#encoded(gun, file, dictionary));
    if (body === undefined) return undefined;
    this.#sent += 1;
    this.#savedBytes += file.bytes.length - body.length;
    return codedReply(file, { name: "dcz", tag: `dcz-${dictionary}`, body }, cacheControl);
  }

  async #encoded(gun: string, file: StoredFile, dictionary: string): Encoded {
    const base = await this.#base(gun, file.role, dictionary);
    const behind = base === undefined ? 0 : file.version - base.version;
    if (base === undefined || behind < 1 || behind > maxVersionsBehind) return undefined;
    // The content is the window: a client need not have a larger one.
    if (file.bytes.length > commonWindowBytes(base.bytes.length)) return undefined;
    const known = this.#known(file);
    const started = known.get(dictionary);
    if (started !== undefined) return await started;
    if (this.#running >= maxEncodings) return undefined;
    const encoding = this.#encode(file, base);
    known.set(dictionary, encoding);
    const body = await encoding;
    if (body !== undefined && body.length > file.bytes.length * keptPart) known.delete(dictionary);
    return body;
  }

  /** The file itself may be in memory while the store is away: its readers do not wait for what only saves bytes. */
  async #base(gun: string, role: StoredFile["role"], sha256: string): Promise<StoredFile | undefined> {
    const found = this.#reader.byChecksum(gun, role, sha256);
    return await answeredWithin(found, basePatienceMs, () => new Error("late")).catch(() => undefined);
  }

  async #encode(file: StoredFile, base: StoredFile): Encoded {
    this.#running += 1;
    try {
      const body = await encodeDcz(file.bytes, base.bytes, Buffer.from(base.sha256, "hex"));
      return body.length > file.bytes.length * usefulPart ? undefined : body;
    } catch {
      return undefined; // the whole file is right, too
    } finally {
      this.#running -= 1;
    }
  }

  #known(file: StoredFile): Map<string, Encoded> {
    const known = this.#kept.get(file) ?? new BoundedMap<string, Encoded>(maxKept);
    this.#kept.set(file, known);
    return known;
  }
}

/** The hash in `Available-Dictionary`, a byte sequence of RFC 9651, as lower-case hex; undefined unless `dcz` is accepted by its name. */
function dictionaryIn(headers: IncomingHttpHeaders): string | undefined {
  const header = headers["available-dictionary"];
  const [, text] = /^ *:([A-Za-z0-9+/]{43}=): *$/u.exec(typeof header === "string" ? header : "") ?? [];
  return text === undefined || !acceptsCoding(headers["accept-encoding"], "dcz")
    ? undefined
    : Buffer.from(text, "base64").toString("hex");
}
