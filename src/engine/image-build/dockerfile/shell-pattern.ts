/**
 * The patterns of `${NAME#pattern}`, `${NAME%pattern}` and `${NAME/pattern/text}`: `*`, `?`, and escapes. No brackets. Matching takes time in
 * proportion to pattern and value, whatever they are.
 *
 * @see BuildKit: frontend/dockerfile/shell; POSIX, pattern matching notation
 */
import { ExpansionRefused } from "./expansion-refused.ts";

type Token = { readonly kind: "character"; readonly character: string } | { readonly kind: "one" | "any" };

/** More steps than any name needs. */
const maxSteps = 4_000_000;

/** Whether a `*` matches as little or as much as possible. */
export type Reach = "shortest" | "longest";

/**
 * The value without what the pattern matches at its beginning.
 *
 * @throws ExpansionRefused
 */
export function withoutPrefix(value: string, pattern: string, reach: Reach): string {
  const characters = Array.from(value);
  return characters.slice(endAt(tokensOf(Array.from(pattern)), characters, reach)[0] ?? 0).join("");
}

/**
 * The value without what the pattern matches at its end: engines reverse both.
 *
 * @throws ExpansionRefused
 */
export function withoutSuffix(value: string, pattern: string, reach: Reach): string {
  const characters = Array.from(value).toReversed();
  const tokens = tokensOf(turnedAround(Array.from(pattern)));
  return characters
    .slice(endAt(tokens, characters, reach)[0] ?? 0)
    .toReversed()
    .join("");
}

/**
 * The value with `text` instead of the first match, the longest at its place.
 *
 * @throws ExpansionRefused
 */
export function replaceFirst(value: string, pattern: string, text: string): string {
  const characters = Array.from(value);
  const ends = endAt(tokensOf(Array.from(pattern)), characters, "longest");
  const start = ends.findIndex((end) => end !== undefined);
  const end = ends[start];
  return end === undefined ? value : characters.slice(0, start).join("") + text + characters.slice(end).join("");
}

/**
 * The value with `text` instead of every match.
 *
 * @throws ExpansionRefused also for a `$` in `text`, which engines interpret there
 */
export function replaceAll(value: string, pattern: string, text: string): string {
  if (text.includes("$")) throw new ExpansionRefused("a $ in what is to replace a pattern is not understood");
  const characters = Array.from(value);
  const ends = endAt(tokensOf(Array.from(pattern)), characters, "longest");
  let result = "";
  let taken = 0;
  for (let at = 0; at < ends.length;) {
    const end = ends[at];
    if (end === undefined) at += 1;
    else {
      result += characters.slice(taken, at).join("");
      // an empty match directly after a match does not count
      if (end > taken || at === 0) result += text;
      taken = end;
      at = Math.max(at + 1, end);
    }
  }
  return result + characters.slice(taken).join("");
}

function tokensOf(pattern: readonly string[]): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = pattern[0] === "\uFEFF" ? 1 : 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? "";
    if (character === "*") tokens.push({ kind: "any" });
    else if (character === "?") tokens.push({ kind: "one" });
    else if (character !== "\\") tokens.push({ kind: "character", character });
    else {
      at += 1;
      const escaped = pattern[at] ?? "";
      if (!["*", "?", "\\", "/", "}"].includes(escaped)) {
        throw new ExpansionRefused(`\\${escaped} has no meaning in a pattern`, { byEngine: true });
      }
      tokens.push({ kind: "character", character: escaped });
    }
  }
  return tokens;
}

/** Reversed, with escapes still before what they escape. */
function turnedAround(pattern: readonly string[]): readonly string[] {
  const turned: string[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? "";
    if (character === "\\" && at < pattern.length - 1) {
      at += 1;
      turned.unshift(character, pattern[at] ?? "");
    } else turned.unshift(character);
  }
  return turned;
}

/** For every place of the value, where a match that begins there ends; undefined: none begins there. */
function endAt(tokens: readonly Token[], value: readonly string[], reach: Reach): readonly (number | undefined)[] {
  if (tokens.length * (value.length + 1) > maxSteps) throw new ExpansionRefused("a pattern is too long");
  if (value.includes("\uFFFD")) throw new ExpansionRefused("a value that is not UTF-8 is not understood");
  let ends: (number | undefined)[] = Array.from({ length: value.length + 1 }, (_, at) => at);
  for (const token of tokens.toReversed()) ends = before(token, ends, value, reach);
  return ends;
}

/** From where matches of the rest of a pattern end to where they end with one more token before it. */
function before(
  token: Token,
  ends: readonly (number | undefined)[],
  value: readonly string[],
  reach: Reach,
): (number | undefined)[] {
  const result: (number | undefined)[] = Array.from({ length: ends.length });
  for (let at = value.length; at >= 0; at -= 1) {
    const character = value[at];
    const mayGoOn = character !== undefined && character !== "\n";
    if (token.kind === "any") {
      const further = mayGoOn ? result[at + 1] : undefined;
      result[at] = reach === "longest" ? (further ?? ends[at]) : (ends[at] ?? further);
    } else if (token.kind === "character" ? character === token.character : mayGoOn) result[at] = ends[at + 1];
  }
  return result;
}
