/**
 * Changes one member of a JSON text that other programs wrote, and leaves every other byte as it is: order, indentation, numbers of any
 * length, members nobody here knows. The text must be JSON already; `parseOrdinaryJson` says whether it is.
 */
import { isJsonObject, type JsonValue } from "./json-value.ts";

/** The names that lead to a member, outermost first. */
export type JsonPath = readonly [string, ...string[]];

interface Member {
  readonly name: string;
  /** of the name's opening quote */
  readonly start: number;
  /** after the name's closing quote */
  readonly nameEnd: number;
  readonly valueStart: number;
  /** after the value */
  readonly end: number;
}

interface WrittenObject {
  /** of the brace */
  readonly start: number;
  readonly members: readonly Member[];
  /** after the brace */
  readonly end: number;
}

/** How a text breaks its lines: no line end at all for a text on one line. */
interface Layout {
  readonly lineEnd: string;
  readonly unit: string;
  readonly colon: string;
}

/**
 * The text with a member set: replaced where it stands, else appended to its object, which is made where it is missing or null. New text takes
 * the indentation of the text around it; a text without any gets docker's, a tab.
 *
 * @param text a JSON object
 */
export function withJsonMember(text: string, path: JsonPath, value: JsonValue): string {
  const places = occurrences(text, path);
  const [place] = places;
  // a repeated member would leave the old value in the text
  if (places.length > 1) return withJsonMember(withoutJsonMember(text, path), path, value);
  const layout = layoutOf(text);
  if (place === undefined) return appended(text, rootOf(text), path, value, { layout, indent: "" });
  return splice(text, place.member.valueStart, place.member.end, written(value, layout, place.indent));
}

/** The text without a member, however often it is written. */
export function withoutJsonMember(text: string, path: JsonPath): string {
  const [place] = occurrences(text, path);
  if (place === undefined) return text;
  const { object, member } = place;
  const index = object.members.indexOf(member);
  const previous = object.members[index - 1];
  const next = object.members[index + 1];
  const cut = (): string => {
    if (previous !== undefined) return splice(text, previous.end, member.end, "");
    if (next !== undefined) return splice(text, member.start, next.start, "");
    return splice(text, object.start, object.end, "{}");
  };
  return withoutJsonMember(cut(), path);
}

interface Place {
  readonly object: WrittenObject;
  readonly member: Member;
  /** of the line the member begins on */
  readonly indent: string;
}

function occurrences(text: string, path: JsonPath): Place[] {
  let objects: WrittenObject[] = [rootOf(text)];
  const last = path[path.length - 1];
  for (const name of path.slice(0, -1)) objects = objects.flatMap((object) => objectsNamed(text, object, name));
  return objects.flatMap((object) =>
    object.members
      .filter((member) => member.name === last)
      .map((member) => ({ object, member, indent: indentOf(text, object, member) })),
  );
}

function objectsNamed(text: string, { members }: WrittenObject, name: string): WrittenObject[] {
  return members
    .filter((member) => member.name === name && text[member.valueStart] === "{")
    .map(({ valueStart }) => objectAt(text, valueStart));
}

interface Surroundings {
  readonly layout: Layout;
  /** of the line the object begins on */
  readonly indent: string;
}

function appended(
  text: string,
  object: WrittenObject,
  [name, ...rest]: JsonPath,
  value: JsonValue,
  around: Surroundings,
): string {
  const { layout, indent } = around;
  const [inner, ...deeper] = rest;
  const present = inner === undefined ? undefined : object.members.findLast((member) => member.name === name);
  const memberIndent = indentOf(text, object, object.members.at(-1)) || indent + layout.unit;
  if (inner !== undefined && present !== undefined && text[present.valueStart] === "{") {
    const nested = { layout, indent: indentOf(text, object, present) };
    return appended(text, objectAt(text, present.valueStart), [inner, ...deeper], value, nested);
  }
  const whole = rest.reduceRight<JsonValue>((part, step) => ({ [step]: part }), value);
  const valueText = written(whole, layout, memberIndent);
  if (present !== undefined) return splice(text, present.valueStart, present.end, valueText);
  const memberText = `${JSON.stringify(name)}${layout.colon}${valueText}`;
  const last = object.members.at(-1);
  if (last !== undefined)
    return splice(text, last.end, last.end, `,${before(text, object, last, layout)}${memberText}`);
  const [open, close] = layout.lineEnd === "" ? ["", ""] : [layout.lineEnd + memberIndent, layout.lineEnd + indent];
  return splice(text, object.start, object.end, `{${open}${memberText}${close}}`);
}

/** White space to put between a comma and one member more. */
function before(text: string, object: WrittenObject, last: Member, layout: Layout): string {
  const space = spaceBefore(text, object, last);
  if (space !== "" || object.members.length > 1) return space;
  return layout.lineEnd === "" && layout.colon.endsWith(" ") ? " " : "";
}

function spaceBefore(text: string, object: WrittenObject, member: Member): string {
  return /[ \t\r\n]*$/.exec(text.slice(object.start + 1, member.start))?.[0] ?? "";
}

function indentOf(text: string, object: WrittenObject, member: Member | undefined): string {
  return member === undefined ? "" : (/[\r\n]([ \t]*)$/.exec(spaceBefore(text, object, member))?.[1] ?? "");
}

function layoutOf(text: string): Layout {
  const root = rootOf(text);
  const [first] = root.members;
  if (first === undefined) return { lineEnd: /\r?\n/.exec(text)?.[0] ?? "\n", unit: "\t", colon: ": " };
  const colon = text.slice(first.nameEnd, first.valueStart);
  const lineEnd = /\r?\n/.exec(spaceBefore(text, root, first))?.[0] ?? "";
  return { lineEnd, unit: indentOf(text, root, first), colon: /[\r\n]/.test(colon) ? ": " : colon };
}

function written(value: JsonValue, layout: Layout, indent: string): string {
  if (!isJsonObject(value)) return JSON.stringify(value);
  const { lineEnd, unit, colon } = layout;
  const inner = indent + unit;
  const members = Object.entries(value).map(
    ([name, part]) => `${JSON.stringify(name)}${colon}${written(part, layout, inner)}`,
  );
  if (members.length === 0) return "{}";
  if (lineEnd === "") return `{${members.join(colon.endsWith(" ") ? ", " : ",")}}`;
  return `{${lineEnd}${inner}${members.join(`,${lineEnd}${inner}`)}${lineEnd}${indent}}`;
}

function splice(text: string, from: number, to: number, replacement: string): string {
  return text.slice(0, from) + replacement + text.slice(to);
}

/** Nothing but white space, or a byte order mark, stands before it. */
function rootOf(text: string): WrittenObject {
  return objectAt(text, text.indexOf("{"));
}

function objectAt(text: string, start: number): WrittenObject {
  const members: Member[] = [];
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
