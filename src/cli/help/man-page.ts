/**
 * Manual pages, generated from the same descriptions as help: one for each command and each group, named as docker names its own
 * (`tagseal-trust-key-generate.1`). The macros are those of man(7), which man-db, groff and mandoc all read.
 */
import type { CommandDescription } from "../command-description.ts";
import type { CompletionNode } from "../completion/completion-tree.ts";
import { exitStatuses, globalOptions, optionText, otherCommands, shownOptions } from "./help-text.ts";
import type { Option, Options } from "../options/option.ts";
import { wrap } from "../output/wrap.ts";
import { commandLine } from "./usage-error.ts";

/** A page: the name of its file, and its text. */
export interface ManPage {
  readonly file: string;
  readonly text: string;
}

/** The header and footer of every page. */
export interface ManPageEdition {
  readonly version: string;
  /** the day of the release */
  readonly date: Date;
}

/** The page of each node, groups and the program itself included. */
export function manPages(nodes: readonly CompletionNode[], edition: ManPageEdition): readonly ManPage[] {
  return nodes.map((node) => ({ file: `${pageName(node.path)}.1`, text: page(node, edition) }));
}

function pageName(path: string): string {
  return commandLine(path).replaceAll(" ", "-");
}

function page(node: CompletionNode, { version, date }: ManPageEdition): string {
  const name = pageName(node.path);
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${date.toISOString().slice(0, 10)} "Tagseal ${version}" "Tagseal Manual"`,
    ".SH NAME",
    ...filled(`${verbatim(name)} \\- ${verbatim(node.description?.summary ?? node.summary)}`),
    ".SH SYNOPSIS",
    ...synopsis(node),
    ...(node.description === undefined ? groupSections(node) : commandSections(node.description)),
    ...childSection(node),
    ...(node.path === "" ? optionsSection("GLOBAL OPTIONS", globalOptions) : []),
    ...relatedSection(node),
  ];
  return `${lines.join("\n")}\n`;
}

function synopsis({ path, description, children }: CompletionNode): string[] {
  const command = `.B ${verbatim(commandLine(path))}`;
  const own = description === undefined ? [] : [command, ...prose(description.usage)].filter((line) => line !== "");
  const group = children.length === 0 ? [] : [command, "COMMAND"];
  return own.length > 0 && group.length > 0 ? [...own, ".br", ...group] : [...own, ...group];
}

function groupSections({ path, summary }: CompletionNode): string[] {
  const sentences = path === "" ? [`${summary}.`, otherCommands] : [`${summary}.`];
  return [".SH DESCRIPTION", ...sentences.flatMap(prose)];
}

function commandSections(description: CommandDescription): string[] {
  const paragraphs = description.description ?? [`${description.summary}.`];
  return [
    ".SH DESCRIPTION",
    ...paragraphs.flatMap((paragraph, index) => paragraphText(paragraph, index === 0)),
    ...optionsSection("OPTIONS", description.options),
    ...examplesSection(description),
    ...pairsSection("ENVIRONMENT", description.environment ?? []),
    ...pairsSection("EXIT STATUS", exitStatuses(description)),
  ];
}

function optionsSection(heading: string, options: Options): string[] {
  const shown = shownOptions(options);
  if (shown.length === 0) return [];
  return [`.SH ${heading}`, ...shown.flatMap(([name, option]) => tagged(signature(name, option), optionText(option)))];
}

function signature(name: string, option: Option): string {
  const short = option.short === undefined ? "" : `\\fB\\-${option.short}\\fR, `;
  const value = option.kind === "switch" ? "" : ` \\fI${verbatim(option.value)}\\fR`;
  return `${short}\\fB${verbatim(`--${name}`)}\\fR${value}`;
}

function examplesSection({ examples = [] }: CommandDescription): string[] {
  if (examples.length === 0) return [];
  const shown = examples.flatMap(({ text, line }) => [".PP", ...prose(caption(text)), ...literal(line)]);
  return [".SH EXAMPLES", ...shown.slice(1)];
}

function pairsSection(heading: string, pairs: readonly (readonly [string, string])[]): string[] {
  if (pairs.length === 0) return [];
  return [`.SH ${heading}`, ...pairs.flatMap(([name, meaning]) => tagged(`\\fB${verbatim(name)}\\fR`, meaning))];
}

function childSection({ path, children }: CompletionNode): string[] {
  if (children.length === 0) return [];
  const rows = children.map(({ name, summary }) => tagged(reference(path === "" ? name : `${path} ${name}`), summary));
  return [".SH COMMANDS", ...rows.flat()];
}

/** Related pages above and beside this one; those below are in COMMANDS. */
function relatedSection({ path }: CompletionNode): string[] {
  if (path === "") return [];
  const words = path.split(" ");
  const above = words.map((_, count) => words.slice(0, count).join(" "));
  return [".SH SEE ALSO", above.map(reference).join(", ")];
}

function reference(path: string): string {
  return `\\fB${verbatim(pageName(path))}\\fR(1)`;
}

/** A term with its meaning. `term` is roff already. */
function tagged(term: string, meaning: string): string[] {
  return [".TP", term, ...prose(meaning)];
}

/** A paragraph of a description, which is kept as it is when it starts with two spaces. */
function paragraphText(paragraph: string, isFirst: boolean): string[] {
  const isLiteral = paragraph.startsWith("  ");
  const lines = isLiteral ? literal(paragraph.replaceAll(/^ {2}/gmu, "")) : prose(paragraph);
  return isFirst ? lines : [".PP", ...lines];
}

/** Lines that stay as they are, indented. */
function literal(lines: string): string[] {
  return [".RS 4", ".nf", ...lines.split("\n").map(verbatim).map(guarded), ".fi", ".RE"];
}

/** Running text: each sentence begins a line, as roff wants it. */
function prose(paragraph: string): string[] {
  return paragraph.split(/(?<=[.:;!?]) (?=[A-Z])/u).flatMap((sentence) => filled(verbatim(sentence)));
}

/** Lines of at most {@link sourceColumns}. `sentence` is roff already. */
function filled(sentence: string): string[] {
  return wrap(sentence.trim(), sourceColumns, "").split("\n").map(guarded);
}

const sourceColumns = 78;

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** Escapes text for roff; a hyphen stays one that can be pasted. */
function verbatim(text: string): string {
  return text
    .replaceAll(/[\\'`^~-]/gu, (character) => escapes[character] ?? character)
    .replaceAll(/[^\u0020-\u007e]/gu, (character) => `\\[u${hexOf(character)}]`);
}

/** Escapes a line that roff would take for a request. */
function guarded(line: string): string {
  return line.startsWith(".") ? `\\&${line}` : line;
}

function hexOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

/** The heading of an example. A name that begins in lower case stays as it is. */
function caption(purpose: string): string {
  const isName = /^(?:tagseal|docker|podman|zsh|bash|fish)\b/u.test(purpose);
  const sentence = isName ? purpose : purpose.charAt(0).toUpperCase() + purpose.slice(1);
  return /[.:?!]$/u.test(sentence) ? sentence : `${sentence}:`;
}
