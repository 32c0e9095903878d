/** The part of the Protocol Buffers wire format that gRPC messages here need: numbers, texts, bytes and messages in messages. */

import { EncodingError } from "../errors.ts";

/** A field's value on the wire: a number, or bytes that are a text, a message or just bytes. */
export type ProtobufValue = bigint | Uint8Array;

const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const maxFieldNumber = 2 ** 29 - 1;

/** Writes a field that holds bytes or a nested message, also when it is empty: an empty message is there. */
export function protobufBytes(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(tag(field, wireType.bytes)), varint(BigInt(bytes.length)), bytes]);
}

/** Writes a text field; nothing when it is empty, which is what an absent one means. */
export function protobufText(field: number, text: string): Buffer {
  return text === "" ? Buffer.alloc(0) : protobufBytes(field, Buffer.from(text, "utf8"));
}

/** Writes a number field, an enumeration for instance; nothing for 0. */
export function protobufNumber(field: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([varint(tag(field, wireType.varint)), varint(BigInt(value))]);
}

/**
 * Reads the fields of one message. Of a field that comes twice the last one counts; fields of fixed size, which no message
 * here has, are passed over. The caller has bounded the size.
 *
 * Off-spec: a nested message that comes twice is not merged.
 *
 * @throws EncodingError `PROTOBUF_MALFORMED`
 * @see protobuf.dev: encoding
 */
export function parseProtobuf(bytes: Uint8Array): ReadonlyMap<number, ProtobufValue> {
  const fields = new Map<number, ProtobufValue>();
  const reader = new Reader(bytes);
  while (!reader.isAtEnd) {
    const key = reader.varint();
    const field = Number(key >> 3n);
    if (field < 1 || field > maxFieldNumber) throw malformed("field number out of range");
    const value = reader.value(Number(key & 7n));
    if (value !== undefined) fields.set(field, value);
  }
  return fields;
}

/** The bytes of a field; none when it is absent. @throws EncodingError `PROTOBUF_MALFORMED` when it is a number */
export function bytesOf(fields: ReadonlyMap<number, ProtobufValue>, field: number): Uint8Array {
  const value = fields.get(field) ?? new Uint8Array();
  if (typeof value === "bigint") throw malformed(`field ${field} is a number, expected bytes`);
  return value;
}

/** The text of a field; empty when it is absent. @throws EncodingError `PROTOBUF_MALFORMED` when it is not UTF-8 */
export function textOf(fields: ReadonlyMap<number, ProtobufValue>, field: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(fields, field));
  } catch (error) {
    if (error instanceof EncodingError) throw error;
    throw malformed(`field ${field} is not UTF-8`);
  }
}

/** The number in a field; 0 when it is absent. @throws EncodingError `PROTOBUF_MALFORMED` when it is not a small number */
export function numberOf(fields: ReadonlyMap<number, ProtobufValue>, field: number): number {
  const value = fields.get(field) ?? 0n;
  if (typeof value !== "bigint" || value > 0xffffffffn) throw malformed(`field ${field} is not a number of 32 bits`);
  return Number(value);
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw malformed("it ends within a number");
      this.#at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed("a number is longer than ten bytes");
  }

  value(type: number): ProtobufValue | undefined {
    switch (type) {
      case wireType.varint:
        return this.varint();
      case wireType.bytes:
        return this.#take(this.varint());
      case wireType.fixed64:
        return void this.#take(8n);
      case wireType.fixed32:
        return void this.#take(4n);
      default:
        throw malformed(`unknown wire type ${type}`);
    }
  }

  #take(length: bigint): Uint8Array {
    if (length > BigInt(this.#bytes.length - this.#at)) throw malformed("it ends within a field");
    const start = this.#at;
    this.#at += Number(length);
    return this.#bytes.subarray(start, this.#at);
  }
}

function tag(field: number, type: number): bigint {
  return (BigInt(field) << 3n) | BigInt(type);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function malformed(reason: string): EncodingError {
  return new EncodingError("PROTOBUF_MALFORMED", `Cannot parse protocol buffer message: ${reason}`);
}
