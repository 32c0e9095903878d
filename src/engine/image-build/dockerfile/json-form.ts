/** `RUN ["sh", "-c", "…"]`: the lines that engines take for JSON. @see BuildKit: frontend/dockerfile/parser, parseJSON */

/** Spaces and one value that contains no others. */
const simpleValue =
  /[\t\n\r ]*(?:"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)[\t\n\r ]*/uy;
const maxDepth = 100;

/** How a JSON reader sees a text that begins with `[`. */
export interface JsonForm {
  /** all of it is one value, it only begins with one, or neither */
  readonly extent: "whole" | "beginning" | "none";
  /** a list of strings and nothing else */
  readonly isTexts: boolean;
}

const none: JsonForm = { extent: "none", isTexts: false };

/**
 * Finds how much of a text is a list in JSON.
 *
 * @returns undefined when lists are nested too deeply
 */
export function jsonForm(text: string): JsonForm | undefined {
  const start = text.search(/[^\t\n\v\f\r ]/);
  if (start === -1 || text[start] !== "[") return none;
  const reader = new ValueReader(text);
  const end = reader.endOfList(start, 0);
  if (end === undefined) return reader.isTooDeep ? undefined : none;
  return { extent: text.slice(end).trim() === "" ? "whole" : "beginning", isTexts: !reader.holdsOthers };
}

class ValueReader {
  /** anything but strings */
  holdsOthers = false;
  isTooDeep = false;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns where the list that begins at `start` ends; undefined when it is not a list */
  endOfList(start: number, depth: number): number | undefined {
    return this.#endOf(start, depth, "]", (at) => this.#endOfValue(at, depth));
  }

  #endOfValue(start: number, depth: number): number | undefined {
    simpleValue.lastIndex = start;
    const simple = simpleValue.exec(this.#text)?.[0];
    if (simple !== undefined) {
      if (!simple.trimStart().startsWith('"')) this.holdsOthers = true;
      return start + simple.length;
    }
    this.holdsOthers = true;
    const at = this.#afterSpace(start);
    if (this.#text[at] === "[") return this.#afterSpaceIfAny(this.endOfList(at, depth + 1));
    if (this.#text[at] !== "{") return undefined;
    return this.#afterSpaceIfAny(this.#endOf(at, depth + 1, "}", (member) => this.#endOfMember(member, depth + 1)));
  }

  #endOfMember(start: number, depth: number): number | undefined {
    if (this.#text[this.#afterSpace(start)] !== '"') return undefined;
    const colon = this.#endOfValue(start, depth);
    return colon !== undefined && this.#text[colon] === ":" ? this.#endOfValue(colon + 1, depth) : undefined;
  }

  /** Items separated by commas, up to `close`. */
  #endOf(
    start: number,
    depth: number,
    close: string,
    endOfOne: (at: number) => number | undefined,
  ): number | undefined {
    if (depth > maxDepth) this.isTooDeep = true;
    if (this.isTooDeep) return undefined;
    let at: number | undefined = this.#afterSpace(start + 1);
    if (this.#text[at] === close) return at + 1;
    for (;;) {
      at = endOfOne(at);
      if (at === undefined) return undefined;
      if (this.#text[at] === close) return at + 1;
      if (this.#text[at] !== ",") return undefined;
      at += 1;
    }
  }

  #afterSpace(start: number): number {
    let at = start;
    while (at < this.#text.length && "\t\n\r ".includes(this.#text.charAt(at))) at += 1;
    return at;
  }

  #afterSpaceIfAny(at: number | undefined): number | undefined {
    return at === undefined ? undefined : this.#afterSpace(at);
  }
}
