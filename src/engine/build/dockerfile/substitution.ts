/**
 * Variables in the words of a Dockerfile, as BuildKit's lexer replaces them. Only what every engine understands alike; the rest is refused.
 *
 * @see Dockerfile reference: environment replacement
 */

/** Values by name. */
export type Variables = ReadonlyMap<string, string>;

/** Why a word cannot be expanded; completes "… is not understood: ". */
export class ExpansionRefused extends Error {}

const maxLength = 64 * 1024;

/**
 * Replaces variables and takes quotes and escapes off one word.
 *
 * @throws ExpansionRefused
 */
export function expandWord(word: string, variables: Variables, escape: string): string {
  const expander = new Expander(word, variables, escape);
  return expander.expand(undefined);
}

/** Answers whether a word holds a variable. */
export function holdsVariable(word: string): boolean {
  return word.includes("$");
}

class Expander {
  readonly #word: string;
  readonly #variables: Variables;
  readonly #escape: string;
  #at = 0;
  #depth = 0;

  constructor(word: string, variables: Variables, escape: string) {
    this.#word = word;
    this.#variables = variables;
    this.#escape = escape;
  }

  /** Up to `stop`, or the end. */
  expand(stop: string | undefined): string {
    let result = "";
    for (;;) {
      const character = this.#word.charAt(this.#at);
      if (character === "" && stop === undefined) return result;
      if (character === "") throw new ExpansionRefused(`${stop} is missing`);
      this.#at += 1;
      if (character === stop) return result;
      result += this.#piece(character);
      if (result.length > maxLength) throw new ExpansionRefused("the value is too long");
    }
  }

  #piece(character: string): string {
    if (character === "'") return this.#upTo("'");
    if (character === '"') return this.#doubleQuoted();
    if (character === "$") return this.#variable();
    if (character !== this.#escape) return character;
    this.#at += 1;
    return this.#word.charAt(this.#at - 1);
  }

  #upTo(quote: string): string {
    const end = this.#word.indexOf(quote, this.#at);
    if (end === -1) throw new ExpansionRefused("a quote is not closed");
    const text = this.#word.slice(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #doubleQuoted(): string {
    let result = "";
    for (;;) {
      const character = this.#word.charAt(this.#at);
      this.#at += 1;
      if (character === "") throw new ExpansionRefused("a quote is not closed");
      if (character === '"') return result;
      if (character === "$") result += this.#variable();
      else if (character === this.#escape && ['"', "$", this.#escape].includes(this.#word.charAt(this.#at))) {
        result += this.#word.charAt(this.#at);
        this.#at += 1;
      } else result += character;
    }
  }

  #variable(): string {
    const braced = this.#word.charAt(this.#at) === "{";
    if (braced) this.#at += 1;
    const [name] = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.#word.slice(this.#at)) ?? [];
    if (name === undefined) throw new ExpansionRefused("a $ names no variable");
    this.#at += name.length;
    return braced ? this.#substitution(name) : (this.#variables.get(name) ?? "");
  }

  #substitution(name: string): string {
    const [operator] = /^(?:\}|:?[-+?])/.exec(this.#word.slice(this.#at)) ?? [];
    if (operator === undefined) throw new ExpansionRefused(`the substitution of ${name} is of an unknown kind`);
    this.#at += operator.length;
    const value = this.#variables.get(name);
    if (operator === "}") return value ?? "";
    const isSet = value !== undefined && (!operator.startsWith(":") || value !== "");
    const word = this.#nested();
    if (operator.endsWith("-")) return isSet ? value : word;
    if (operator.endsWith("+")) return isSet ? word : "";
    if (isSet) return value;
    throw new ExpansionRefused(word === "" ? `${name} is not set` : `${name}: ${word}`);
  }

  #nested(): string {
    this.#depth += 1;
    if (this.#depth > 32) throw new ExpansionRefused("substitutions are nested too deeply");
    const word = this.expand("}");
    this.#depth -= 1;
    return word;
  }
}
