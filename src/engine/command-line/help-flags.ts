/**
 * Learns flags that are newer than Tagseal's tables from the text that an engine prints for `--help`. The layout is that of
 * Go's pflag, which docker, podman and buildx share: letter, long name, a value's name if it takes one, two spaces, words.
 */
import type { FlagKind, FlagTable } from "./flag-table.ts";

const line = /^ {2,}(?:-([A-Za-z0-9]), )? *--([A-Za-z0-9][\w.-]*)(.*)$/u;

/** The flags listed in a help text; empty when there are none. */
export function flagsInHelp(text: string): FlagTable {
  const kinds = new Map<string, FlagKind>();
  const letters = new Map<string, string>();
  for (const found of text.split("\n").map((row) => line.exec(row))) {
    const [, letter, name, rest = ""] = found ?? [];
    if (name === undefined) continue;
    kinds.set(name, kindOf(rest));
    if (letter !== undefined) letters.set(letter, name);
  }
  return { kinds, letters };
}

/** @param rest what follows the name: ` string   What it is for`, `   What it is for`, ` string[="x"]   …` */
function kindOf(rest: string): FlagKind {
  if (rest.startsWith("[=")) return "optional";
  const value = /^ (\S.*?)(?: {2,}|$)/u.exec(rest)?.[1];
  if (value === undefined) return "switch";
  return /^\w+\[=/u.test(value) ? "optional" : "value";
}
