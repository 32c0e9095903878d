/**
 * Variables, quotes and escapes in the words of a Dockerfile as podman replaces them, which differs from docker: `\` escapes whatever
 * `# escape=` says, a substitution needs a colon or a pattern, and `:?` has a default. An older podman refuses what it does not know by itself.
 *
 * @see openshift/imagebuilder: shell_parser.go
 */
import { ExpansionRefused } from "./expansion-refused.ts";
import { patternMatcher, replaced, trimmed, valueForPattern } from "./podman-patterns.ts";

/** The value of a variable; empty when it has none. @throws ExpansionRefused when it is not known */
export type ValueOf = (name: string) => string;

/** No name is longer. */
const maxLength = 2048;
const maxDepth = 32;

/**
 * Replaces variables in one word and removes its quotes and escapes.
 *
 * @throws ExpansionRefused
 */
export function expandPodmanWord(word: string, valueOf: ValueOf): string {
  if (/[^\t\x20-\x7e]/.test(word)) throw new ExpansionRefused("it holds more than plain ASCII");
  return new PodmanWordReader(word, valueOf).read("").text;
}

class PodmanWordReader {
  readonly #word: string;
  readonly #valueOf: ValueOf;
  #at = 0;
  #depth = 0;

  constructor(word: string, valueOf: ValueOf) {
    this.#word = word;
    this.#valueOf = valueOf;
  }

  /** Up to one of the characters of `stops`, which is taken; without any, to the end. */
  read(stops: string): { readonly text: string; readonly stop: string } {
    let text = "";
    for (let character = this.#peek(); character !== ""; character = this.#peek()) {
      if (stops.includes(character)) {
        this.#at += 1;
        return { text, stop: character };
      }
      text += this.#piece(character);
      if (text.length > maxLength) throw new ExpansionRefused("the value is too long");
    }
    if (stops !== "") throw bad(`${stops.slice(-1)} is missing`);
    return { text, stop: "" };
  }

  #peek(): string {
    return this.#word.charAt(this.#at);
  }

  #next(): string {
    this.#at += 1;
    return this.#word.charAt(this.#at - 1);
  }

  #piece(character: string): string {
    if (character === "'") return this.#singleQuoted();
    if (character === '"') return this.#doubleQuoted();
    if (character === "$") return this.#variable();
    this.#at += 1;
    return character === "\\" ? this.#next() : character;
  }

  #singleQuoted(): string {
    const end = this.#word.indexOf("'", this.#at + 1);
    if (end === -1) throw bad("a quote is not closed");
    const text = this.#word.slice(this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  #doubleQuoted(): string {
    let text = "";
    this.#at += 1;
    for (let character = this.#peek(); character !== '"'; character = this.#peek()) {
      if (character === "") throw bad("a quote is not closed");
      if (character === "$") text += this.#variable();
      else text += this.#quotedCharacter();
    }
    this.#at += 1;
    return text;
  }

  #quotedCharacter(): string {
    const character = this.#next();
    if (character !== "\\" || this.#peek() === "") return character === "\\" ? "" : character;
    return ['"', "$", "\\"].includes(this.#peek()) ? this.#next() : character;
  }

  #variable(): string {
    this.#at += 1;
    if (this.#peek() === "{") {
      this.#at += 1;
      this.#depth += 1;
      if (this.#depth > maxDepth) throw new ExpansionRefused("substitutions are nested too deeply");
      const value = this.#substitution(this.#name());
      this.#depth -= 1;
      return value;
    }
    const name = this.#name();
    return name === "" ? "$" : this.#valueOf(name);
  }

  #name(): string {
    const [name = ""] = /^(?:[0-9]|[A-Za-z_][A-Za-z0-9_]*)?/.exec(this.#word.slice(this.#at)) ?? [];
    this.#at += name.length;
    return name;
  }

  #substitution(name: string): string {
    const operator = this.#next();
    if (operator === "}") return this.#valueOf(name);
    if (operator === ":") return this.#default(name, this.#next());
    if (operator === "#" || operator === "%") return this.#trimmed(name, operator);
    if (operator === "/") return this.#replaced(name);
    throw bad(`the substitution of ${name} is of an unknown kind`);
  }

  #default(name: string, modifier: string): string {
    const { text } = this.read("}");
    const value = this.#valueOf(name);
    if (modifier === "+") return value === "" ? "" : text;
    if (modifier === "-") return value === "" ? text : value;
    if (modifier !== "?") throw bad(`the substitution of ${name} is of an unknown kind`);
    // if a text follows, podman takes that for the value
    if (value === "" && text === "") throw bad(`${name} is not set`);
    return value === "" ? text : value;
  }

  #trimmed(name: string, operator: "#" | "%"): string {
    const isGreedy = this.#peek() === operator;
    if (isGreedy) this.#at += 1;
    const { text } = this.read("}");
    if (text === "") throw bad(`${name}${operator} is followed by no pattern`);
    const matches = patternMatcher(text);
    return trimmed(valueForPattern(name, this.#valueOf(name)), { matches, operator, isGreedy });
  }

  #replaced(name: string): string {
    const [mode = ""] = /^[/#%]?/.exec(this.#word.slice(this.#at)) ?? [];
    this.#at += mode.length;
    const { text: pattern, stop } = this.read("/}");
    if (pattern === "") throw bad(`${name}/ is followed by no pattern`);
    const text = stop === "/" ? this.read("}").text : "";
    const value = valueForPattern(name, this.#valueOf(name));
    return replaced(value, { matches: patternMatcher(pattern), text, mode });
  }
}

function bad(message: string): ExpansionRefused {
  return new ExpansionRefused(message, { byEngine: true });
}
