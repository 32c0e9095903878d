/** What an editor shows for an export says what it is. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";

const root = resolve(import.meta.dirname, "..");

interface Export {
  readonly name: string;
  /** undefined without a doc comment right before it */
  readonly comment: string | undefined;
}

const declaration =
  /^export (?:async |abstract |declare )*(?:function\*?|class|interface|type|const|let|enum) (\w+)/gmu;

/** The exported declarations of a file. Of overloads, the first one counts. */
function exportsOf(text: string): Export[] {
  const found = new Map<string, Export>();
  for (const { 1: name = "", index } of text.matchAll(declaration)) {
    const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n$/u.exec(text.slice(0, index))?.[1];
    if (!found.has(name)) found.set(name, { name, comment: comment?.replaceAll(/\s*\n \*\s*/gu, " ").trim() });
  }
  return [...found.values()];
}

/** Why a comment does not say what its export is; undefined for one that does. */
function fault({ comment }: Export): string | undefined {
  if (comment === undefined || comment === "") return "has no doc comment";
  if (comment.startsWith("@")) return "begins with a tag";
  return undefined;
}

describe("doc comments", () => {
  const files = globSync("src/**/*.ts", { cwd: root, exclude: ["src/**/*.test.ts"] }).sort();
  const exported = files.flatMap((file) =>
    exportsOf(readFileSync(join(root, file), "utf8")).map((found) => ({ file, ...found })),
  );

  it("of exports begin with what the export is", () => {
    assert.ok(exported.length > 1500);
    const faulty = exported.filter((found) => fault(found) !== undefined);
    assert.deepEqual(
      faulty.map((found) => `${found.file}: ${found.name} ${fault(found)}`),
      [],
    );
  });

  it("would be missed", () => {
    const text = "/** @throws B */\nexport function c() {}\n\nexport const d = 1;\n";
    assert.deepEqual(exportsOf(text).map(fault), ["begins with a tag", "has no doc comment"]);
    assert.deepEqual(exportsOf("/** A door. */\nexport interface Door {}\n").map(fault), [undefined]);
  });
});
