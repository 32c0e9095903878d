/** The table of docs/migration.md: every command in the help of the real notary has a counterpart, and every row is a line of both programs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { parseLine } from "../../src/cli/argument-parser.ts";
import type { Command } from "../../src/cli/command.ts";
import { resolveEntry } from "../../src/cli/table.ts";
import { missingPeers, runOk } from "../support/peers.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/migration.md"), "utf8");

/** The commands of every program of this kind, which are about itself. */
const aboutItself = new Set(["completion", "help", "version"]);

interface Row {
  readonly notary: readonly string[];
  readonly tagseal: readonly string[];
}

/** Rows such as `notary X Y` | `tagseal trust Z Y`: the words behind the programs' names. */
function rowsOf(markdown: string): readonly Row[] {
  const cells = markdown.matchAll(/^\| `notary ([^`]+)` \| `tagseal ([^`]+)`[^|]* \|$/gmu);
  return [...cells].map(([, notary = "", tagseal = ""]) => ({
    notary: notary.split(" "),
    tagseal: tagseal.split(" "),
  }));
}

interface NotaryCommand {
  readonly path: readonly string[];
  readonly help: string;
}

/** Every command that has no commands below it, from the help of the program. */
async function commandsOf(path: readonly string[]): Promise<readonly NotaryCommand[]> {
  const { stdout: help } = await runOk("notary", [...path, "--help"]);
  const listed = /^Available Commands:\n((?: {2}\S.*\n)+)/mu.exec(help)?.[1];
  if (listed === undefined) return [{ path, help }];
  const names = [...listed.matchAll(/^ {2}(\S+)/gmu)].map(([, name = ""]) => name);
  const below = await Promise.all(
    names.filter((name) => path.length > 0 || !aboutItself.has(name)).map((name) => commandsOf([...path, name])),
  );
  return below.flat();
}

const startsWith = (words: readonly string[], path: readonly string[]): boolean =>
  path.every((word, index) => words[index] === word);

const flagsIn = (words: readonly string[]): readonly string[] => words.filter((word) => word.startsWith("-"));

function hasFlag(help: string, flag: string): boolean {
  return flag.startsWith("--")
    ? new RegExp(`^ +(?:-\\w, )? *${flag}\\b`, "mu").test(help)
    : new RegExp(`^ +${flag}, `, "mu").test(help);
}

describe("notary's commands and their counterparts", { skip: missingPeers(["notary"]) }, () => {
  const rows = rowsOf(page);
  let commands: readonly NotaryCommand[];
  before(async () => {
    commands = await commandsOf([]);
  });

  it("every command that notary lists has a row", () => {
    assert.equal(commands.length, 23, "the help was read");
    const missing = commands.filter(({ path }) => !rows.some(({ notary }) => startsWith(notary, path)));
    assert.deepEqual(
      missing.map(({ path }) => path.join(" ")),
      [],
    );
  });

  it("every row has a command of notary with its flags", () => {
    for (const { notary } of rows) {
      const found = commands.find(({ path }) => startsWith(notary, path));
      assert.ok(found !== undefined, `notary ${notary.join(" ")}`);
      for (const flag of flagsIn(notary)) assert.ok(hasFlag(found.help, flag), `notary ${notary.join(" ")}: ${flag}`);
    }
  });

  it("every row has a command of Tagseal that takes its words and flags", async () => {
    for (const { tagseal } of rows) {
      const line = `tagseal ${tagseal.join(" ")}`;
      const { entry, path, rest } = resolveEntry(tagseal);
      const command: Command | undefined = await entry.load?.();
      assert.ok(command !== undefined && path.startsWith("trust "), line);
      const { args } = parseLine(rest, command.description.options);
      const { min, max = Number.POSITIVE_INFINITY } = command.description.args;
      assert.ok(args.length >= min && args.length <= max, `${line}: ${args.length} words, not ${min} to ${max}`);
    }
  });
});
