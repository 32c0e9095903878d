/** One instruction: its keyword, its flags, and the rest. @see BuildKit: frontend/dockerfile/parser, split_command */
import { LineRefused } from "./refusal.ts";
import { type LogicalLine } from "./logical-lines.ts";
import { sliceText, type SourceText, trimText } from "./source-text.ts";

/** A flag as the engine sees it, without quotes. */
export interface InstructionFlag {
  /** without dashes */
  readonly name: string;
  /** undefined for a flag without `=` */
  readonly value: SourceText | undefined;
}

/** An instruction. */
export interface Instruction {
  /** lower case */
  readonly keyword: string;
  readonly flags: readonly InstructionFlag[];
  /** what follows the flags */
  readonly rest: SourceText;
  readonly line: number;
}

/** The known flags of each instruction; others may let images in. */
const knownFlags: Readonly<Record<string, ReadonlySet<string>>> = {
  from: new Set(["platform"]),
  copy: new Set(["from", "chown", "chmod", "link", "exclude", "parents"]),
  add: new Set(["from", "chown", "chmod", "link", "exclude", "checksum", "keep-git-dir", "unpack"]),
  run: new Set(["mount", "network", "security", "device"]),
  onbuild: new Set(),
};

const otherKeywords: ReadonlySet<string> = new Set(
  "arg cmd entrypoint env expose healthcheck label maintainer shell stopsignal user volume workdir".split(" "),
);

/** Whether engines know an instruction of this name. */
export function isKeyword(keyword: string): boolean {
  return Object.hasOwn(knownFlags, keyword) || otherKeywords.has(keyword);
}

/**
 * Reads a logical line, or what follows `ONBUILD`.
 *
 * @throws LineRefused for flags that are not understood
 */
export function readInstruction(source: SourceText, line: number): Instruction {
  const whole = trimText(source);
  const gap = /[\t\v\f\r ]+/.exec(whole.text);
  const keyword = whole.text.slice(0, gap?.index).toLowerCase();
  const args = gap === null ? sliceText(whole, whole.text.length) : sliceText(whole, gap.index + gap[0].length);
  const allowed = Object.hasOwn(knownFlags, keyword) ? knownFlags[keyword] : undefined;
  // the flags of other instructions (HEALTHCHECK) name no images
  if (allowed === undefined) return { keyword, flags: [], rest: trimText(args), line };
  const { words, rest } = takeFlags(args);
  const flags = words.map((word) => readFlag(word, keyword, allowed, line));
  return { keyword, flags, rest: trimText(rest), line };
}

/** The instruction that an `ONBUILD` keeps for later; undefined when there is none. */
export function triggerOf({ keyword, rest, line }: Instruction): Instruction | undefined {
  return keyword === "onbuild" && rest.text !== "" ? readInstruction(rest, line) : undefined;
}

/** A word as written and as it is read. */
interface FlagWord {
  readonly raw: string;
  readonly value: SourceText;
}

/** Go reads these words byte by byte, so it takes two bytes of other characters for white space. */
const byteSpace = /[\t\n\v\f\r \u0085\u00a0]/;

function takeFlags(args: SourceText): { words: readonly FlagWord[]; rest: SourceText } {
  const words: FlagWord[] = [];
  let at = 0;
  for (;;) {
    while (at < args.text.length && byteSpace.test(args.text.charAt(at))) at += 1;
    if (!args.text.startsWith("--", at)) return { words, rest: sliceText(args, at) };
    const { end, kept } = readWord(args.text, at);
    const raw = args.text.slice(at, end);
    at = end;
    if (raw === "--") return { words, rest: sliceText(args, at) };
    words.push({
      raw,
      value: {
        text: kept.map((index) => args.text[index]).join(""),
        places: kept.map((index) => args.places[index] ?? 0),
      },
    });
  }
}

/** Finds the end of a word and which of its characters are not quotes. Escapes stay: callers that need the value refuse them. */
function readWord(text: string, start: number): { end: number; kept: readonly number[] } {
  const kept: number[] = [];
  let quote = "";
  let at = start;
  for (; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === "" && byteSpace.test(character)) break;
    if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = "";
    else kept.push(at);
  }
  return { end: at, kept };
}

function readFlag(
  { raw, value }: FlagWord,
  keyword: string,
  allowed: ReadonlySet<string>,
  line: number,
): InstructionFlag {
  const equals = value.text.indexOf("=");
  const name = value.text.slice(2, equals === -1 ? undefined : equals);
  if (!allowed.has(name)) {
    throw new LineRefused(line, `the flag --${name} of ${keyword.toUpperCase()} is not understood`);
  }
  // engines differ about what is escaped, and whether a quote opens here
  if (/[\\`]|[^\x21-\x7e]/.test(raw.replaceAll(" ", "")) || isUnbalanced(raw)) {
    throw new LineRefused(line, `the flag ${printable(raw)} is not understood`, {
      hint: "Write it without escapes and in plain ASCII.",
    });
  }
  return { name, value: equals === -1 ? undefined : sliceText(value, equals + 1) };
}

function isUnbalanced(raw: string): boolean {
  return raw.replaceAll(/"[^"]*"|'[^']*'/g, "").search(/["']/) !== -1;
}

function printable(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** A logical line as an instruction. @throws LineRefused */
export function instructionOf(line: LogicalLine): Instruction {
  return readInstruction(line, line.line);
}
