/** `tagseal install` and `uninstall`: links to Tagseal come and go, everything else stays. */
import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { findExecutable, missingPeers, readText, run, Scope, tagsealCommand } from "../support/peers.ts";

const scope = new Scope("install");
after(() => scope.close());

/** A user with a configuration directory and a PATH that begins with `bin`; their docker is of this version. */
function user(name: string, version = "29.1.0") {
  mkdirSync(scope.path(name, "bin"), { recursive: true });
  mkdirSync(scope.path(name, "engine"), { recursive: true });
  const engine = `#!/bin/sh\necho "Docker version ${version}, build x"\n`;
  writeFileSync(scope.path(name, "engine", "docker"), engine, { mode: 0o755 });
  const plugin = scope.path(name, ".docker", "cli-plugins", "docker-trust");
  const shim = scope.path(name, "bin", "docker");
  const env = {
    HOME: scope.path(name),
    DOCKER_CONFIG: scope.path(name, ".docker"),
    PATH: `${scope.path(name, "bin")}:${scope.path(name, "engine")}:/usr/bin:/bin`,
  };
  const tagseal = (...args: readonly string[]) => run(tagsealCommand, args, { env });
  return { plugin, shim, bin: scope.path(name, "bin"), env, tagseal };
}

const own = realpathSync(tagsealCommand);

describe("install", () => {
  it("makes the plugin and, when asked, the shim; twice changes nothing; uninstall takes both back", async () => {
    const { plugin, shim, bin, env, tagseal } = user("plain");
    const first = await tagseal("install", "--shim", bin);
    assert.deepEqual([first.code, first.stderr], [0, ""]);
    assert.equal(first.stdout, `Installed ${plugin} -> ${own}\nInstalled ${shim} -> ${own}\n`);
    assert.deepEqual([readlinkSync(plugin), readlinkSync(shim)], [own, own]);
    const second = await tagseal("install", "--shim", bin);
    assert.equal(second.stdout, `Already installed: ${plugin}\nAlready installed: ${shim}\n`);
    const { stdout } = await run("docker", ["trust", "--help"], { env });
    assert.match(stdout, /^Usage: {2}docker trust COMMAND/);
    assert.equal((await tagseal("uninstall")).stdout, `Removed ${plugin}\nRemoved ${shim}\n`);
    assert.deepEqual([existsSync(plugin), existsSync(shim)], [false, false]);
    assert.equal((await tagseal("uninstall")).stdout, "Nothing of Tagseal's is installed\n");
  });

  it("gives a docker that has the command itself no plugin, and takes an earlier one away", async () => {
    const { plugin, shim, bin, tagseal } = user("twenty-eight", "28.2.2");
    mkdirSync(scope.path("twenty-eight", ".docker", "cli-plugins"), { recursive: true });
    symlinkSync(tagsealCommand, plugin);
    const said = 'docker 28.2.2 has "docker trust" itself: no plugin is needed until you update to docker 29\n';
    const first = await tagseal("install", "--shim", bin);
    assert.equal(first.stdout, `Removed ${plugin}\n${said}Installed ${shim} -> ${own}\n`);
    assert.equal(existsSync(plugin), false);
    assert.equal((await tagseal("install")).stdout, said);
  });

  for (const docker of ["docker", "/usr/bin/docker"]) {
    it(
      `leaves no invalid plugin in the help of ${docker}`,
      { skip: missingPeers(["docker"]) || !existsSync(findExecutable(docker) ?? docker) },
      async () => {
        const home = scope.path(`help-${docker.replaceAll("/", "-")}`);
        mkdirSync(home);
        const env = { HOME: home, PATH: process.env["PATH"] };
        assert.equal((await run(tagsealCommand, ["install"], { env })).code, 0);
        assert.doesNotMatch((await run(docker, ["--help"], { env })).stdout, /Invalid Plugins/u);
      },
    );
  }

  it("says when a shim is not found first", async () => {
    const { tagseal } = user("elsewhere");
    const { code, stderr } = await tagseal("install", "--shim", scope.path("elsewhere", "other"));
    assert.equal(code, 0);
    assert.match(stderr, /\nhint: Put the shim first.*export PATH=.*\/elsewhere\/other:\$PATH\n$/);
  });

  it("never changes another program's file, link or not", async () => {
    const { plugin, shim, bin, tagseal } = user("foreign");
    writeFileSync(shim, "#!/bin/sh\necho mine\n", { mode: 0o755 });
    mkdirSync(scope.path("foreign", ".docker", "cli-plugins"), { recursive: true });
    symlinkSync("/bin/true", plugin);
    const { code, stderr } = await tagseal("install", "--shim", bin);
    assert.equal(code, 1);
    assert.match(stderr, /is there already and is not Tagseal's\nhint: .*\[FILE_UNWRITABLE\]/);
    await tagseal("uninstall", "--shim", bin);
    assert.equal(readText(shim), "#!/bin/sh\necho mine\n");
    assert.equal(readlinkSync(plugin), "/bin/true");
  });

  it("leads a link of another Tagseal, also of one that is gone, to this one", async () => {
    const { plugin, tagseal } = user("moved");
    mkdirSync(scope.path("moved", ".docker", "cli-plugins"), { recursive: true });
    symlinkSync("/gone/bin/tagseal", plugin);
    assert.equal((await tagseal("install")).stdout, `Installed ${plugin} -> ${own}\n`);
    assert.equal(readlinkSync(plugin), own);
    assert.ok(lstatSync(plugin).isSymbolicLink());
  });

  it("never makes Tagseal call itself", async () => {
    const { bin, env, tagseal } = user("loop");
    await tagseal("install", "--shim", bin);
    const { code, stderr } = await run("docker", ["ps"], {
      env: { ...env, PATH: `${bin}:${scope.path("loop", "nothing")}` },
    });
    // Without a real docker there is nothing to call; the launcher itself still needs the system's commands.
    assert.notEqual(code, 0);
    assert.doesNotMatch(stderr, /Maximum call stack|too many/);
  });
});
