import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { Scope } from "../../test/support/peers.ts";
import { type HelperProgram, runHelperProgram } from "./helper-program.ts";

const usual = {
  kind: "key-helper",
  env: process.env,
  errors: "dropped",
  maxOutputBytes: 1000,
  timeoutMs: 10_000,
} as const;

const node = (code: string): HelperProgram["command"] => [process.execPath, "-e", code];

describe("a helper program", () => {
  it("gets its input, and its output and exit code come back", async () => {
    const command = node("process.stdin.pipe(process.stdout).on('finish', () => {}); process.exitCode = 3");
    const outcome = await runHelperProgram({ ...usual, command, input: "hello" });
    assert.deepEqual(outcome, { kind: "ended", exitCode: 3, output: Buffer.from("hello") });
  });

  it("I6: sees no secret of Tagseal's, and the variables it is given", async () => {
    const command = node("process.stdout.write(JSON.stringify([process.env.TAGSEAL_TOKEN_PIN, process.env.WANTED]))");
    const env = { ...process.env, TAGSEAL_TOKEN_PIN: "493817" };
    const outcome = await runHelperProgram({ ...usual, command, env, variables: { WANTED: "yes" } });
    assert.ok(outcome.kind === "ended");
    assert.equal(outcome.output.toString(), '[null,"yes"]');
  });

  it("I9: is never a file of the current directory, however PATH is written", async () => {
    await using scope = new Scope("helper-program");
    const directory = scope.path("here");
    mkdirSync(directory);
    writeFileSync(join(directory, "tagseal-key-planted"), "#!/bin/sh\necho planted\n", { mode: 0o755 });
    const command = ["tagseal-key-planted"] as const;
    const found = await runHelperProgram({ ...usual, command, env: { PATH: `:.:${directory}` } });
    assert.ok(found.kind === "ended" && found.output.toString() === "planted\n");
    const cwd = process.cwd();
    process.chdir(directory);
    try {
      for (const path of ["", ":", ".", `.:/bin`, `../${basename(directory)}`]) {
        const outcome = await runHelperProgram({ ...usual, command, env: { PATH: path } });
        assert.equal(outcome.kind, "not started", path);
      }
    } finally {
      process.chdir(cwd);
    }
  });

  it("may end without reading its input", async () => {
    const outcome = await runHelperProgram({ ...usual, command: node(""), input: "x".repeat(1_000_000) });
    assert.equal(outcome.kind === "ended" && outcome.exitCode, 0);
  });

  it("I1: is stopped when it prints too much, takes too long or is cancelled", async () => {
    const forever = node("setInterval(() => {}, 1000)");
    const much = node("process.stdout.write('x'.repeat(2000)); setInterval(() => {}, 1000)");
    assert.deepEqual(await runHelperProgram({ ...usual, command: much }), { kind: "too much" });
    assert.deepEqual(await runHelperProgram({ ...usual, command: forever, timeoutMs: 50 }), { kind: "too slow" });
    const signal = AbortSignal.timeout(50);
    assert.deepEqual(await runHelperProgram({ ...usual, command: forever, signal }), { kind: "cancelled" });
    assert.deepEqual(await runHelperProgram({ ...usual, command: forever, signal }), { kind: "cancelled" });
  });

  it("that cannot be started, or is ended by a signal, is told apart", async () => {
    for (const name of ["tagseal-no-such-program", "with\0zero"]) {
      const outcome = await runHelperProgram({ ...usual, command: [name] });
      assert.equal(outcome.kind, "not started");
    }
    const outcome = await runHelperProgram({ ...usual, command: node("process.kill(process.pid, 'SIGKILL')") });
    assert.equal(outcome.kind === "ended" && outcome.exitCode, "SIGKILL");
  });

  it("holds nobody up whose pipe a child of it keeps open", async () => {
    const child = "setTimeout(() => {}, 3000)";
    const code = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' }); setTimeout(() => process.exit(), 30_000)`;
    const outcome = await runHelperProgram({ ...usual, command: node(code), timeoutMs: 300 });
    assert.deepEqual(outcome, { kind: "too slow" });
  });
});
