/**
 * Patterns of Connaisseur's policy: a `*` is put at each end where there is none, and a `*` also stands for slashes and colons.
 *
 * @see Connaisseur: image policy
 */
import { scopeAround, scopeFault } from "../scope.ts";

/** What a pattern is about. */
export type Coverage =
  | { readonly kind: "everything" }
  /** exactly one scope; with `rest`, also names that begin so and are not in it */
  | { readonly kind: "scope"; readonly scope: string; readonly rest: boolean }
  /** names that no scope says, and that all begin with `start` */
  | { readonly kind: "part"; readonly within: string | undefined; readonly start: string };

/** What a pattern is about. Names on Docker Hub are written with `docker.io`. */
export function coverageOf(pattern: string): Coverage {
  const text = pattern.replace(/^\*?(index\.)?docker\.io\//u, "docker.io/");
  if (text === "*" || text === "*:*") return { kind: "everything" };
  const { name, rest } = withoutEnd(text);
  const isScope = /^(\*\.)?[^*?[\]{}!\\@]+$/u.test(name) && scopeFault(name) === undefined;
  if (isScope) return { kind: "scope", scope: name, rest };
  const start = /^[^*?[\]{}!\\@]*/u.exec(text)?.[0] ?? "";
  return { kind: "part", within: literalScope(start, text), start };
}

/** `/*:*` ends a registry or a namespace, `:*` a repository; what ends in neither also matches longer names. */
function withoutEnd(text: string): { readonly name: string; readonly rest: boolean } {
  const [end = ""] = /(\/\*)?:\*$|\/\*$/u.exec(text) ?? [];
  const name = text.slice(0, text.length - end.length);
  // behind a host, `:*` is any port
  if (end === ":*" && !name.includes("/")) return { name: text, rest: true };
  return { name, rest: end === "" };
}

/** The smallest scope that holds all names of a pattern: what stands before its first wildcard, up to a whole component. */
function literalScope(start: string, text: string): string | undefined {
  const end = Math.max(start.lastIndexOf("/"), start.includes("/") ? tagAt(start) : -1);
  if (end < 0) return undefined;
  const scope = text[start.length] === "@" ? start : start.slice(0, end);
  return scopeFault(scope) === undefined ? scope : scopeAround(scope);
}

/** Where the tag begins behind the last slash. */
function tagAt(start: string): number {
  const colon = start.lastIndexOf(":");
  return colon > start.lastIndexOf("/") ? colon : -1;
}
