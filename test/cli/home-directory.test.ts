/** Accounts whose home directory is not there, cannot be made, is no directory, or is not known: what is said is true, and says what to do. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { dockerConfigDir, homeOf } from "../../src/cli/open/directories.ts";
import { findExecutable, run, Scope, tagsealCommand } from "../support/peers.ts";
import type { Environment, Finished } from "../support/processes.ts";
import { startSandbox } from "../support/sandbox.ts";

const rootAlone = process.getuid?.() === 0 ? false : "only root runs commands as another account";

describe("a home directory", () => {
  const scope = new Scope("home");
  let env: Environment;
  let image: string;

  before(async () => {
    const sandbox = await startSandbox(scope);
    const layout = join(sandbox.env["DOCKER_CONFIG"] ?? "", "..", "hello");
    const published = `${sandbox.env["REGISTRY"]}/team/app:1.0`;
    const { code, stderr } = await run(tagsealCommand, ["push", "-q", "--from", `oci:${layout}`, published], sandbox);
    assert.equal(code, 0, stderr);
    image = published;
    const config = sandbox.env["DOCKER_CONFIG"] ?? "";
    const authority = readdirSync(join(config, "tls"), { recursive: true, encoding: "utf8" }).find((name) =>
      name.endsWith("ca.crt"),
    );
    const trusted = join(config, "tls", authority ?? "");
    // No DOCKER_CONFIG: the home directory decides. The server's authority comes another way.
    env = { ...sandbox.env, DOCKER_CONFIG: undefined, SSL_CERT_FILE: trusted, NODE_EXTRA_CA_CERTS: trusted };
  });
  after(() => scope.close());

  const tagseal = (args: readonly string[], more: Environment): Promise<Finished> =>
    run(tagsealCommand, args, { env: { ...env, ...more }, cwd: scope.directory });

  it("that does not exist is made, and remembers from then on", async () => {
    const HOME = scope.path("not", "made", "yet");
    const first = await tagseal(["verify", image], { HOME });
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /its root key is trusted from now on/u);
    assert.equal((await tagseal(["verify", image], { HOME })).stderr, "");
  });

  for (const [what, HOME, reason] of [
    ["cannot be made", "/proc/no-home", "no such file or directory"],
    ["is no directory", "/dev/null", "not a directory"],
    ["lies below what is no directory", "/dev/null/home", "not a directory"],
  ] as const) {
    it(`that ${what} remembers nothing, which each command says`, async () => {
      for (const args of [
        ["verify", image],
        ["list", image.replace(/:1\.0$/u, "")],
      ]) {
        const { code, stdout, stderr } = await tagseal(args, { HOME });
        assert.equal(code, 0, stderr);
        assert.match(stdout, /sha256:/u);
        assert.match(stderr, /trusted for this command only, because it could not be remembered/u);
        assert.match(
          stderr,
          new RegExp(`cannot remember what it verified, .*${HOME}/\\.docker/trust/.*: .*${reason}`, "u"),
        );
      }
    });

    it(`that ${what} signs nothing and keeps no key, and says what to set`, async () => {
      for (const args of [
        ["sign", "--from-registry", image],
        ["trust", "key", "generate", "bob"],
      ]) {
        const { code, stderr } = await tagseal(args, { HOME });
        assert.equal(code, 1, args.join(" "));
        assert.match(stderr, new RegExp(`${HOME}/\\.docker/.*${reason}.*DOCKER_CONFIG.*\\[FILE_UNWRITABLE\\]`, "su"));
        assert.equal(existsSync(scope.path("bob.pub")), false, "half a pair of keys");
      }
    });
  }

  it("I3: is never the directory that the command runs in, when the variable is empty", () => {
    const { io } = captured({ env: { HOME: "" }, now: () => new Date() });
    assert.equal(homeOf(io), userInfo().homedir);
    assert.equal(dockerConfigDir(io), join(userInfo().homedir, ".docker"));
  });

  const needsSetpriv = findExecutable("setpriv") === undefined ? "needs setpriv" : rootAlone;
  it("that an account without a name has not is asked for once it is needed", { skip: needsSetpriv }, async () => {
    const nameless = ["--reuid=54321", "--regid=54321", "--clear-groups", tagsealCommand];
    const asNameless = (args: readonly string[], more: Environment): Promise<Finished> =>
      run("setpriv", [...nameless, ...args], { env: { ...env, ...more }, cwd: "/" });
    const without = await asNameless(["verify", image], {});
    assert.equal(without.code, 1);
    assert.match(
      without.stderr,
      /^this account has no home directory, so .*\nhint: Set DOCKER_CONFIG to the directory/u,
    );
    assert.equal((await asNameless(["version"], {})).code, 0);
    const named = await asNameless(["verify", image], { DOCKER_CONFIG: "/tmp/no-such-directory-of-54321" });
    assert.doesNotMatch(named.stderr, /internal error/u);
  });

  it("that may not be accessed is reported in one sentence by each command", { skip: needsSetpriv }, async () => {
    const closed = scope.path("closed");
    mkdirSync(closed, { mode: 0o700 });
    const loop = scope.path("loop");
    symlinkSync("loop", loop);
    chmodSync(scope.directory, 0o755); // below it, only `closed` keeps others out
    const another = ["--reuid=54321", "--regid=54321", "--clear-groups", tagsealCommand];
    for (const [HOME, reason] of [
      [join(closed, "home"), "permission denied"],
      [loop, "too many levels of symbolic links"],
    ] as const) {
      for (const args of [
        ["verify", image],
        ["list", image.replace(/:1\.0$/u, "")],
        ["sign", "--from-registry", image],
        ["trust", "inspect", image],
        ["trust", "key", "generate", "bob"],
        ["doctor"],
        ["uninstall"],
      ]) {
        const asAnother = { env: { ...env, HOME }, cwd: "/" };
        const { code, stdout, stderr } = await run("setpriv", [...another, ...args], asAnother);
        assert.equal(code, 1, args.join(" "));
        assert.doesNotMatch(stdout, /sha256:/u);
        assert.match(
          stderr,
          new RegExp(`cannot (?:read|look at) .*${HOME}/\\..*: ${reason}[\n.]`, "iu"),
          args.join(" "),
        );
        assert.match(stderr, /hint: .*[Ss]et (?:HOME or )?DOCKER_CONFIG .*\[FILE_UNREADABLE\]\n$/u);
      }
      assert.equal((await run("setpriv", [...another, "version"], { env: { HOME } })).code, 0);
    }
  });
});
