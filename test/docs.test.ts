import assert from "node:assert/strict";
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, it } from "node:test";
import { documentedLines, linesShown, linesTaken } from "./support/documented-lines.ts";
import { anchors, consoleCommands, fencedBlocks, links, type ConsoleCommand } from "./support/markdown.ts";
import { findExecutable, missingPeers, run, Scope, tagsealCommand, writeLayout, type Peer } from "./support/peers.ts";
import { startSandbox } from "./support/sandbox.ts";

const root = resolve(import.meta.dirname, "..");
const documents = globSync(["*.md", "docs/**/*.md"], { cwd: root }).sort();
const read = (file: string): string => readFileSync(join(root, file), "utf8");

function brokenLinks(file: string): string[] {
  return links(read(file)).filter((link) => {
    if (/^[a-z]+:/u.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? file : join(dirname(file), path);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchors(read(target)).has(anchor);
  });
}

function quote(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`);
}

/** Output shown in a document: each line must appear in this order; `…` stands for whatever comes there. */
function showsOutput(expected: readonly string[], actual: string): boolean {
  const lines = expected.filter((line) => line.trim() !== "" && line.trim() !== "…");
  const pattern = lines.map((line) => `^${line.trimEnd().split("…").map(quote).join(".*")}\\s*$`);
  let rest = actual;
  for (const line of pattern) {
    const match = new RegExp(line, "mu").exec(rest);
    if (match === null) return false;
    rest = rest.slice(match.index + match[0].length);
  }
  return true;
}

/** One shell per document, so that a variable set or a directory entered in one block holds in the next. */
function shellScript(commands: readonly ConsoleCommand[]): string {
  const steps = commands.map(
    ({ command }, index) => `printf '\\n@@ %s\\n' ${index}\n${command}\nprintf '\\n@= %s\\n' "$?"`,
  );
  return `exec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n${steps.join("\n")}\n`;
}

/** Other people's programs that the commands call; a reader without them cannot follow, nor can this test. */
function peersUsed(commands: readonly ConsoleCommand[]): Peer[] {
  const peers: readonly Peer[] = ["age", "openssl", "docker", "notary", "skopeo", "sqlite3", "curl"];
  return peers.filter((peer) => commands.some(({ command }) => new RegExp(`(^|[|;&(] *)${peer} `, "mu").test(command)));
}

function judge(file: string, commands: readonly ConsoleCommand[], transcript: string): void {
  for (const [index, { line, command, output, exitCode }] of commands.entries()) {
    const step = new RegExp(`^@@ ${index}\\n([\\s\\S]*?)\\n@= (\\d+)$`, "mu").exec(transcript);
    const where = `${file}:${line}: ${command}\n${step?.[1] ?? transcript}`;
    assert.equal(step?.[2], String(exitCode), `exit code of ${where}`);
    assert.ok(showsOutput(output, step[1] ?? ""), `the output shown differs from that of ${where}`);
  }
}

function exportedDeclarations(file: string): { name: string; documented: boolean }[] {
  const lines = read(file).split("\n");
  const declaration =
    /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type) ([A-Za-z0-9_$]+)/u;
  return lines.flatMap((line, index) => {
    const name = declaration.exec(line)?.[1];
    return name === undefined ? [] : [{ name, documented: /\*\/\s*$/u.test(lines[index - 1] ?? "") }];
  });
}

/** Overloads of a function share the comment of the first. */
function undocumented(file: string): string[] {
  const declarations = exportedDeclarations(file);
  const documented = new Set(declarations.filter((found) => found.documented).map((found) => found.name));
  return declarations.filter((found) => !documented.has(found.name)).map((found) => `${file}: ${found.name}`);
}

describe("documentation", () => {
  for (const file of documents) {
    it(`links only to what exists: ${file}`, () => assert.deepEqual(brokenLinks(file), []));
  }

  for (const file of documents) {
    const commands = consoleCommands(read(file));
    if (commands.length === 0) continue;
    const skip = missingPeers(peersUsed(commands));
    it(`shows commands that work: ${file}`, { skip }, async () => {
      await using scope = new Scope("docs");
      const sandbox = await startSandbox(scope);
      const work = scope.path("work");
      mkdirSync(join(work, "bin"), { recursive: true });
      writeFileSync(join(work, "bin", "tagseal"), `#!/bin/sh\nexec "${tagsealCommand}" "$@"\n`, { mode: 0o755 });
      await writeLayout(join(work, "my-image"), "hello");
      const env = {
        ...sandbox.env,
        HOME: work,
        PATH: `${work}/bin:${process.env["PATH"]}`,
      };
      const bash = findExecutable("bash") ?? "bash";
      const { stdout } = await run(bash, ["-c", shellScript(commands)], { cwd: work, env, timeoutMs: 300_000 });
      // Here, keys are stretched as few times as docker's; documents show what users see.
      judge(file, commands, stdout.replaceAll(/\b2,048 rounds/gu, "600,000 rounds"));
    });
  }
});

