import { WrittenMembers } from "./written-members.ts";

/** Members found by {@link recogniseMembers}, and where the object ends. */
export interface RecognisedMembers {
  readonly members: WrittenMembers;
  /** position after the closing brace */
  readonly end: number;
}

const openingBrace = 0x7b;
const closingBrace = 0x7d;

/**
 * Recognises an object all of whose members look alike, without reading their values. A file of fifty thousand entries is so taken in at
 * the speed of the platform's pattern matcher, and only the entries that are used are ever read.
 *
 * Strict ascending order makes duplicates impossible; everything else is up to the pattern.
 *
 * @param start where the object begins in `text`
 * @param member sticky; matches one member and the comma or brace after it, captures its name, and matches nothing but JSON in file form whose
 *   name is ASCII and needs no escape
 * @returns undefined for anything else, an empty object included: read it the ordinary way
 */
export function recogniseMembers(text: string, start: number, member: RegExp): RecognisedMembers | undefined {
  if (text.charCodeAt(start) !== openingBrace) return undefined;
  const names: string[] = [];
  const starts: number[] = [];
  let previous: string | undefined;
  let at = start + 1;
  do {
    member.lastIndex = at;
    const name = member.exec(text)?.[1];
    if (name === undefined || (previous !== undefined && previous >= name)) return undefined;
    names.push((previous = name));
    starts.push(at);
    at = member.lastIndex;
  } while (text.charCodeAt(at - 1) !== closingBrace);
  starts.push(at);
  return { members: new WrittenMembers(text, names, starts), end: at };
}
