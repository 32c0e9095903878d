/** Where the members of an object stand in a JSON text, with the white space before them. The text must be JSON already. */

/** A member of an object in a text, by its places there. */
export interface PlacedMember {
  readonly name: string;
  /** of the name's opening quote */
  readonly start: number;
  /** after the name's closing quote */
  readonly nameEnd: number;
  readonly valueStart: number;
  /** after the value */
  readonly end: number;
}

/** An object in a text. */
export interface PlacedObject {
  /** of the brace */
  readonly start: number;
  readonly members: readonly PlacedMember[];
  /** after the brace */
  readonly end: number;
}

/** The white space before a member, as far as the brace or comma before it. */
export function spaceBefore(text: string, object: PlacedObject, member: PlacedMember): string {
  return /[ \t\r\n]*$/.exec(text.slice(object.start + 1, member.start))?.[0] ?? "";
}

/** The indentation of the line that a member begins; empty when another thing stands there first. */
export function indentOf(text: string, object: PlacedObject, member: PlacedMember | undefined): string {
  return member === undefined ? "" : (/[\r\n]([ \t]*)$/.exec(spaceBefore(text, object, member))?.[1] ?? "");
}

/** The object that the whole text is. Nothing but white space, or a byte order mark, stands before it. */
export function rootOf(text: string): PlacedObject {
  return objectAt(text, text.indexOf("{"));
}

/** The object whose brace is at a place. */
export function objectAt(text: string, start: number): PlacedObject {
  const members: PlacedMember[] = [];
  let at = afterSpace(text, start + 1);
  while (text[at] === '"') {
    const nameEnd = afterString(text, at);
    const valueStart = afterSpace(text, afterSpace(text, nameEnd) + 1);
    const end = afterValue(text, valueStart);
    // a member's name is text between quotes
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    members.push({ name, start: at, nameEnd, valueStart, end });
    at = afterSpace(text, end);
    if (text[at] === ",") at = afterSpace(text, at + 1);
  }
  return { start, members, end: at + 1 };
}

function afterSpace(text: string, at: number): number {
  let next = at;
  while (" \t\r\n".includes(text[next] ?? "x")) next += 1;
  return next;
}

function afterString(text: string, at: number): number {
  let next = at + 1;
  while (next < text.length && text[next] !== '"') next += text[next] === "\\" ? 2 : 1;
  return next + 1;
}

function afterValue(text: string, at: number): number {
  let next = at;
  let depth = 0;
  while (next < text.length) {
    const letter = text[next] ?? "";
    if (letter === '"') next = afterString(text, next);
    else if (depth === 0 && ",]} \t\r\n".includes(letter)) return next;
    else {
      if (letter === "{" || letter === "[") depth += 1;
      if (letter === "}" || letter === "]") depth -= 1;
      next += 1;
    }
    if (depth === 0 && /["}\]]/.test(text[next - 1] ?? "")) return next;
  }
  return next;
}
