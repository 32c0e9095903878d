/** Help: the golden text of a group and a command, and rules that every command's help keeps. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { completionNodes, visibleOptions } from "../../src/cli/completion/completion-tree.ts";
import { main } from "../../src/cli/main.ts";

const root = resolve(import.meta.dirname, "../..");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function tagseal(...argv: string[]): Promise<Outcome> {
  const { io, stdout, stderr } = captured({ env: {}, now: () => new Date() });
  const code = await main(argv, io);
  return { code, stdout: stdout(), stderr: stderr() };
}

const golden = (name: string): string => readFileSync(join(import.meta.dirname, "golden", name), "utf8");

describe("help", () => {
  it("of the program lists its commands", async () => {
    assert.deepEqual(await tagseal("help"), { code: 0, stdout: golden("help.txt"), stderr: "" });
    assert.equal((await tagseal()).stdout, golden("help.txt"));
    assert.equal((await tagseal("--help")).stdout, golden("help.txt"));
  });

  it("of a group goes to standard error unless asked for, as docker's", async () => {
    assert.deepEqual(await tagseal("trust"), { code: 0, stdout: "", stderr: golden("help-trust.txt") });
    assert.deepEqual(await tagseal("trust", "--help"), { code: 0, stdout: golden("help-trust.txt"), stderr: "" });
  });

  it("of a command begins as docker's and continues where docker's stops", async () => {
    const { stdout, code } = await tagseal("trust", "signer", "remove", "--help");
    assert.equal(code, 0);
    assert.equal(stdout, golden("help-trust-signer-remove.txt"));
  });

  it("is the same however it is asked for", async () => {
    const asked = await tagseal("help", "verify");
    assert.deepEqual(await tagseal("verify", "--help"), asked);
    assert.deepEqual(await tagseal("verify", "-h"), asked);
    assert.deepEqual(await tagseal("verify", "--json", "x", "--help"), asked);
  });

  it("of a command that does not exist is a usage error", async () => {
    const { code, stderr } = await tagseal("help", "trust", "nosuch");
    assert.equal(code, 1);
    assert.match(stderr, /^tagseal: unknown command: tagseal trust nosuch\n/);
  });
});

describe("every command", async () => {
  const commands = (await completionNodes()).filter(({ description }) => description !== undefined);
  const reference = readFileSync(join(root, "docs/commands.md"), "utf8");

  for (const node of commands) {
    const name = `tagseal ${node.path}`;

    it(`${name} has an example, a summary without a full stop, and lines that fit`, async () => {
      const words = node.path.split(" ");
      const { code, stdout } = await tagseal("help", ...words);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage:\\s+${name}\\b`, "mu"));
      assert.deepEqual(await tagseal(...words, "--help"), { code, stdout, stderr: "" });
      assert.ok((node.description?.examples?.length ?? 0) > 0, "an example");
      assert.doesNotMatch(node.description?.summary ?? "", /\.$/);
      const prose = stdout.split("\n").filter((line) => !/^ {2}[$#] /.test(line));
      assert.deepEqual(
        prose.filter((line) => line.length > 80 && !line.startsWith("Usage:")),
        [],
      );
    });

    it(`${name} is in the reference with every option`, () => {
      const section = reference.split(`## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
      assert.notEqual(section, "", "a section");
      const missing = visibleOptions(node).filter(([option]) => option !== "help" && !section.includes(`--${option}`));
      assert.deepEqual(missing, []);
    });
  }

  it("shows its version, that of the package", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    for (const argv of [["version"], ["--version"], ["-v"]]) {
      assert.equal((await tagseal(...argv)).stdout, `tagseal ${version}\n`);
    }
    assert.deepEqual(JSON.parse((await tagseal("version", "--json")).stdout), { version, dialect: "notary-v1" });
  });
});
