import { EncodingError } from "../errors.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { compareUtf8 } from "./json-value.ts";

/** One PEM block. Key files carry headers (`role`, `gun`, …) between the BEGIN line and the base64 text. */
export interface PemBlock {
  /** what stands in the BEGIN line, e.g. `ENCRYPTED PRIVATE KEY` */
  readonly label: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array;
}

const beginLine = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,63})-----$/;
const maxHeaders = 32;
const maxBlocks = 10_000;

/**
 * Reads every PEM block of a text, in order. Text outside blocks is skipped, as RFC 7468 allows; a caller that needs
 * the exact text compares it with {@link serialisePem}.
 *
 * @returns the blocks; empty when there are none
 * @throws EncodingError `PEM_MALFORMED` for a block without an end, a malformed header, bad base64, more than 32
 * headers in a block or more than 10,000 blocks
 * @see RFC 7468; RFC 1421 §4.6 for headers
 */
export function parsePem(text: string): PemBlock[] {
  const lines = text.split(/\r?\n/);
  const blocks: PemBlock[] = [];
  for (let index = 0; index < lines.length; index++) {
    const label = beginLine.exec(lines[index]?.trimEnd() ?? "")?.[1];
    if (label === undefined) continue;
    if (blocks.length === maxBlocks) throw malformed(`more than ${maxBlocks} blocks`, index);
    const end = findEnd(lines, label, index);
    blocks.push(parseBlock(label, lines.slice(index + 1, end), index));
    index = end;
  }
  return blocks;
}

/**
 * Writes one block as the standard encoders do: headers sorted, an empty line after them, base64 in lines of 64
 * characters, and a final newline.
 *
 * @throws EncodingError `PEM_MALFORMED` when a label or header cannot be written so that it reads back unchanged
 */
export function serialisePem(block: PemBlock): string {
  const begin = `-----BEGIN ${block.label}-----`;
  if (!beginLine.test(begin) || block.label.endsWith(" ")) throw unwritable(`label ${JSON.stringify(block.label)}`);
  const names = [...block.headers.keys()].sort(compareUtf8);
  const headers = names.map((name) => headerLine(name, block.headers.get(name) ?? ""));
  const body = encodeBase64(block.bytes).match(/.{1,64}/g) ?? [];
  const lines = [begin, ...headers, ...(headers.length > 0 ? [""] : []), ...body, `-----END ${block.label}-----`, ""];
  return lines.join("\n");
}

function headerLine(name: string, value: string): string {
  const line = `${name}: ${value}`;
  const back = parseHeader(line);
  // A newline in a role or GUN would otherwise start another header.
  if (/[\r\n]/.test(line) || back?.[0] !== name || back[1] !== value)
    throw unwritable(`header ${JSON.stringify(name)}`);
  return line;
}

function findEnd(lines: readonly string[], label: string, begin: number): number {
  const endLine = `-----END ${label}-----`;
  for (let index = begin + 1; index < lines.length; index++) {
    const line = lines[index]?.trimEnd() ?? "";
    if (line === endLine) return index;
    if (line.startsWith("-----")) break;
  }
  throw malformed(`block ${label} has no END line`, begin);
}

function parseBlock(label: string, lines: readonly string[], begin: number): PemBlock {
  const headers = new Map<string, string>();
  let body = 0;
  for (; body < lines.length; body++) {
    const line = lines[body] ?? "";
    if (!line.includes(":")) break;
    const header = parseHeader(line);
    if (header === undefined) throw malformed("malformed header", begin + 1 + body);
    if (headers.has(header[0])) throw malformed(`header ${header[0]} given twice`, begin + 1 + body);
    if (headers.size === maxHeaders) throw malformed(`more than ${maxHeaders} headers`, begin + 1 + body);
    headers.set(...header);
  }
  return { label, headers, bytes: parseBody(lines.slice(body), begin) };
}

function parseHeader(line: string): [name: string, value: string] | undefined {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon).trim();
  return name === "" ? undefined : [name, line.slice(colon + 1).trim()];
}

function parseBody(lines: readonly string[], begin: number): Uint8Array {
  try {
    return decodeBase64(lines.map((line) => line.trim()).join(""));
  } catch (cause) {
    throw new EncodingError("PEM_MALFORMED", `Cannot parse PEM: the block at line ${begin + 1} is not base64`, {
      cause,
    });
  }
}

function malformed(reason: string, line: number): EncodingError {
  return new EncodingError("PEM_MALFORMED", `Cannot parse PEM: ${reason} at line ${line + 1}`);
}

function unwritable(what: string): EncodingError {
  return new EncodingError("PEM_MALFORMED", `Cannot write PEM: ${what} would not read back unchanged`);
}
