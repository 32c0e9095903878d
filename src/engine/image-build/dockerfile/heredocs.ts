/**
 * Finds the here-documents that an instruction opens, word by word as BuildKit's lexer does. Bodies are never read as instructions,
 * so a here-document that only some engines see could hide one: everything uncertain is refused.
 *
 * @see BuildKit: frontend/dockerfile/parser (heredocsFromLine), frontend/dockerfile/shell
 */
import type { Dialect } from "./dialect.ts";
import { ExpansionRefused } from "./expansion-refused.ts";
import { type Instruction, triggerOf } from "./instruction.ts";
import { jsonForm } from "./json-form.ts";
import { type HeredocEnd, type LogicalLine, unicodeSpace } from "./logical-lines.ts";
import { LineRefused } from "./refusal.ts";
import { splitWords } from "./substitution.ts";

const openers: ReadonlySet<string> = new Set(["add", "copy", "run"]);

/**
 * The here-documents of a line, in order.
 *
 * @throws LineRefused when engines may disagree about them
 */
export function heredocsOf(line: LogicalLine, instruction: Instruction, dialect: Dialect): readonly HeredocEnd[] {
  if (dialect.heredocs === "none" || !line.text.includes("<<")) return [];
  const opener = triggerOf(instruction) ?? instruction;
  if (!openers.has(opener.keyword) || isJsonForm(opener.rest.text, line, dialect)) return [];
  if (unicodeSpace.test(line.text)) throw notUnderstood(line, "white space that is not ASCII");
  return wordsOf(line, dialect).flatMap((word) => heredocIn(word, line) ?? []);
}

/**
 * `RUN ["sh", "-c", "…"]`: its words open no here-documents. Older engines take a line that begins with JSON for JSON, whatever follows; all
 * refuse lists that contain anything but strings.
 */
function isJsonForm(rest: string, { line }: LogicalLine, { json }: Dialect): boolean {
  const form = jsonForm(Buffer.from(rest, "latin1").toString("utf8"));
  if (form === undefined) throw new LineRefused(line, "what looks like JSON is not understood");
  if (form.extent === "none" || (form.extent === "beginning" && json === "whole")) return false;
  if (!form.isTexts) throw new LineRefused(line, "only strings are allowed in a list", { refusedByEngine: true });
  return true;
}

/** A line that an engine cannot split into words opens none. */
function wordsOf(line: LogicalLine, { heredocs, grammar }: Dialect): readonly string[] {
  try {
    return splitWords(Buffer.from(line.text, "latin1").toString("utf8"), grammar, heredocs === "all");
  } catch (error) {
    if (!(error instanceof ExpansionRefused)) throw error;
    if (error.byEngine) return [];
    throw new LineRefused(line.line, `the line is not understood: ${error.message}`);
  }
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
    hint: "Give the here-document a plain name such as <<EOF, right behind the <<.",
  });
}
