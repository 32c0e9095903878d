/** The comments at the top of a Dockerfile that have a meaning: `# escape=` and `# syntax=`. */
import { LineRefused } from "./refusal.ts";

/** The image of a front-end, where the file names it. */
export interface SyntaxUse {
  readonly image: string;
  /** offsets of the image in the file */
  readonly start: number;
  readonly end: number;
  readonly line: number;
}

const byteOrderMark = "\u00ef\u00bb\u00bf";
const directive = /^([ \t\v\f]*)(#|\/\/)([ \t\v\f]*)([a-zA-Z][a-zA-Z0-9]*)([ \t\v\f]*=[ \t\v\f]*)(.*)$/;
const known: ReadonlySet<string> = new Set(["syntax", "escape", "check"]);

interface Directive {
  readonly name: string;
  readonly value: string;
  /** offset of the value in the file */
  readonly at: number;
  readonly line: number;
  readonly marker: string;
  readonly isIndented: boolean;
}

/** Where the text begins: after a byte order mark. */
export function textStart(source: string): number {
  return source.startsWith(byteOrderMark) ? byteOrderMark.length : 0;
}

/** Directives from the first line on, up to the first line that is not one. A `#!` line before them is not counted. */
function leadingDirectives(source: string): Directive[] {
  const found: Directive[] = [];
  let start = textStart(source);
  for (let line = 1; start < source.length; line += 1) {
    const end = source.indexOf("\n", start);
    const text = source.slice(start, end === -1 ? undefined : end);
    const match = directive.exec(text.replace(/\r$/, ""));
    if (match !== null) {
      const [, indent = "", marker = "", gap = "", name = "", equals = "", value = ""] = match;
      const at = start + indent.length + marker.length + gap.length + name.length + equals.length;
      found.push({ name: name.toLowerCase(), value: value.trimEnd(), at, line, marker, isIndented: indent !== "" });
    } else if (line > 1 || !text.startsWith("#!")) break;
    start = end === -1 ? source.length : end + 1;
  }
  return found;
}

/**
 * The front-ends a file may ask for. Which of several counts differs between versions, so all of them are images of the build.
 *
 * @throws LineRefused when a front-end is named in a way that cannot be replaced
 */
export function syntaxUses(source: string): readonly SyntaxUse[] {
  return leadingDirectives(source)
    .filter(({ name }) => name === "syntax")
    .map(({ value, at, line }) => {
      const [image = ""] = value.split(" ", 1);
      if (!/^[\x21-\x7e]+$/.test(image))
        throw new LineRefused(line, `the front-end ${JSON.stringify(value)} is not understood`);
      return { image, start: at, end: at + image.length, line };
    });
}

/** Offsets of lines at the top that are comments only to a front-end: `// syntax=…`. */
export function slashDirectiveLines(source: string): ReadonlySet<number> {
  return new Set(leadingDirectives(source).flatMap(({ marker, line }) => (marker === "//" ? [line] : [])));
}

/**
 * The escape character for podman, which reads only the first line and takes one character.
 *
 * @throws LineRefused for another character than `\` or the backtick
 * @see openshift/imagebuilder: dockerfile/parser
 */
export function podmanEscape(source: string): "\\" | "`" {
  const [first = ""] = source.slice(textStart(source)).split("\n", 1);
  const [, character] = /^[\t\v\f\r ]*#[ \t]*escape[ \t]*=[ \t]*(.)/i.exec(first) ?? [];
  if (character === undefined || character === "\\") return "\\";
  if (character === "`") return character;
  throw new LineRefused(1, `the escape character ${JSON.stringify(character)} is neither \\ nor \``);
}

/**
 * The escape characters an engine may take from the file: current BuildKit knows three directives, in any order; older engines
 * stop looking at the first line that is no `escape`.
 *
 * @throws LineRefused for another character than `\` or the backtick, and for two of them
 */
export function escapeReadings(source: string): readonly ["\\" | "`", ...("\\" | "`")[]] {
  const directives = leadingDirectives(source);
  const escapes = directives.filter(({ name }) => name === "escape");
  for (const { value, line } of escapes) {
    if (value !== "\\" && value !== "`") {
      throw new LineRefused(line, `the escape character ${JSON.stringify(value)} is neither \\ nor \``);
    }
  }
  const [first, second] = escapes;
  if (second !== undefined) throw new LineRefused(second.line, "only one escape parser directive can be used");
  if (first === undefined || first.value !== "`") return ["\\"];
  const isFirstLine = directives[0] === first && first.line === 1 && first.marker === "#" && !first.isIndented;
  const isBehindKnown = directives.slice(0, directives.indexOf(first)).every(({ name }) => known.has(name));
  if (isFirstLine) return ["`"];
  return isBehindKnown ? ["`", "\\"] : ["\\", "`"];
}
