/** The little of Markdown that tests of the documentation need: fenced blocks, headings and links. */

/** A fenced block. `info` is the text after the opening fence: the language, then this project's marks. */
export interface FencedBlock {
  readonly info: string;
  readonly line: number;
  readonly text: string;
}

/** Every fenced block in order, with the number of its first content line. */
export function fencedBlocks(markdown: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  for (const match of markdown.matchAll(/^```([^\n`]*)\n([\s\S]*?)^```$/gmu)) {
    const line = markdown.slice(0, match.index).split("\n").length + 1;
    blocks.push({ info: (match[1] ?? "").trim(), line, text: match[2] ?? "" });
  }
  return blocks;
}

function withoutFences(markdown: string): string {
  return markdown.replaceAll(/^```[^\n]*\n[\s\S]*?^```$/gmu, "");
}

/** Targets of inline links outside code, as written. */
export function links(markdown: string): string[] {
  const prose = withoutFences(markdown).replaceAll(/`[^`\n]*`/gu, "code");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/gu)].map((match) => match[1] ?? "");
}

/** The anchors that headings get on the usual forges: lower case, no punctuation, spaces as hyphens. */
export function anchors(markdown: string): Set<string> {
  const headings = [...withoutFences(markdown).matchAll(/^#{1,6} (.+)$/gmu)].map((match) => match[1] ?? "");
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** One command of a `console` block: `$ command` (continued with a final backslash) and the output shown below it. */
export interface ConsoleCommand {
  readonly line: number;
  readonly command: string;
  readonly output: readonly string[];
  /** from `exit=N` in the block's info; default 0. Holds for the block's last command, the others must succeed. */
  readonly exitCode: number;
}

function commandsOf(block: FencedBlock): ConsoleCommand[] {
  const commands: { line: number; command: string; output: string[]; exitCode: number }[] = [];
  let continued = false;
  for (const [index, text] of block.text.trimEnd().split("\n").entries()) {
    const last = commands.at(-1);
    const begins = text.startsWith("$ ");
    if (begins) commands.push({ line: block.line + index, command: text.slice(2), output: [], exitCode: 0 });
    else if (continued && last !== undefined) last.command += `\n${text.replace(/^> ?/u, "")}`;
    else last?.output.push(text);
    continued = (begins || continued) && text.endsWith("\\");
  }
  const final = commands.at(-1);
  if (final !== undefined) final.exitCode = Number(/\bexit=(\d+)/u.exec(block.info)?.[1] ?? 0);
  return commands;
}

/** Lines for a shell or for a YAML file, and where a reader finds them. */
export interface ShellBlock {
  readonly heading: string;
  /** among the blocks below that heading, the first one 1 */
  readonly number: number;
  readonly text: string;
}

/** Every `sh` and `yaml` block in order. */
export function shellBlocks(markdown: string): ShellBlock[] {
  const blocks: ShellBlock[] = [];
  let [heading, number] = ["", 0];
  for (const [, title, info, text = ""] of markdown.matchAll(/^#{1,6} (.+)$|^```([^\n`]*)\n([\s\S]*?)^```$/gmu)) {
    if (title !== undefined) [heading, number] = [title, 0];
    else if (info?.trim() === "sh" || info?.trim() === "yaml") blocks.push({ heading, number: (number += 1), text });
  }
  return blocks;
}

/** Every command of every `console` block. */
export function consoleCommands(markdown: string): ConsoleCommand[] {
  return fencedBlocks(markdown)
    .filter((block) => block.info.split(" ")[0] === "console")
    .flatMap(commandsOf);
}
