import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { errorCodes } from "../src/errors.ts";

const root = resolve(import.meta.dirname, "..");

/** Codes that have a section, in order. */
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

  it("are raised somewhere: an unused code misleads", () => {
    const files = globSync("src/**/*.ts", { cwd: root, exclude: ["src/errors.ts", "src/**/*.test.ts"] });
    const text = files.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
    assert.deepEqual(
      errorCodes.filter((code) => !text.includes(`"${code}"`)),
      [],
    );
  });
});

/** The start of a command, path or value that a hint offers after a colon; it ends the hint, so that it can be pasted. */
const pasted = /: (?:tagseal|age|docker|podman|npm|chmod|openssl|oci:|rm |export |DOCKER_|\$\{)/u;

/** Hints as the source writes them: the text after `hint:` or `hint =`, where it begins there. */
function writtenHints(): string[] {
  const files = globSync("src/**/*.ts", { cwd: root, exclude: ["src/**/*.test.ts"] });
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const found = text.matchAll(
      /\b(?:hint|\w+Hint)(?::| =)\s+(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`|'([^']*)')(?=[\s,;)}])(?!\s*[+:])/gu,
    );
    return [...found].map((match) => `${file}: ${match[1] ?? match[2] ?? match[3] ?? ""}`);
  });
}

describe("hints", () => {
  const hints = writtenHints();

  it("begin with a capital letter", () => {
    assert.ok(hints.length > 150, String(hints.length));
    assert.deepEqual(
      hints.filter((hint) => !/^\S+: (?:[A-Z]|\$\{)/u.test(hint)),
      [],
    );
  });

  it("end with a full stop, or with what is pasted, after a colon and without one", () => {
    assert.deepEqual(
      hints.filter((hint) => !/[.}?]$/u.test(hint) && !pasted.test(hint)),
      [],
    );
    assert.deepEqual(
      hints.filter((hint) => /: (?:tagseal|docker|podman) [\w -]+\.$/u.test(hint)),
      [],
    );
  });
});
