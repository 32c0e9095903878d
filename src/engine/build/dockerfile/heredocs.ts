/**
 * Which here-documents an instruction opens, decided word by word as BuildKit's lexer does it. Bodies are never read as instructions,
 * so a here-document that only some engines see is a place to hide one: whatever is not certain is refused.
 *
 * @see BuildKit: frontend/dockerfile/parser (heredocsFromLine), frontend/dockerfile/shell
 */
import type { Dialect } from "./dialect.ts";
import { type Instruction, triggerOf } from "./instruction.ts";
import { type HeredocEnd, type LogicalLine, unicodeSpace } from "./logical-lines.ts";
import { LineRefused } from "./refusal.ts";
import { isSpace } from "./source-text.ts";

const openers: ReadonlySet<string> = new Set(["add", "copy", "run"]);

/**
 * The here-documents of a line, in order.
 *
 * @throws LineRefused when engines may disagree about them
 */
export function heredocsOf(line: LogicalLine, instruction: Instruction, dialect: Dialect): readonly HeredocEnd[] {
  const { heredocs } = dialect;
  if (heredocs === "none" || !line.text.includes("<<")) return [];
  const opener = triggerOf(instruction) ?? instruction;
  if (!openers.has(opener.keyword) || isJsonForm(opener.rest.text, line)) return [];
  if (unicodeSpace.test(line.text)) throw notUnderstood(line, "white space that is not ASCII");
  const words = splitWords(line, heredocs === "all");
  return words.flatMap((word) => heredocIn(word, line) ?? []);
}

/** `RUN ["sh", "-c", "…"]`: words in there are no here-documents. */
function isJsonForm(rest: string, line: LogicalLine): boolean {
  if (!rest.startsWith("[")) return false;
  try {
    const value: unknown = JSON.parse(Buffer.from(rest, "latin1").toString("utf8"));
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  // some engines take what begins like JSON for JSON, others for a command
  if (/<<-?[\s"']*\w/.test(rest)) throw notUnderstood(line, "what looks like JSON");
  return false;
}

const heredocPattern = /^\d*<<(-?)[\t\n\f\r ]*([^<]*)$/;

function heredocIn(word: string, line: LogicalLine): HeredocEnd | undefined {
  const [, dash, name = ""] = heredocPattern.exec(word) ?? [];
  if (dash === undefined || name === "") return undefined;
  const [, , terminator] = /^(["']?)([A-Za-z0-9_][A-Za-z0-9_.-]*)\1$/.exec(name) ?? [];
  if (terminator === undefined) throw notUnderstood(line, `the name ${JSON.stringify(name.slice(0, 80))}`);
  return { terminator, skipsTabs: dash === "-" };
}

function notUnderstood({ line }: LogicalLine, what: string): LineRefused {
  return new LineRefused(line, `a here-document with ${what} is not understood`, {
    hint: "give the here-document a plain name such as <<EOF, right behind the <<",
  });
}

/** Splits a line into words, quotes and escapes kept, variables as they are. A line the lexer cannot read has no words. */
function splitWords(line: LogicalLine, joinsSpace: boolean): readonly string[] {
  const { text } = line;
  const words: string[] = [];
  let word = "";
  const end = (): void => {
    if (word !== "") words.push(word);
    word = "";
  };
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at);
    const piece = pieceAt(text, at, joinsSpace);
    if (piece === undefined) return [];
    if (piece === "unsure") {
      if (/<<-?[\t ]*["']?\w/.test(text)) throw notUnderstood(line, "a ${…} beside it");
      return [];
    }
    if (isSpace(character)) end();
    else word += piece;
    at += piece.length;
  }
  end();
  return words;
}

/** The next indivisible piece; undefined where the lexer gives up, `unsure` where that depends on its version. */
function pieceAt(text: string, at: number, joinsSpace: boolean): string | undefined {
  const rest = text.slice(at, at + 2);
  const character = rest.charAt(0);
  if (character === "'") return quoted(/'[^']*'/y, text, at);
  if (character === '"') return doubleQuoted(text, at);
  if (character === "\\") return rest;
  if (rest === "${") return quoted(/\$\{[A-Za-z_][A-Za-z0-9_]*(?::?[-+][^\\${}"'<\s]*)?\}/y, text, at) ?? "unsure";
  if (rest === "<<" && joinsSpace) return quoted(/<<[\t\r ]*/y, text, at);
  return character;
}

function quoted(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function doubleQuoted(text: string, start: number): string | undefined {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') return text.slice(start, at + 1);
    if (character === "\\") at += 1;
    else if (text.startsWith("${", at)) {
      const variable = pieceAt(text, at, false);
      if (variable === "unsure") return variable;
      at += (variable ?? "$").length - 1;
    }
  }
  return undefined;
}