describe("pictures", () => {
  const pictures = globSync("docs/**/*.svg", { cwd: root }).sort();

  for (const file of pictures) {
    const skip = missingPeers(["python"]);
    it(
      `are well-formed, said in words, readable in the dark and complete in themselves: ${file}`,
      { skip },
      async () => {
        const svg = read(file);
        const parse = "import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])";
        const { code, stderr } = await run("python3", ["-c", parse, join(root, file)]);
        assert.equal(code, 0, stderr);
        assert.match(
          svg,
          /aria-labelledby="title desc"[\s\S]*<title id="title">[^<]+<\/title>\s*<desc id="desc">[^<]{100,}</u,
        );
        assert.ok(svg.includes("prefers-color-scheme: dark"));
        assert.doesNotMatch(svg, /<script|<foreignObject|href=|url\(|@import/u);
        assert.deepEqual(svg.match(/https?:\/\/(?!127\.)[^"<\s]+/gu), ["http://www.w3.org/2000/svg"]);
      },
    );
  }

  it("are each shown on a page", () => {
    const shown = documents.flatMap((file) => links(read(file)).map((link) => join(dirname(file), link)));
    assert.deepEqual(
      pictures.filter((file) => !shown.includes(file)),
      [],
    );
  });
});

describe("lines for a shell", () => {
  it("stand in blocks that say so", () => {
    const blocks = documents.flatMap((file) =>
      fencedBlocks(read(file)).map(({ info, line }) => ({ file, info, line })),
    );
    const known = /^(?:console(?: exit=\d+)?|sh|yaml|toml|jsonc?|text)$/u;
    assert.deepEqual(
      // The library's reference is written from its sources, and test/api-page.test.ts compares the two.
      blocks.filter(({ file, info }) => !known.test(info) && !(file === "docs/api.md" && info === "ts")),
      [],
    );
    for (const file of documents) assert.doesNotMatch(read(file), /^[ \t]+```/mu, `${file} has no indented fences`);
  });

  it("are each run by a test, which takes them out of the document", () => {
    const taken = linesTaken();
    assert.deepEqual(
      linesShown(documents).filter((block) => !taken.has(block)),
      [],
    );
  });

  it("run the tests as .ci/run does, word for word", () => {
    const line = documentedLines("README.md", "Try it", 2).trim();
    assert.ok(read(".ci/run").includes(`bash -c '${line}'`));
  });

  // The first would run this very test, and write into the checkout; the second measures for ten minutes.
  for (const [whose, lines] of [
    ["contributors", documentedLines("CONTRIBUTING.md", "Working on it")],
    ["measurements", documentedLines("docs/benchmarks.md", "Benchmarks")],
  ] as const) {
    it(`name scripts that are there, for ${whose}`, () => {
      const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };
      const commands = lines.split(/&&|\n/u).flatMap((line) => line.replace(/#.*/u, "").trim() || []);
      assert.deepEqual(
        commands.filter((command) => {
          const [, script = ""] = /^npm (?:run )?(\w+)$/u.exec(command) ?? [];
          return script !== "ci" && scripts[script] === undefined;
        }),
        [],
      );
    });
  }
});

/** Names in italics after `Test:` or `Tests:` at the start of a line, up to the end of the paragraph. */
function testsNamedIn(markdown: string): string[] {
  const paragraphs = [...markdown.matchAll(/^Tests?: ([\s\S]*?)(?=\n\n|$(?![\s\S]))/gmu)].map(
    (match) => match[1] ?? "",
  );
  const names = paragraphs.flatMap((text) => [...text.matchAll(/\*([^*]+)\*/gu)].map((match) => match[1] ?? ""));
  return names.map((name) => name.replaceAll(/\s+/gu, " "));
}

describe("differences from Docker Content Trust", () => {
  const text = read("docs/differences.md");
  const tests = globSync(["src/**/*.test.ts", "test/**/*.test.ts"], { cwd: root }).map(read).join("\n");

  it("name a test each, and each test is there", () => {
    assert.ok(testsNamedIn(text).length > 20);
    assert.deepEqual(
      testsNamedIn(text).filter((name) => !tests.includes(`"${name}"`)),
      [],
    );
  });
});

/** Modules whose programs are built, or that the programs here import; Go marks all others as indirect. */
function goModules(manifest: string): string[] {
  const required = [...manifest.matchAll(/^(?:require )?\s*(\S+) v\S+( \/\/ indirect)?$/gmu)];
  const programs = [...manifest.matchAll(/^(?:tool |\t)(\S+)$/gmu)].map(([, path = ""]) => path);
  const named = required.filter(([, module = "", indirect]) => {
    return indirect === undefined || programs.some((path) => path === module || path.startsWith(`${module}/`));
  });
  return named.map(([, module = ""]) => module);
}

describe("dependencies", () => {
  it("each have a line that says why they are here, and nothing else has", () => {
    const kinds = ["dependencies", "optionalDependencies", "devDependencies"];
    const installed = ["package.json", "release/package.json", "deploy/package.json"].flatMap((file) => {
      const manifest = JSON.parse(read(file)) as Readonly<Record<string, Readonly<Record<string, string>>>>;
      return kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}));
    });
    const manifests = globSync("test/peers/go/*/go.mod", { cwd: root }).map(read);
    installed.push(...new Set(manifests.flatMap(goModules)));
    const cells = [...read("docs/dependencies.md").matchAll(/^\| (`[^|:]+) \|/gmu)].map((match) => match[1] ?? "");
    const named = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/gu)].map((match) => match[1] ?? ""));
    assert.deepEqual(named.toSorted(), installed.toSorted());
  });
});

describe("installation", () => {
  it("runs no script of a package: each that brings one is denied, and described", () => {
    for (const directory of ["", "release/", "deploy/"]) {
      const lock = JSON.parse(read(`${directory}package-lock.json`)) as Readonly<{
        packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
      }>;
      const bringing = Object.entries(lock.packages).filter(([path, found]) => path !== "" && found.hasInstallScript);
      const names = bringing.map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
      const manifest = JSON.parse(read(`${directory}package.json`)) as { readonly allowScripts?: object };
      assert.deepEqual(manifest.allowScripts ?? {}, Object.fromEntries(names.map((name) => [name, false])), directory);
      const described = read("docs/dependencies.md");
      for (const name of names) assert.ok(described.includes(`\n| \`${name}\`: \`node`), name);
    }
  });
});

describe("doc comments", () => {
  it("stand before every export of src", () => {
    const files = globSync("src/**/*.ts", { cwd: root, exclude: ["src/**/*.test.ts"] }).sort();
    assert.deepEqual(files.flatMap(undocumented), []);
  });
});
