/** Which files of the build a command loads: one that must start quickly works where the others are missing. */
import assert from "node:assert/strict";
import { cpSync, existsSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { run } from "../support/processes.ts";
import { CliSandbox } from "./cli-sandbox.ts";

const root = resolve(import.meta.dirname, "../..");
const skip = existsSync(join(root, "dist/cli.js")) ? false : "needs the build: npm run build";

describe("the layers of the build", { skip }, () => {
  const stage = CliSandbox.forSuite("bundle-layers");
  let [image, signed, copy] = ["", "", ""];
  before(async () => {
    copy = stage.path("checkout");
    cpSync(join(root, "dist"), join(copy, "dist"), {
      recursive: true,
      filter: (path) => !/\/dist\/(?:tagseal-|types|man)/u.test(path),
    });
    cpSync(join(root, "package.json"), join(copy, "package.json"));
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    image = `${stage.repository()}:v1`;
    await stage.publish(await stage.image("1"), image);
    signed = (await stage.ok(["verify", image])).stdout.trim();
  });
  after(() => rmSync(copy, { recursive: true, force: true }));

  async function assertWorks(...words: readonly string[]): Promise<void> {
    const env = { ...stage.sandbox.environment, HOME: stage.directory };
    const { code, stderr } = await run(process.execPath, [join(copy, "dist/tagseal.js"), ...words], { env });
    assert.equal(code, 0, stderr);
  }

  it("begin with all of them: a command of the last one", async () => {
    await assertWorks("trust", "log", stage.repository());
  });

  it("sign needs no other than those below the last", async () => {
    rmSync(join(copy, "dist/commands.js"));
    await assertWorks("sign", `${stage.repository()}:v2@${signed}`);
    await assertWorks("sign", "--quiet", "--from-registry", image);
  });

  it("verify, list and inspect need three", async () => {
    for (const file of ["publishing.js", "engine.js", "registry.js"]) rmSync(join(copy, "dist", file));
    await assertWorks("verify", image);
    await assertWorks("verify", "--json", image);
    await assertWorks("list", stage.repository());
    await assertWorks("trust", "inspect", image);
  });
});
