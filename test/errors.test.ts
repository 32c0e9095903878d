import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { errorCodes } from "../src/errors.ts";

const root = resolve(import.meta.dirname, "..");

/** Codes that have a section of their own, in order. */
function documentedCodes(): string[] {
  const text = readFileSync(join(root, "docs/errors.md"), "utf8");
  return [...text.matchAll(/^### `([A-Z][A-Z0-9_]+)`$/gmu)].map((match) => match[1] ?? "");
}

describe("error codes", () => {
  it("are each listed once", () => {
    assert.equal(new Set(errorCodes).size, errorCodes.length);
    assert.equal(new Set(documentedCodes()).size, documentedCodes().length);
  });

  it("are explained in docs/errors.md, all of them and no others", () => {
    assert.deepEqual(documentedCodes().toSorted(), [...errorCodes].toSorted());
  });

  it("say what they mean and what to do", () => {
    const sections = readFileSync(join(root, "docs/errors.md"), "utf8").split(/^### /mu).slice(1);
    const thin = sections.filter((section) => !/\n\n\S[\s\S]*\n\n\*\*What to do\.\*\* \S/u.test(section));
    assert.deepEqual(
      thin.map((section) => section.split("\n", 1)[0]),
      [],
    );
  });

  it("are raised somewhere: a code nobody raises misleads", () => {
    const files = globSync("src/**/*.ts", { cwd: root, exclude: ["src/errors.ts", "src/**/*.test.ts"] });
    const text = files.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
    assert.deepEqual(
      errorCodes.filter((code) => !text.includes(`"${code}"`)),
      [],
    );
  });
});
