import { EncodingError } from "../errors.ts";
import { derTag } from "./der-tag.ts";

/** One DER element. */
export interface DerElement {
  /** identifier octet */
  readonly tag: number;
  readonly content: Uint8Array;
  /** identifier, length and content */
  readonly encoded: Uint8Array;
}

/**
 * Reads DER elements one after another from a buffer. Strict: definite, shortest lengths, low tag numbers, nothing
 * beyond the buffer. It never recurses by itself: structure and so depth are what the calling code asks for.
 *
 * Every method throws EncodingError `DER_MALFORMED` when the bytes are not what was asked for; messages name the byte
 * offset within this reader's buffer and `what` the caller was reading.
 *
 * @see ITU-T X.690 §8, §10, §11
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #offset = 0;

  /** @param what names the structure in error messages, e.g. "private key" */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** True when every byte has been read. */
  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** Tag of the next element, without reading it; undefined at the end. */
  peekTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** Throws unless every byte has been read. */
  end(): void {
    if (!this.done) throw this.#malformed("unexpected bytes after the last element");
  }

  /** The next element, whatever its tag. */
  next(): DerElement {
    const start = this.#offset;
    const tag = this.#octet();
    if ((tag & 0x1f) === 0x1f) throw this.#malformed("unsupported high tag number");
    const length = this.#length();
    const from = this.#offset;
    if (length > this.#bytes.length - from) throw this.#malformed("element longer than its container");
    this.#offset = from + length;
    return {
      tag,
      content: this.#bytes.subarray(from, this.#offset),
      encoded: this.#bytes.subarray(start, this.#offset),
    };
  }

  /** Content of the next element, which must have `tag`. */
  read(tag: number): Uint8Array {
    const found = this.peekTag();
    if (found !== tag) {
      const actual = found === undefined ? "the end" : `0x${found.toString(16).padStart(2, "0")}`;
      throw this.#malformed(`expected tag 0x${tag.toString(16).padStart(2, "0")}, found ${actual}`);
    }
    return this.next().content;
  }

  /** Content of the next element if it has `tag`; otherwise undefined, and nothing is read. */
  optional(tag: number): Uint8Array | undefined {
    return this.peekTag() === tag ? this.next().content : undefined;
  }

  /** A reader over the next element, which must be a SEQUENCE, or have `tag`. */
  enter(tag: number = derTag.sequence): DerReader {
    return new DerReader(this.read(tag), this.#what);
  }

  /** An INTEGER's content: two's complement, big-endian, shortest form. */
  integerBytes(): Uint8Array {
    const content = this.read(derTag.integer);
    const [first, second] = content;
    const padded = second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (first === undefined || padded) throw this.#malformed("integer not in its shortest form");
    return content;
  }

  /** A non-negative INTEGER's magnitude, big-endian, without a leading zero octet (zero is one zero octet). */
  unsignedBytes(): Uint8Array {
    const content = this.integerBytes();
    if ((content[0] ?? 0) >= 0x80) throw this.#malformed("negative integer");
    return content.length > 1 && content[0] === 0 ? content.subarray(1) : content;
  }

  /** An INTEGER from 0 to 2^48-1. */
  smallInteger(): number {
    const bytes = this.unsignedBytes();
    if (bytes.length > 6) throw this.#malformed("integer too large");
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(): string {
    const content = this.read(derTag.oid);
    const arcs: number[] = [];
    let arc = 0;
    for (const [index, byte] of content.entries()) {
      if (arc === 0 && byte === 0x80) throw this.#malformed("object identifier not in its shortest form");
      arc = arc * 128 + (byte & 0x7f);
      if (!Number.isSafeInteger(arc)) throw this.#malformed("object identifier too large");
      if (byte >= 0x80) {
        if (index === content.length - 1) throw this.#malformed("object identifier cut off");
        continue;
      }
      arcs.push(arc);
      arc = 0;
    }
    const [first, ...rest] = arcs;
    if (first === undefined) throw this.#malformed("empty object identifier");
    const root = Math.min(2, Math.floor(first / 40));
    return [root, first - root * 40, ...rest].join(".");
  }

  /** A BIT STRING of whole octets. */
  bitString(): Uint8Array {
    const content = this.read(derTag.bitString);
    if (content[0] !== 0) throw this.#malformed("bit string is not made of whole octets");
    return content.subarray(1);
  }

  /** A BOOLEAN. */
  boolean(): boolean {
    const content = this.read(derTag.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw this.#malformed("malformed boolean");
    return content[0] === 0xff;
  }

  /** A UTCTime or GeneralizedTime, in UTC with seconds and without fractions, as RFC 5280 §4.1.2.5 wants. */
  time(): Date {
    const short = this.optional(derTag.utcTime);
    const text = Buffer.from(short ?? this.read(derTag.generalizedTime)).toString("latin1");
    const match = (short === undefined ? /^(\d{4})(\d{10})Z$/ : /^(\d{2})(\d{10})Z$/).exec(text);
    if (match === null) throw this.#malformed("malformed time");
    const year = short === undefined ? Number(match[1]) : Number(match[1]) + (Number(match[1]) < 50 ? 2000 : 1900);
    const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = (match[2] ?? "").match(/../g)?.map(Number) ?? [];
    const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
    date.setUTCFullYear(year, month - 1, day);
    const back = date.toISOString().replace(/[-:T]/g, "").slice(0, 14);
    if (back !== `${String(year).padStart(4, "0")}${match[2]}`) throw this.#malformed("impossible time");
    return date;
  }

  #octet(): number {
    const octet = this.#bytes[this.#offset];
    if (octet === undefined) throw this.#malformed("unexpected end");
    this.#offset++;
    return octet;
  }

  #length(): number {
    const first = this.#octet();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw this.#malformed("indefinite or oversized length");
    let length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + this.#octet();
    if (length < 0x80 || length < 256 ** (count - 1)) throw this.#malformed("length not in its shortest form");
    return length;
  }

  #malformed(reason: string): EncodingError {
    return new EncodingError("DER_MALFORMED", `Cannot parse ${this.#what}: ${reason} at byte ${this.#offset}`);
  }
}
