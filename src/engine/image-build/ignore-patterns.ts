/** `.dockerignore`: the files of a directory that are excluded from a build's context. @see moby/patternmatcher */
import { posix } from "node:path";

/** Whether a path, relative to the context, is left out. */
export type IgnoredPath = (path: string) => boolean;

interface Pattern {
  readonly isException: boolean;
  readonly matches: (path: string) => boolean;
}

/**
 * Reads the text of a `.dockerignore`.
 *
 * @returns undefined when a pattern is not understood: then docker itself must read it
 */
export function parseIgnoreFile(text: string): readonly string[] | undefined {
  const patterns = text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(cleanPattern);
  return patterns.every((pattern) => pattern !== "!" && compiled(pattern) !== undefined) ? patterns : undefined;
}

function cleanPattern(line: string): string {
  const isException = line.startsWith("!");
  const path = isException ? line.slice(1).trim() : line;
  const clean = path === "" ? "" : posix.normalize(path).replace(/(?<=.)\/$/, "");
  return (isException ? "!" : "") + (clean.length > 1 && clean.startsWith("/") ? clean.slice(1) : clean);
}

/** The rule of a list of patterns: the last one that matches a path, or a directory above it, decides. */
export function ignoring(patterns: readonly string[]): IgnoredPath {
  const rules = patterns.flatMap((pattern) => compiled(pattern) ?? []);
  return (path) => {
    const parents = path.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
    let isIgnored = false;
    for (const { isException, matches } of rules) {
      if (isException === isIgnored && parents.some(matches)) isIgnored = !isException;
    }
    return isIgnored;
  };
}

function compiled(text: string): Pattern | undefined {
  const isException = text.startsWith("!");
  const pattern = isException ? text.slice(1) : text;
  const simple = simpleMatch(pattern);
  if (simple !== undefined) return { isException, matches: simple };
  const expression = regularExpression(pattern);
  return expression === undefined ? undefined : { isException, matches: (path) => expression.test(path) };
}

function isPlain(text: string): boolean {
  return !/[*?[\]\\]/.test(text);
}

/** docker's shortcuts, whose result differs from its regular expressions where `**` touches other characters. */
function simpleMatch(pattern: string): Pattern["matches"] | undefined {
  if (isPlain(pattern)) return (path) => path === pattern;
  if (pattern.startsWith("**") && isPlain(pattern.slice(2))) {
    const suffix = pattern.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1));
  }
  if (pattern.endsWith("**") && isPlain(pattern.slice(0, -2))) return (path) => path.startsWith(pattern.slice(0, -2));
  return undefined;
}

function regularExpression(pattern: string): RegExp | undefined {
  const tokens = pattern.match(/\*\*\/?|\*|\?|\\.?|[^*?\\]/gsu) ?? [];
  const parts = tokens.map((token, index) => {
    if (token.startsWith("**")) return index === tokens.length - 1 ? ".*" : "(?:.*/)?";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (token.startsWith("\\")) return token;
    return /[.$+(){}|^]/.test(token) && !isInClass(tokens, index) ? `\\${token}` : token;
  });
  try {
    return new RegExp(`^${parts.join("")}$`, "s");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isInClass(tokens: readonly string[], index: number): boolean {
  const before = tokens.slice(0, index);
  return before.lastIndexOf("[") > before.lastIndexOf("]");
}
