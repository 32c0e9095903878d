/**
 * The fields of a tar header: names, numbers and checksum, and the extensions that precede the header of a file.
 *
 * @see POSIX.1-2017 pax, ustar; GNU tar long names and base-256 numbers
 */
import { malformed } from "./manifest.ts";

/** Extensions for the next file from a preceding header: a long name, a large size. */
export interface TarExtension {
  name?: string;
  linkName?: string;
  size?: number;
}

/** Adds what the body of an extension says. Types: GNU `L` and `K`, pax `x`; others say nothing about one file. */
export function readExtension(extension: TarExtension, type: string, body: Buffer): void {
  if (type === "L") extension.name = textField(body, 0, body.length);
  if (type === "K") extension.linkName = textField(body, 0, body.length);
  // a global header ("g") has comments and defaults, not names and sizes
  if (type !== "x") return;
  const records = paxRecords(body);
  const [name, linkName, size] = [records.get("path"), records.get("linkpath"), records.get("size")];
  if (name !== undefined) extension.name = name;
  if (linkName !== undefined) extension.linkName = linkName;
  if (size !== undefined && /^\d{1,15}$/.test(size)) extension.size = Number(size);
}

function paxRecords(body: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let position = 0; position < body.length;) {
    const space = body.indexOf(0x20, position);
    const length = Number(body.toString("latin1", position, space));
    if (space < 0 || !Number.isSafeInteger(length) || length <= space - position || position + length > body.length)
      break;
    const record = body.toString("utf8", space + 1, position + length - 1);
    const equals = record.indexOf("=");
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    position += length;
  }
  return records;
}

/** Refuses what is not a header. @throws NetworkError `IMAGE_MALFORMED` */
export function checkHeader(header: Buffer, location: string, position: number): void {
  const stored = numberField(header, 148, 8);
  let sum = 8 * 0x20;
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  if (sum !== stored)
    throw malformed(`${location} is not a tar archive: the header at byte ${position} has a wrong checksum`);
}

/** A text, which a zero byte ends. */
export function textField(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}

/** An octal number, or GNU's base 256 for large ones; -1 when it is neither. */
export function numberField(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if (first === 0x80) return Number(block.readBigUInt64BE(start + length - 8));
  const digits = textField(block, start, length).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits === "" ? "0" : digits, 8) : -1;
}
