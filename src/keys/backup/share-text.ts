/**
 * One share as text: bech32m, made to be typed. Its checksum finds every error of up to four characters, and its letters are not mistaken for
 * each other. `TAGSEALSHARE1`, then version, set, k, n, number and point in 74 characters.
 *
 * @see BIP 350
 */
import { bech32m } from "@scure/base";
import { KeyStoreError } from "../../errors.ts";

/** One of the n shares of a backup's key. */
export interface KeyShare {
  /** names the n shares that belong together: the beginning of a hash, 5 bytes in hexadecimal */
  readonly set: string;
  /** how many shares open the backup */
  readonly needed: number;
  /** how many were made */
  readonly made: number;
  /** from 1 */
  readonly number: number;
  /** what `shamir-secret-sharing` made: 32 bytes, then one that says where on the curve */
  readonly point: Uint8Array;
}

/** Between 2 and 16 shares: more pages than that find no safe places. */
export const maxShares = 16;

const prefix = "tagsealshare";
const version = 1;
const pointBytes = 33;
const setBytes = 5;
const dataLength = 68;
/** Characters after the separator: the data and a checksum of six. */
const bodyLength = dataLength + 6;
const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const groupLength = 4;
const groupsPerLine = 5;

/** The length of a share's text without the blanks between its groups. */
export const shareTextLength = prefix.length + 1 + bodyLength;

/** The text in one piece, in capitals: the form for a QR code, which is smaller without small letters. */
export function shareText({ set, needed, made, number, point }: KeyShare): string {
  const data = Buffer.concat([Buffer.of(version), Buffer.from(set, "hex"), Buffer.of(needed, made, number), point]);
  return bech32m.encode(prefix, bech32m.toWords(data)).toUpperCase();
}

/** The text as lines of groups to be typed or read aloud. */
export function shareLines(share: KeyShare): readonly string[] {
  const text = shareText(share);
  const start = prefix.length + 1;
  const groups = text.slice(start).match(new RegExp(`.{1,${groupLength}}`, "gu")) ?? [];
  const lines = [text.slice(0, start)];
  for (let first = 0; first < groups.length; first += groupsPerLine)
    lines.push(groups.slice(first, first + groupsPerLine).join(" "));
  return lines;
}

/** A set as people compare it: `1A2B3 C4D5E`. */
export function shownSet(set: string): string {
  return `${set.slice(0, 5)} ${set.slice(5)}`.toUpperCase();
}

/**
 * The characters of the share in a text: what a person typed, or a whole page. Undefined when there is none.
 *
 * @returns small letters, without blanks and hyphens, and no more than a share has
 */
export function findShare(text: string): string | undefined {
  const [, rest] = new RegExp(`${prefix}1([\\s\\S]*)`, "iu").exec(text) ?? [];
  if (rest === undefined) return undefined;
  return `${prefix}1${rest.replaceAll(/[\s-]/gu, "").slice(0, bodyLength).toLowerCase()}`;
}

/**
 * Reads a share.
 *
 * @param text with or without blanks and hyphens, in either case, or a page with a share on it
 * @param source where it comes from, for messages: `share-2-of-5.txt`, `the second share`
 * @throws KeyStoreError `SHARE_INVALID` that names the source and, where it can be known, the group with the error; never the text
 */
export function parseShare(text: string, source: string): KeyShare {
  const found = findShare(text);
  if (found === undefined)
    throw invalid(`${source} is not a share`, `A share begins with ${prefix.toUpperCase()}1: look for that line.`);
  const body = found.slice(prefix.length + 1);
  const foreign = Array.from(body).findIndex((character) => !alphabet.includes(character));
  if (foreign !== -1) {
    throw typed(source, `group ${groupOf(foreign)} has a character that no share has`);
  }
  if (body.length < bodyLength)
    throw typed(source, `it has ${body.length} characters after the first line instead of ${bodyLength}`);
  const decoded = decode(found);
  if (decoded === undefined) {
    const group = groupInError(body);
    throw typed(source, group === undefined ? "its checksum does not match" : `look at group ${group}`);
  }
  return shareOf(decoded, source);
}

function decode(text: string): Uint8Array | undefined {
  try {
    return bech32m.decodeToBytes(text).bytes;
  } catch {
    return undefined; // a wrong checksum; the characters were checked before
  }
}

function shareOf(data: Uint8Array, source: string): KeyShare {
  const bytes = Buffer.from(data);
  if (bytes[0] !== version)
    throw invalid(`${source} was made by a newer Tagseal`, "Use the version of Tagseal that made the share.");
  const [needed = 0, made = 0, number = 0] = bytes.subarray(1 + setBytes);
  const point = bytes.subarray(4 + setBytes);
  if (needed < 2 || made < needed || made > maxShares || number < 1 || number > made || point.length !== pointBytes)
    throw invalid(`${source} has numbers that no share has`, "Use another share.");
  return { set: bytes.subarray(1, 1 + setBytes).toString("hex"), needed, made, number, point };
}

/** Where one character is wrong, its place is certain. The right one is not shown: a person reads the page again. */
function groupInError(body: string): number | undefined {
  for (let place = 0; place < body.length; place += 1) {
    for (const other of alphabet) {
      const corrected = `${prefix}1${body.slice(0, place)}${other}${body.slice(place + 1)}`;
      if (decode(corrected) !== undefined) return groupOf(place);
    }
  }
  return undefined;
}

function groupOf(place: number): number {
  return Math.floor(place / groupLength) + 1;
}

function typed(source: string, detail: string): KeyStoreError {
  return invalid(
    `${source} has a typing error: ${detail}`,
    `Compare it with the page, group by group (groups of ${groupLength} after the first line), and give it again.`,
  );
}

function invalid(message: string, hint: string): KeyStoreError {
  return new KeyStoreError("SHARE_INVALID", message, { hint });
}
