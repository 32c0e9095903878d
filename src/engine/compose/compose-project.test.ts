import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import type { EngineRunResult } from "../engine.ts";
import { parseInvocation } from "../command-line/invocation.ts";
import { type ComposeLine, readComposeLine } from "./compose-line.ts";
import {
  askProject,
  type ComposeProject,
  projectDirectory,
  refuseRemoteFiles,
  writtenModel,
} from "./compose-project.ts";

async function read(line: string): Promise<ComposeLine> {
  return readComposeLine(await parseInvocation(line.split(" "), "docker"));
}

/** A compose that prints this for the project, and these names. */
async function asked(model: string, names = "web\n"): Promise<ComposeProject> {
  const run = async (args: readonly string[]): Promise<EngineRunResult> => {
    await Promise.resolve();
    return { exitCode: 0, stdout: args.includes("--services") ? names : model, stderr: "" };
  };
  const project = await askProject({ run }, await read("compose up"), undefined);
  assert.ok("name" in project);
  return project;
}

describe("the project that compose resolves", () => {
  it("has its dollar signs once, and is written with two", async () => {
    const text = '{"name":"p","services":{"web":{"image":"x","environment":{"A":"5$$ and $$$$"}}}}';
    const project = await asked(text, "web\nother\n");
    assert.equal(JSON.stringify(project.services.get("web")), '{"image":"x","environment":{"A":"5$ and $$"}}');
    assert.deepEqual(project.others, ["other"]);
    assert.equal(Buffer.from(writtenModel(project.model)).toString(), text);
  });

  for (const text of [
    "services:\n  web:\n    image: x\n",
    '{"name":"p","services":{"web":{"image":"$x"}}}',
    '{"name":"p","services":{"web":["image"]}}',
    '{"name":"p","services":[]}',
    '{"name":"--file","services":{}}',
    '{"services":{}}',
    "[]",
    "",
  ]) {
    it(`I9: is refused when it is not understood: ${JSON.stringify(text)}`, async () => {
      await assert.rejects(asked(text), { code: "COMPOSE_REFUSED", hint: /docker compose version$/u });
    });
  }

  it("has the directory that compose takes for it", async (context) => {
    const root = mkdtempSync(join(tmpdir(), "tagseal-test-"));
    context.after(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, "a", "b"), { recursive: true });
    writeFileSync(join(root, "compose.yml"), "");
    const before = process.cwd();
    context.after(() => process.chdir(before));
    process.chdir(join(root, "a", "b"));
    const directory = async (line: string, env = {}): Promise<string> => projectDirectory(await read(line), env);
    assert.equal(await directory("compose up"), root);
    assert.equal(await directory("compose -f x/c.yml -f d.yml up"), resolve("x"));
    assert.equal(await directory("compose -f - up"), resolve("."));
    assert.equal(await directory("compose --project-directory .. -f x/c.yml up"), join(root, "a"));
    assert.equal(await directory("compose up", { COMPOSE_FILE: "y/c.yml:z.yml" }), resolve("y"));
    const separator = { COMPOSE_FILE: "y/c.yml;z.yml", COMPOSE_PATH_SEPARATOR: ";" };
    assert.equal(await directory("compose up", separator), resolve("y"));
    assert.equal(await directory("compose up", { ...separator, COMPOSE_PATH_SEPARATOR: "" }), resolve("y"));
  });

  for (const [file, listed] of [
    ["oci://registry.example.com/team/project:1", ""],
    ["https://example.com/project.git", ""],
    ["git@example.com:team/project.git", ""],
    ["deploy@example.com:team/project", ""],
    ["github.com/team/project", ""],
    ["a.yaml", "b.yaml:oci://registry.example.com/team/project:1"],
    ["a.yaml", "b.yaml;git@example.com:team/project.git"],
  ] as const) {
    it(`I9: is refused when compose would fetch it: ${file} ${listed}`, () => {
      const env = { COMPOSE_FILE: listed, COMPOSE_PATH_SEPARATOR: ";" };
      assert.throws(() => refuseRemoteFiles({ files: [file] }, env), { code: "COMPOSE_REFUSED" });
      refuseRemoteFiles({ files: ["a.yaml", "./github.com/x.yaml", "-"] }, { COMPOSE_FILE: "c@d.yaml:b.yaml" });
    });
  }
});
