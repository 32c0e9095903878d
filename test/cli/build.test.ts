/** The build: the bundled command works without the sources, and starts nearly as fast as the runtime itself. */
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { join, resolve } from "node:path";
import { completionNodes } from "../../src/cli/completion/completion-tree.ts";
import { healthDuringLogin, slowUsers } from "../server/slow-login.ts";
import { freePort, run, runOk, Scope } from "../support/peers.ts";

const root = resolve(import.meta.dirname, "../..");

describe("the build", () => {
  const scope = new Scope("build");
  const dist = scope.path("dist");
  const env = { HOME: scope.directory, TMPDIR: scope.directory };
  const built = (...args: string[]) => run(process.execPath, [join(dist, "tagseal.js"), ...args], { env });

  before(() => runOk(process.execPath, [join(root, "build.ts"), dist]));
  after(() => scope.close());

  it("answers with the version", async () => {
    assert.match((await built("version")).stdout, /^tagseal \d/);
  });

  it("plays the demonstration to its end: servers, client and images are all in it", async () => {
    const { code, stdout, stderr } = await built("sandbox", "--demo");
    assert.equal(code, 0, stdout + stderr);
  });

  it("explains every command it has", async () => {
    const { stdout } = await built("help", "trust", "signer", "add");
    assert.match(stdout, /^Usage: {2}tagseal trust signer add OPTIONS NAME REPOSITORY/);
  });

  it("has a manual page for each of them, and for their groups", async () => {
    const paths = (await completionNodes()).map(({ path }) => `tagseal ${path}`.trim());
    const expected = paths.map((path) => `${path.replaceAll(" ", "-")}.1`);
    assert.deepEqual(readdirSync(join(dist, "man")).toSorted(), expected.toSorted());
  });

  it("compares passwords in a thread", async () => {
    const users = scope.path("users");
    writeFileSync(users, slowUsers);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const args = ["server", "--listen", `127.0.0.1:${port}`, "--data", scope.path("data")];
    const server = await scope.start("built-server", process.execPath, [join(dist, "tagseal.js"), ...args], {
      env: {
        ...env,
        TAGSEAL_SERVER_AUTH_HTPASSWD: users,
        TAGSEAL_SERVER_AUTH_RULES: '[{"prefix":"*","users":["*"],"actions":["*"]}]',
      },
      ready: (log) => log().includes('"listening"'),
    });
    await healthDuringLogin(url, 1);
    const { login, answered } = await healthDuringLogin(url, 2);
    assert.equal(login, 401);
    assert.ok(answered >= 20, `${answered} answers while one password was compared`);
    assert.equal(await server.stop(), 0);
  });

  it("is a library too", async () => {
    const script = `import(${JSON.stringify(join(dist, "index.js"))}).then((tagseal) => console.log(typeof tagseal.verifyTag))`;
    assert.equal((await run(process.execPath, ["-e", script], { env })).stdout, "function\n");
  });

  it("loads nothing but itself to say its version", async () => {
    const script = `await import(${JSON.stringify(join(dist, "tagseal.js"))}); console.error(process.moduleLoadList.filter((name) => /tls|https|crypto$|sqlite/.test(name)).join());`;
    const args = ["--input-type=module", "-e", script, "--", "version"];
    const { stderr } = await run(process.execPath, args, { env });
    assert.doesNotMatch(stderr, /NativeModule (?:tls|https|sqlite)/);
  });
});
