import { contextTag, derTag } from "./der-tag.ts";

/** Writes one element: identifier octet, shortest length, the given contents one after another. */
export function derElement(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  return Buffer.concat([Uint8Array.of(tag), lengthOctets(length), ...contents]);
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

/** Writes a SEQUENCE of already encoded elements. */
export function derSequence(...elements: readonly Uint8Array[]): Buffer {
  return derElement(derTag.sequence, ...elements);
}

/** Writes a SET OF already encoded elements, in the order DER demands. */
export function derSet(...elements: readonly Uint8Array[]): Buffer {
  return derElement(derTag.set, ...[...elements].sort((a, b) => Buffer.compare(a, b)));
}

/** Writes an explicit context tag `[number]` around already encoded elements. */
export function derExplicit(number: number, ...elements: readonly Uint8Array[]): Buffer {
  return derElement(contextTag(number, "constructed"), ...elements);
}

/** Writes a non-negative INTEGER from a number up to 2^48-1 or a big-endian magnitude of any length. */
export function derInteger(value: number | Uint8Array): Buffer {
  const magnitude = typeof value === "number" ? magnitudeOf(value) : value;
  const firstUsed = magnitude.findIndex((octet) => octet !== 0);
  const significant = firstUsed < 0 ? Uint8Array.of(0) : magnitude.subarray(firstUsed);
  const sign = (significant[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : [];
  return derElement(derTag.integer, ...sign, significant);
}

function magnitudeOf(value: number): Uint8Array {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

/** Writes an OBJECT IDENTIFIER given in dotted form; the text is the program's own, not input. */
export function derOid(dotted: string): Buffer {
  const [root = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return derElement(derTag.oid, Uint8Array.from([root * 40 + second, ...rest].flatMap(base128)));
}

function base128(arc: number): number[] {
  const octets = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) octets.unshift(0x80 | (rest % 128));
  return octets;
}

/** Writes an OCTET STRING. */
export function derOctetString(bytes: Uint8Array): Buffer {
  return derElement(derTag.octetString, bytes);
}

/** Writes a BIT STRING of whole octets. */
export function derBitString(bytes: Uint8Array): Buffer {
  return derElement(derTag.bitString, Uint8Array.of(0), bytes);
}

/** Writes a BOOLEAN. */
export function derBoolean(value: boolean): Buffer {
  return derElement(derTag.boolean, Uint8Array.of(value ? 0xff : 0));
}

/** Writes NULL. */
export function derNull(): Buffer {
  return derElement(derTag.null);
}

/** Writes a UTF8String. */
export function derUtf8String(text: string): Buffer {
  return derElement(derTag.utf8String, Buffer.from(text, "utf8"));
}

/** Writes a PrintableString; the caller has checked the alphabet. */
export function derPrintableString(text: string): Buffer {
  return derElement(derTag.printableString, Buffer.from(text, "latin1"));
}

/** Writes a time in whole seconds as RFC 5280 §4.1.2.5 wants: UTCTime from 1950 to 2049, GeneralizedTime otherwise. */
export function derTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(0, 14);
  const year = date.getUTCFullYear();
  if (year >= 1950 && year < 2050) return derElement(derTag.utcTime, Buffer.from(`${digits.slice(2)}Z`, "latin1"));
  return derElement(derTag.generalizedTime, Buffer.from(`${digits}Z`, "latin1"));
}
