/** Reads flags as Go's pflag does and keeps every word's place, so that exactly one word of a command line can be changed. */
import { UsageError } from "../../errors.ts";
import { parseBoolean } from "./boolean.ts";
import type { FlagKind, FlagTable } from "./flag-table.ts";

/** One flag with its value and its words. Several letters may share a word (`-it`). */
export interface GivenFlag {
  /** long name */
  readonly name: string;
  /** `true` or `false` for switches */
  readonly value: string;
  /** index of the first word */
  readonly at: number;
  /** how many words: 2 when the value is a separate word */
  readonly words: number;
}

/** A command line taken apart. Indexes count from the first of the words given. */
export interface ReadFlags {
  readonly flags: readonly GivenFlag[];
  /** indexes of words that are neither flags nor values */
  readonly operands: readonly number[];
  readonly help: boolean;
  /** index of the lone `--` that ended the flags */
  readonly endedAt: number | undefined;
}

/** How a command reads its line. */
export interface ReadingRules {
  readonly table: FlagTable;
  /** flags end at the first operand, as for `run`: what follows belongs to the container */
  readonly stopsAtOperand: boolean;
}

/** A flag that the table does not have. */
export class UnknownFlagError extends UsageError {
  constructor(message: string) {
    super("USAGE", message);
  }
}

/**
 * Takes `words` apart.
 *
 * @throws UnknownFlagError `USAGE` for a flag that is not in the table
 * @throws UsageError `USAGE` for a value that is missing or impossible; messages are pflag's
 */
export function readFlags(words: readonly string[], rules: ReadingRules): ReadFlags {
  const reader = new Reader(words, rules.table);
  const operands: number[] = [];
  let endedAt: number | undefined;
  while (reader.at < words.length) {
    const word = words[reader.at] ?? "";
    if (word === "--") {
      endedAt = reader.at;
      operands.push(...rest(words, reader.at + 1));
      break;
    }
    if (word.startsWith("--")) {
      reader.takeLong(word);
    } else if (word.startsWith("-") && word !== "-") {
      reader.takeLetters(word);
    } else if (rules.stopsAtOperand) {
      operands.push(...rest(words, reader.at));
      break;
    } else {
      operands.push(reader.at);
      reader.at += 1;
    }
  }
  // The last one decides, as for every switch: `--help=false` does not ask for help.
  const help = reader.flags.findLast(({ name }) => name === "help")?.value === "true";
  return { flags: reader.flags, operands, help, endedAt };
}

function rest(words: readonly string[], from: number): number[] {
  return words.slice(from).map((_, index) => from + index);
}

class Reader {
  at = 0;
  readonly flags: GivenFlag[] = [];
  readonly #words: readonly string[];
  readonly #table: FlagTable;

  constructor(words: readonly string[], table: FlagTable) {
    this.#words = words;
    this.#table = table;
  }

  takeLong(word: string): void {
    const equals = word.indexOf("=");
    const name = word.slice(2, equals === -1 ? undefined : equals);
    if (name === "" || name.startsWith("-")) throw new UsageError("USAGE", `bad flag syntax: ${word}`);
    const kind = this.#table.kinds.get(name);
    if (kind === undefined) throw new UnknownFlagError(`unknown flag: --${name}`);
    if (equals !== -1) this.#give(name, kind, word.slice(equals + 1), 1);
    else if (kind !== "value") this.#give(name, kind, "true", 1);
    else this.#give(name, kind, this.#next(`flag needs an argument: --${name}`), 2);
    this.#advance();
  }

  /** `-it`, `-fFILE`, `-f=FILE`, `-f FILE`, `-itf FILE` */
  takeLetters(word: string): void {
    for (let letters = word.slice(1); letters !== "";) {
      const letter = letters.charAt(0);
      letters = letters.slice(1);
      const name = this.#table.letters.get(letter) ?? (letter === "h" ? "help" : undefined);
      const kind = name === "help" ? "switch" : this.#table.kinds.get(name ?? "");
      if (name === undefined || kind === undefined) {
        throw new UnknownFlagError(`unknown shorthand flag: '${letter}' in ${word}`);
      }
      const inline = letters.startsWith("=") && letters.length > 1 ? letters.slice(1) : undefined;
      if (inline === undefined && kind !== "value") {
        this.#give(name, kind, "true", 1);
        continue;
      }
      const value = inline ?? (letters === "" ? undefined : letters);
      letters = "";
      if (value !== undefined) this.#give(name, kind, value, 1);
      else this.#give(name, kind, this.#next(`flag needs an argument: '${letter}' in ${word}`), 2);
    }
    this.#advance();
  }

  #next(complaint: string): string {
    const value = this.#words[this.at + 1];
    if (value === undefined) throw new UsageError("USAGE", complaint);
    return value;
  }

  #give(name: string, kind: FlagKind, value: string, words: number): void {
    if (kind === "switch" && parseBoolean(value) === undefined) throw invalidSwitch(name, value, this.#table);
    const given = kind === "switch" ? String(parseBoolean(value)) : value;
    this.flags.push({ name, value: given, at: this.at, words });
  }

  #advance(): void {
    const last = this.flags.at(-1);
    this.at += last?.at === this.at ? last.words : 1;
  }
}

function invalidSwitch(name: string, value: string, table: FlagTable): UsageError {
  const letter = [...table.letters].find(([, long]) => long === name)?.[0];
  const flag = letter === undefined ? `--${name}` : `-${letter}, --${name}`;
  return new UsageError(
    "USAGE",
    `invalid argument "${value}" for "${flag}" flag: strconv.ParseBool: parsing "${value}": invalid syntax`,
  );
}
