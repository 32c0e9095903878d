/**
 * Changes one member of a JSON text that other programs wrote, and leaves every other byte as it is: order, indentation, numbers of any
 * length, members nobody here knows. The text must be JSON already; `parseOrdinaryJson` says whether it is.
 */
import { indentOf, objectAt, type PlacedMember, type PlacedObject, rootOf, spaceBefore } from "./json-places.ts";
import { isJsonObject, type JsonValue } from "./json-value.ts";

/** The names that lead to a member, outermost first. */
export type JsonPath = readonly [string, ...string[]];

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
  readonly object: PlacedObject;
  readonly member: PlacedMember;
  /** of the line the member begins on */
  readonly indent: string;
}

function occurrences(text: string, path: JsonPath): Place[] {
  let objects: PlacedObject[] = [rootOf(text)];
  const last = path[path.length - 1];
  for (const name of path.slice(0, -1)) objects = objects.flatMap((object) => objectsNamed(text, object, name));
  return objects.flatMap((object) =>
    object.members
      .filter((member) => member.name === last)
      .map((member) => ({ object, member, indent: indentOf(text, object, member) })),
  );
}

function objectsNamed(text: string, { members }: PlacedObject, name: string): PlacedObject[] {
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
  object: PlacedObject,
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
function before(text: string, object: PlacedObject, last: PlacedMember, layout: Layout): string {
  const space = spaceBefore(text, object, last);
  if (space !== "" || object.members.length > 1) return space;
  return layout.lineEnd === "" && layout.colon.endsWith(" ") ? " " : "";
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
