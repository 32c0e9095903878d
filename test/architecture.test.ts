import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, it } from "node:test";

const root = resolve(import.meta.dirname, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const map = read("docs/architecture.md");

const filesIn = (text: string): string[] =>
  [...text.matchAll(/`((?:src|test)\/[^`]*)`/gu)].map((match) => match[1] ?? "");

/** The rows of the table of invariants: number and name, homes, tests. */
function invariants(): { number: string; name: string; homes: string[]; tests: string[] }[] {
  const rows = [...map.matchAll(/^\| (I\d+) ([^|]+?) \| ([^|]+) \| ([^|]+) \|$/gmu)];
  return rows.map(([, number = "", name = "", homes = "", tests = ""]) => ({
    number,
    name,
    homes: filesIn(homes),
    tests: filesIn(tests),
  }));
}

describe("the map of the tree", () => {
  it("names files and folders that exist", () => {
    assert.ok(filesIn(map).length > 80);
    assert.deepEqual(
      filesIn(map).filter((file) => !existsSync(join(root, file))),
      [],
    );
  });

  it("has every folder of the source", () => {
    const files = globSync("src/*/**/*.{ts,sql}", { cwd: root });
    const folders = [...new Set(files.map((file) => `${dirname(file)}/`))].filter((folder) => folder !== "src/http/");
    const missing = folders.filter((folder) => !filesIn(map).includes(folder));
    assert.ok(folders.length > 40);
    assert.deepEqual(missing.toSorted(), []);
  });

  it("has every invariant of the threat model, with a home and tests that carry its number", () => {
    const stated = [...read("docs/threat-model.md").matchAll(/^- \*\*(I\d+) ([^*]+)\.\*\*/gmu)];
    assert.deepEqual(
      invariants().map(({ number, name }) => `${number} ${name}`),
      stated.map(([, number, name]) => `${number} ${name}`),
    );
    for (const { number, homes, tests } of invariants()) {
      assert.ok(homes.length > 0 && tests.length > 0, number);
      for (const file of tests) assert.match(read(file), new RegExp(`["\`]${number}: `, "u"), `${file}: ${number}`);
    }
  });

  it("has every folder of src", () => {
    const tree = map.split("\n## ")[1] ?? "";
    const listed = (/^ {4}(errors {3}[\s\S]*?)\n\n/mu.exec(read("CONTRIBUTING.md"))?.[1] ?? "").split(/\s+/u);
    const layers = listed.map((layer) => layer.split("/")[0] ?? "");
    assert.ok(layers.length > 10);
    assert.deepEqual(
      layers.filter((layer) => !tree.includes(`\`src/${layer}${layer === "errors" ? ".ts" : "/"}\``)),
      [],
    );
  });
});
