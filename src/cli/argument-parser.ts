/**
 * Command-line parsing with docker's rules: flags and arguments may be mixed, `--` ends flags, `-yf` is `-y -f`,
 * `--flag=value` and `--flag value` mean the same, a switch takes a value only after `=`. Messages are docker's, word for word.
 */
import { parseBoolean } from "../engine/command-line/boolean.ts";
import { UsageError } from "../errors.ts";
import type { Option, Options, OptionValues } from "./options/option.ts";

/** A parsed command line. */
export interface ParsedLine<O extends Options> {
  readonly options: OptionValues<O>;
  readonly args: readonly string[];
  /** `--help` was among the flags: show help, do nothing else */
  readonly wantsHelp: boolean;
}

/** A flag that was not understood. docker exits with 125 for these. */
export class FlagError extends UsageError {
  constructor(message: string) {
    super("USAGE", message);
  }
}

/**
 * Parses `argv`, the words after the command's own name.
 *
 * @throws FlagError `USAGE` for a flag that is unknown, lacks its value, or has a value it cannot have
 */
export function parseLine<O extends Options>(argv: readonly string[], declared: O): ParsedLine<O> {
  const line = new Line(declared);
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--") {
      line.args.push(...words.splice(0));
    } else if (word.startsWith("--")) {
      line.takeLong(word, words);
    } else if (word.length > 1 && word.startsWith("-")) {
      line.takeShort(word, words);
    } else {
      line.args.push(word);
    }
  }
  // The values were collected by each declaration's own kind, which is what OptionValues maps from.
  return { options: line.values() as OptionValues<O>, args: line.args, wantsHelp: line.wantsHelp };
}

class Line {
  readonly args: string[] = [];
  wantsHelp = false;
  readonly #declared: ReadonlyMap<string, Option>;
  readonly #given = new Map<string, (string | boolean)[]>();

  constructor(declared: Options) {
    this.#declared = new Map(Object.entries(declared));
  }

  takeLong(word: string, rest: string[]): void {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals === -1 ? undefined : equals);
    const inline = equals === -1 ? undefined : word.slice(equals + 1);
    if (name === "help" && !this.#declared.has("help")) {
      this.wantsHelp = true;
      return;
    }
    const option = this.#declared.get(name);
    if (option === undefined) throw new FlagError(`unknown flag: --${name}`);
    this.#take(name, option, inline, () => {
      const value = rest.shift();
      if (value === undefined) throw new FlagError(`flag needs an argument: --${name}`);
      return value;
    });
  }

  takeShort(word: string, rest: string[]): void {
    let letters = word.slice(1);
    while (letters !== "") {
      const letter = letters.charAt(0);
      letters = letters.slice(1);
      const [name, option] = this.#findShort(letter, word);
      if (option === undefined) {
        this.wantsHelp = true;
        continue;
      }
      const inline = letters.startsWith("=") ? letters.slice(1) : undefined;
      if (inline !== undefined) letters = "";
      this.#take(name, option, inline, () => {
        const value = letters === "" ? rest.shift() : letters;
        letters = "";
        if (value === undefined) throw new FlagError(`flag needs an argument: '${letter}' in ${word}`);
        return value;
      });
    }
  }

  #findShort(letter: string, word: string): [string, Option | undefined] {
    for (const [name, option] of this.#declared) {
      if (option.short === letter) return [name, option];
    }
    if (letter === "h") return ["help", undefined];
    throw new FlagError(`unknown shorthand flag: '${letter}' in ${word}`);
  }

  #take(name: string, option: Option, inline: string | undefined, next: () => string): void {
    const given = this.#given.get(name) ?? [];
    this.#given.set(name, given);
    given.push(option.kind === "switch" ? switchValue(name, option, inline) : (inline ?? next()));
  }

  values(): Record<string, boolean | string | undefined | readonly string[]> {
    const values: Record<string, boolean | string | undefined | readonly string[]> = {};
    for (const [name, option] of this.#declared) {
      const given = this.#given.get(name) ?? [];
      if (option.kind === "list") values[name] = given.filter((value) => typeof value === "string");
      else values[name] = given.at(-1) ?? (option.kind === "switch" ? false : undefined);
    }
    return values;
  }
}

function switchValue(name: string, option: Option, inline: string | undefined): boolean {
  if (inline === undefined) return true;
  const value = parseBoolean(inline);
  if (value !== undefined) return value;
  const flag = option.short === undefined ? `--${name}` : `-${option.short}, --${name}`;
  throw new FlagError(
    `invalid argument "${inline}" for "${flag}" flag: strconv.ParseBool: parsing "${inline}": invalid syntax`,
  );
}
