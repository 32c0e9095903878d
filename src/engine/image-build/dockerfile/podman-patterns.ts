/** The patterns in podman's substitutions, `${name#pattern}` and `${name/pattern/text}`: what they match, and what is left of a value. */
import { ExpansionRefused } from "./expansion-refused.ts";

/** Matching takes time that grows with the value. */
const maxValueLength = 256;
const maxResultLength = 2048;

/** The value of a variable to which a pattern is applied. @throws ExpansionRefused when it is too long */
export function valueForPattern(name: string, value: string): string {
  if (value.length > maxValueLength) throw new ExpansionRefused(`the value of ${name} is too long for a pattern`);
  return value;
}

interface Trimming {
  readonly matches: (text: string) => boolean;
  /** `#`: at the front; `%`: at the end */
  readonly operator: "#" | "%";
  /** takes the longest match */
  readonly isGreedy: boolean;
}

/** The value without the part that a pattern matches. */
export function trimmed(value: string, { matches, operator, isGreedy }: Trimming): string {
  // Off by one, as in podman: a match that leaves nothing is not tried, and at the front none that leaves one character.
  const ascending = Array.from({ length: Math.max(value.length - 1, 0) }, (_, index) => index);
  const descending = Array.from({ length: value.length }, (_, index) => value.length - 1 - index);
  const places = isGreedy === (operator === "#") ? descending : ascending;
  const at = places.find((index) => matches(operator === "#" ? value.slice(0, index) : value.slice(index)));
  if (at === undefined) return value;
  return operator === "#" ? value.slice(at) : value.slice(0, at);
}

interface Replacement {
  readonly matches: (text: string) => boolean;
  readonly text: string;
  /** `/`: everywhere; `#`: at the beginning; `%`: at the end */
  readonly mode: string;
}

/** The value with a text where a pattern matches. @throws ExpansionRefused when it becomes too long */
export function replaced(given: string, { matches, text, mode }: Replacement): string {
  let value = given;
  for (let start = 0; start < value.length; start += 1) {
    if (mode === "#" && start > 0) return value;
    const ends = Array.from({ length: value.length - start }, (_, index) => value.length - index);
    const end = ends.find((at) => (mode !== "%" || at === value.length) && matches(value.slice(start, at)));
    if (end === undefined) continue;
    value = value.slice(0, start) + text + value.slice(end);
    if (mode !== "/") return value;
    if (value.length > maxResultLength) throw new ExpansionRefused("the value is too long");
    start += text.length - 1;
  }
  return value;
}

/** Go's path.Match, as far as Dockerfiles use it: `*` and `?`, neither of which matches a slash. @throws ExpansionRefused */
export function patternMatcher(pattern: string): (text: string) => boolean {
  if (/[[\\]/.test(pattern)) throw new ExpansionRefused("brackets and escapes in a pattern are not understood");
  if ((pattern.match(/\*/g) ?? []).length > 2) throw new ExpansionRefused("a pattern with so many * is not understood");
  const source = pattern
    .replaceAll(/[.+^${}()|\]/-]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  const expression = new RegExp(`^(?:${source})$`);
  return (text) => expression.test(text);
}
