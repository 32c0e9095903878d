/** Commands that are not Tagseal's go to the real docker: its caller cannot see that Tagseal was in between. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { installFakeDocker } from "../support/fake-docker.ts";
import { missingPeers, run, runOk, runOnTerminal, Scope, tagsealCommand } from "../support/peers.ts";
import type { Environment, Finished } from "../support/processes.ts";

const scope = new Scope("pass-through");
const system = "/usr/bin:/bin";
let fakeDocker: string;
let env: Environment;

before(() => {
  fakeDocker = installFakeDocker(scope);
  env = { HOME: scope.directory, DOCKER_CONFIG: scope.path("config"), PATH: `${fakeDocker}:${system}` };
});
after(() => scope.close());

const tagseal = (...args: readonly string[]): Promise<Finished> => run(tagsealCommand, args, { env });

/** A directory with a link to Tagseal by another name. */
function linked(directory: string, name: string): string {
  mkdirSync(scope.path(directory), { recursive: true });
  symlinkSync(tagsealCommand, scope.path(directory, name));
  return scope.path(directory);
}

describe("a command that is docker's own", () => {
  it("gets its arguments as they are, whatever they hold", async () => {
    const odd = ["", " ", "a b", "new\nline", "--", "-", "--disable-content-trust", "*", "$HOME", "'\"", "ü"];
    const { stdout } = await tagseal("ps", ...odd);
    assert.equal(stdout, odd.map((argument) => `<${argument}>\n`).join(""));
  });

  it("ends with its exit status", async () => {
    for (const code of [0, 1, 2, 42, 125, 255]) assert.equal((await tagseal("exec", String(code))).code, code);
  });

  it("reads our input, every byte of it", async () => {
    const bytes = randomBytes(200_000)
      .toString("latin1")
      .replaceAll(/[^\n -~]/gu, "é");
    const { code, stdout, stderr } = await run(tagsealCommand, ["logs"], { env, input: bytes });
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.ok(stdout === bytes, `${stdout.length} of ${bytes.length} characters came back`);
  });

  it("has this process's environment, content trust included: a docker that knows it uses it", async () => {
    const asked = { env: { ...env, DOCKER_CONTENT_TRUST: "1", OTHER: "kept" } };
    assert.equal((await runOk(tagsealCommand, ["events", "DOCKER_CONTENT_TRUST"], asked)).stdout, "1\n");
    assert.equal((await runOk(tagsealCommand, ["events", "OTHER"], asked)).stdout, "kept\n");
  });

  it("is docker's also when it is one of the five, as long as trust is off", async () => {
    for (const word of ["push", "pull", "build", "create", "run"]) {
      assert.equal((await tagseal(word, "some/image:tag")).stdout, `asked to ${word} some/image:tag\n`);
    }
    assert.equal((await tagseal("image", "pull", "some/image")).stdout, "asked to image pull some/image\n");
  });

  it("is docker's also where Tagseal has a command of that name and what follows is not for it", async () => {
    const lines = [
      ["import", "-c", "CMD sh", "rootfs.tar", "my/image"],
      ["export", "-o", "rootfs.tar", "container"],
    ];
    for (const line of lines) assert.equal((await tagseal(...line)).stdout, `asked to ${line.join(" ")}\n`);
    assert.match((await tagseal("import")).stderr, /notary-db/u);
    assert.match((await tagseal("import", "bundle")).stderr, /requires/u);
    assert.match((await tagseal("export", "--to", "x.tar")).stderr, /--data or --database is required/u);
    const asDocker = await run(join(linked("renamed", "docker"), "docker"), ["import", "bundle"], { env });
    assert.equal(asDocker.stdout, "asked to import bundle\n", "under docker's name all of it is docker's");
  });

  it("loses the trust switch where it turned trust off, because not every docker knows it", async () => {
    const asked = { env: { ...env, DOCKER_CONTENT_TRUST: "1" } };
    const { stdout } = await runOk(tagsealCommand, ["pull", "--disable-content-trust", "-q", "some/image:tag"], asked);
    assert.equal(stdout, "asked to pull -q some/image:tag\n");
    const inContainer = ["run", "--disable-content-trust", "some/image", "program", "--disable-content-trust"];
    assert.equal(
      (await runOk(tagsealCommand, inContainer, asked)).stdout,
      "asked to run some/image program --disable-content-trust\n",
    );
  });

  it("ends by the signal that ended it", async () => {
    assert.equal((await run("/bin/sh", ["-c", `${tagsealCommand} kill TERM; echo $?`], { env })).stdout, "143\n");
  });

  it("hears of a signal sent to us", async () => {
    const child = spawn(tagsealCommand, ["wait"], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    child.on("exit", (code, signal) => resolve(signal ?? `code ${code}`));
    const pid = await new Promise<number>((found) =>
      child.stdout.once("data", (text: Buffer) => found(Number(/as (\d+)/u.exec(text.toString())?.[1]))),
    );
    child.kill("SIGTERM");
    assert.match(await promise, /^(?:SIGTERM|code 143)$/u);
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });
});

describe("on a terminal", { skip: missingPeers(["python"]) }, () => {
  const session = (word: string, answers: Parameters<typeof runOnTerminal>[2]): ReturnType<typeof runOnTerminal> =>
    runOnTerminal(tagsealCommand, [word], answers, { env });

  it("has the terminal on all three streams", async () => {
    assert.equal((await session("info", [])).screen, "terminal\nterminal\nterminal\n");
  });

  it("Ctrl-C ends it, with 130", async () => {
    const { code } = await session("wait", [{ when: "waiting", send: "\u0003" }]);
    assert.equal(code, 130);
  });

  it("Ctrl-C is its own affair when it handles it", async () => {
    const { code, screen } = await session("stats", [{ when: "waiting", send: "\u0003" }]);
    assert.equal(code, 3, screen);
    assert.equal(screen.match(/interrupted/gu)?.length, 1, screen);
  });
});

describe("in docker's place", () => {
  it("as an alias", async () => {
    const line = `shopt -s expand_aliases\nalias docker=${tagsealCommand}\ndocker ps one two\n`;
    assert.equal((await runOk("bash", ["-c", line], { env })).stdout, "<one>\n<two>\n");
  });

  it("as a link called docker, earlier in PATH", async () => {
    const shim = linked("shim", "docker");
    const found = await runOk("docker", ["ps", "one"], { env: { ...env, PATH: `${shim}:${fakeDocker}:${system}` } });
    assert.equal(found.stdout, "<one>\n");
  });

  it("as two links, a link to a link and a script, all earlier in PATH", async () => {
    const first = linked("first", "docker");
    mkdirSync(scope.path("second"));
    symlinkSync(join(first, "docker"), scope.path("second", "docker"));
    mkdirSync(scope.path("third"));
    writeFileSync(scope.path("third", "docker"), `#!/bin/sh\nexec ${tagsealCommand} "$@"\n`);
    chmodSync(scope.path("third", "docker"), 0o755);
    const directories = ["third", "second", "first"].map((name) => scope.path(name));
    const PATH = [...directories, fakeDocker, system].join(":");
    assert.equal((await runOk("docker", ["ps", "one"], { env: { ...env, PATH } })).stdout, "<one>\n");
  });

  it("never calls itself: with nothing but itself in PATH it says that there is no docker", async () => {
    const shim = linked("alone", "docker");
    const tools = scope.path("tools");
    mkdirSync(tools);
    for (const name of ["readlink", "node", "sh"]) {
      const { stdout } = await runOk("/bin/sh", ["-c", `command -v ${name}`], {});
      symlinkSync(stdout.trim(), join(tools, name));
    }
    const alone = { ...env, PATH: `${shim}:${dirname(tagsealCommand)}:${tools}` };
    for (const more of [{}, { TAGSEAL_ENGINE: join(shim, "docker") }, { TAGSEAL_ENGINE: "docker" }]) {
      const { code, stdout, stderr } = await run(join(shim, "docker"), ["ps"], { env: { ...alone, ...more } });
      assert.notEqual(code, 0, stdout);
      assert.match(stderr, /ENGINE_NOT_FOUND/u);
    }
  });
});
