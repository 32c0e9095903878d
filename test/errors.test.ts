import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { completionNodes } from "../src/cli/completion/completion-tree.ts";
import { exitCodeFor } from "../src/cli/exit-code.ts";
import { errorCodes, MetadataError, TagsealError, type ErrorCode } from "../src/errors.ts";
import { faultOf, mentionedCommands } from "./support/mentioned-commands.ts";

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

/** The codes in a cell of the table of exit statuses: by name, or all that begin alike. */
function codesIn(cell: string): readonly ErrorCode[] {
  return [...cell.matchAll(/`([A-Z_]+)(…?)`/gu)].flatMap(([, name = "", rest]) =>
    errorCodes.filter((code) => (rest === "" ? code === name : code.startsWith(name))),
  );
}

describe("exit statuses", () => {
  const rows = [...readFileSync(join(root, "docs/errors.md"), "utf8").matchAll(/^\| (\d)(?:, [^|]*)? \| (.*) \|$/gmu)];
  const listed = new Map(rows.map(([, status, cell = ""]) => [Number(status), codesIn(cell)]));
  const byClass = codesIn(
    /^\| 3 in trust data, 1 in your files \| (.*) \|$/mu.exec(
      readFileSync(join(root, "docs/errors.md"), "utf8"),
    )?.[1] ?? "",
  );

  it("are listed as they are, for every code", () => {
    for (const status of [2, 3, 4]) {
      const actual = errorCodes.filter((code) => exitCodeFor(new TagsealError(code, "")) === status);
      assert.deepEqual(listed.get(status)?.toSorted(), actual.toSorted(), String(status));
    }
  });

  it("depend on where a fault is for the codes that the page names, and for no others", () => {
    const [own, presented] = [TagsealError, MetadataError].map((Kind) =>
      errorCodes.map((code) => exitCodeFor(new Kind(code, ""))),
    );
    const differing = errorCodes.filter((_code, index) => own?.[index] !== presented?.[index]);
    assert.deepEqual(byClass.toSorted(), differing.toSorted());
    for (const code of differing) assert.equal(exitCodeFor(new MetadataError(code, "")), 3);
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

/** Strings of a source file, without those in comments. */
function stringsOf(file: string): readonly string[] {
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  const code = lines.filter((line) => !/^\s*(?:\/\/|\/?\*)/u.test(line)).join("\n");
  const strings = code.matchAll(/"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\[\s\S])*)`|'((?:[^'\\\n]|\\.)*)'/gu);
  return [...strings].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** `tagseal ps`, `tagseal images`: examples of words that go to docker as they are. */
const enginesWords: ReadonlySet<string> = new Set(["tagseal ps", "tagseal images"]);

async function faultsIn(texts: readonly (readonly [file: string, text: string])[]): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [file, text] of texts)
    for (const mentioned of mentionedCommands(text)) {
      const fault = enginesWords.has(mentioned.line) ? undefined : await faultOf(mentioned);
      if (fault !== undefined) faults.push(`${file}: ${fault}`);
    }
  return faults;
}

describe("command lines that texts name", () => {
  const sources = globSync("src/**/*.ts", { cwd: root, exclude: ["src/**/*.test.ts"] }).sort();
  const said = sources.flatMap((file) => stringsOf(file).map((text) => [file, text] as const));
  const pages = globSync(["*.md", "docs/**/*.md"], { cwd: root }).sort();
  const written = pages.flatMap((file) => {
    const spans = readFileSync(join(root, file), "utf8").matchAll(/`([^`\n]+)`/gu);
    return [...spans].map((match) => [file, match[1] ?? ""] as const);
  });

  it("are told from the words around them, and judged by what Tagseal takes", async () => {
    const text = "Log in, or sign with `tagseal trust sign`. Then: tagseal trust approve --in FILE ${gun}";
    assert.deepEqual(mentionedCommands(text), [
      { line: "tagseal trust sign", isPasted: false },
      { line: "tagseal trust approve --in FILE WORD", isPasted: true },
    ]);
    const wrong = [
      "trust key rotte X root",
      "trust key rotate --rol X root",
      "trust key rotate --replace",
      "trust log",
    ];
    for (const words of wrong) assert.ok(await faultOf({ line: `tagseal ${words}`, isPasted: true }), words);
    assert.equal(
      await faultOf({ line: "tagseal trust key rotate --replace ID IMAGE root", isPasted: true }),
      undefined,
    );
  });

  it("in hints, messages and help are commands with flags and arguments that they take", async () => {
    assert.ok(said.flatMap(([, text]) => mentionedCommands(text)).length > 300);
    assert.deepEqual(await faultsIn(said), []);
  });

  it("in the documentation are, too", async () => {
    assert.ok(written.flatMap(([, text]) => mentionedCommands(text)).length > 200);
    assert.deepEqual(await faultsIn(written), []);
  });

  it("flags in hints, and on the page about errors, are Tagseal's, or of a program that the text names", async () => {
    const nodes = await completionNodes();
    const own = new Set(nodes.flatMap(({ description }) => Object.keys(description?.options ?? {})));
    for (const flag of ["help", "policy", "trust-pinning"]) own.add(flag);
    // of age, npm, podman push, builds of an engine, pkcs11-tool
    for (const flag of ["decrypt", "prefix", "creds", "build-arg", "init-pin"]) own.add(flag);
    const page = written.filter(([file]) => file === "docs/errors.md").map(([file, text]) => `${file}: ${text}`);
    const unknown = [...writtenHints(), ...page].filter((text) =>
      [...text.matchAll(/(?<![\w-])--([a-z][\w-]*)/gu)].some(([, flag = ""]) => !own.has(flag)),
    );
    assert.deepEqual(unknown, []);
  });
});
