/** Packages for Linux distributions: installed, used, upgraded and removed by the programs that distributions have for it. */
import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { completionNodes } from "../../src/cli/completion/completion-tree.ts";
import { startBareMachine, type BareMachine } from "../support/bare-machine.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { packageVersion, useInstalled } from "../support/installed-command.ts";
import { startMachine, type Machine } from "../support/machine.ts";
import { certificates, missingPeers, run, runOk, Scope } from "../support/peers.ts";
import { startUnit } from "../support/systemd-unit.ts";

const root = resolve(import.meta.dirname, "../..");
const here = {
  deb: process.arch === "arm64" ? "arm64" : "amd64",
  rpm: process.arch === "arm64" ? "aarch64" : "x86_64",
};
const needed = ["packaging", "machine", "systemd", "openssl", "npm", "emulator"] as const;

describe("the packages for Linux", { skip: missingPeers(needed) }, () => {
  const scope = new Scope("packages");
  const output = scope.path("packages");
  let machine: Machine;
  const offline = { cwd: output, env: { SYSTEMD_OFFLINE: "1", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } };
  const saysItsVersion = async (): Promise<void> => {
    const { stdout } = await machine.run("/usr/bin/tagseal version", offline);
    assert.equal(stdout, `tagseal ${packageVersion}\n`);
  };
  const there = (path: string): boolean => existsSync(machine.path(path));

  before(async () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    assert.equal(documentedLines("docs/install.md", "Build the packages").trim(), "npm ci && npm run packages");
    const [program = "", script = ""] = (scripts["packages"] ?? "").split(" ");
    assert.equal(program, "node");
    // npm fetches the runtimes, with the network and the settings of this machine.
    await runOk(process.execPath, [join(root, script), output], { env: process.env, timeoutMs: 900_000 });
    machine = await startMachine(scope, {}, ["/usr", "/var/cache", "/var/log"]);
  });
  after(() => scope.close());

  it("install the command on Debian: it works, has its pages and completions, and is gone after a removal", async () => {
    await machine.run(documentedLines("docs/install.md", "Debian and Ubuntu"), offline);
    await saysItsVersion();
    for (const { path } of await completionNodes())
      assert.ok(there(`/usr/share/man/man1/${`tagseal ${path}`.trim().replaceAll(" ", "-")}.1.gz`), path);
    const completed = "source /usr/share/bash-completion/completions/tagseal && complete -p tagseal";
    assert.match((await machine.run(completed, offline)).stdout, /_tagseal/u);
    const files = (await machine.run("dpkg -L tagseal", offline)).stdout.trim().split("\n");
    const own = files.filter((path) => /tagseal/u.test(path));
    assert.ok(own.length > 50 && own.every(there));
    await machine.run("dpkg --remove tagseal", offline);
    assert.deepEqual(own.filter(there), []);
  });

  it("install services on Debian that serve, keep changed settings in an upgrade, and keep the keys in a removal", async () => {
    const { serverCertificate, serverKey } = await certificates(scope);
    copyFileSync(serverCertificate, join(output, "server.crt"));
    copyFileSync(serverKey, join(output, "server.key"));
    await machine.run(documentedLines("docs/install.md", "A server"), offline);
    await machine.run("systemctl is-enabled tagseal-server", offline);
    const unit = readFileSync(machine.path("/usr/lib/systemd/system/tagseal-server.service"), "utf8");
    const ready = (): Promise<boolean> => machine.answers("https://127.0.0.1:4443/_tagseal/ready", '"status":"ready"');
    const service = await startUnit(scope, { unit, name: "tagseal-server", ready, machine });
    assert.equal(await service.process.stop(), 0);

    mkdirSync(machine.path("/var/lib/private/tagseal"), { recursive: true });
    appendFileSync(machine.path("/etc/tagseal/server.json"), "\n");
    const changed = readFileSync(machine.path("/etc/tagseal/server.json"), "utf8");
    await machine.run(`dpkg --install tagseal-server_*_${here.deb}.deb`, offline);
    assert.equal(readFileSync(machine.path("/etc/tagseal/server.json"), "utf8"), changed);

    await machine.run("dpkg --remove tagseal-server", offline);
    assert.notEqual(
      (await run("nsenter", [...machine.enter.slice(1), "systemctl", "is-enabled", "tagseal-server"])).code,
      0,
    );
    assert.deepEqual(["/opt/tagseal", "/etc/tagseal/server.json"].map(there), [false, true]);
    const { stdout } = await machine.run("dpkg --purge tagseal-server", offline);
    assert.match(stdout, /databases and keys stay in \/var\/lib\/private\/tagseal/u);
    assert.deepEqual(["/etc/tagseal/server.json", "/etc/tagseal/tls.key", "/var/lib/private/tagseal"].map(there), [
      false,
      true,
      true,
    ]);
  });

  it("install the command by rpm: it works, and is gone after a removal", async () => {
    // Debian's database of packages knows nothing that an RPM package could need.
    await machine.run(`rpm --install --nodeps tagseal-${packageVersion}-1.${here.rpm}.rpm`, offline);
    await saysItsVersion();
    const files = (await machine.run("rpm --query --list tagseal", offline)).stdout.trim().split("\n");
    assert.ok(files.length > 50 && files.every(there));
    await machine.run("rpm --verify --nodeps tagseal && rpm --erase tagseal", offline);
    assert.deepEqual(files.filter(there), []);
  });

  it("install services by rpm, keep changed settings in a removal, and name what they need", async () => {
    const file = `tagseal-server-${packageVersion}-1.${here.rpm}.rpm`;
    await machine.run(`rpm --install --nodeps ${file} && systemctl enable tagseal-server`, offline);
    appendFileSync(machine.path("/etc/tagseal/server.json"), "\n");
    await machine.run("rpm --verify --nodeps --noconfig tagseal-server && rpm --erase tagseal-server", offline);
    assert.deepEqual(
      ["/opt/tagseal", "/usr/lib/systemd/system/tagseal-server.service", "/etc/tagseal/server.json.rpmsave"].map(there),
      [false, false, true],
    );
    const { stdout } = await machine.run(`rpm --query --requires --package ${file}`, offline);
    assert.match(stdout, /^libc\.so\.6\(GLIBC_2\.28\)\(64bit\)$/mu);
  });

  /** Uses what a package manager has just installed on a machine that has little else. */
  async function useOn(bare: BareMachine): Promise<void> {
    const found = await bare.run(["sh", "-c", "command -v node || echo none"]);
    assert.equal(found.stdout, "none\n");
    const words = [...bare.enter, "/usr/bin/tagseal"];
    await useInstalled(scope, { words, env: { HOME: "/root", TMPDIR: "/tmp" } });
  }

  it("are all that a bare machine with dpkg needs for version, the demonstration, and publishing and verifying", async () => {
    const file = `tagseal_${packageVersion}-1_${here.deb}.deb`;
    const bare = await startBareMachine(scope, "bare-debian", {
      programs: ["dpkg", "dpkg-deb", "dpkg-split", "sh", "rm", "tar", "diff", "ldconfig", "start-stop-daemon"],
      files: { [`/root/${file}`]: join(output, file) },
    });
    mkdirSync(bare.path("/var/lib/dpkg/info"), { recursive: true });
    mkdirSync(bare.path("/var/lib/dpkg/updates"));
    // The database knows the C library, which is there, and what Debian says about it.
    const { stdout: library } = await runOk("dpkg-query", ["--status", "libc6"]);
    writeFileSync(bare.path("/var/lib/dpkg/status"), library.replace(/^Depends: .*\n/mu, ""));
    await bare.run(["sh", "-ec", `cd /root\n${documentedLines("docs/install.md", "Debian and Ubuntu")}`]);
    await useOn(bare);
  });

  it("are all that a bare machine with rpm needs for version, the demonstration, and publishing and verifying", async () => {
    const file = `tagseal-${packageVersion}-1.${here.rpm}.rpm`;
    const bare = await startBareMachine(scope, "bare-rpm", {
      programs: ["rpm", "sh", "bash"],
      files: { [`/root/${file}`]: join(output, file), "/usr/lib/rpm": "/usr/lib/rpm" },
    });
    await bare.run(["rpm", "--install", "--nodeps", `/root/${file}`]);
    await useOn(bare);
  });

  it("name the project as their maintainer, and no address at which nobody reads", async () => {
    for (const name of ["tagseal", "tagseal-server"]) {
      const deb = join(output, `${name}_${packageVersion}-1_${here.deb}.deb`);
      const rpm = join(output, `${name}-${packageVersion}-1.${here.rpm}.rpm`);
      assert.equal((await runOk("dpkg-deb", ["--field", deb, "Maintainer"])).stdout, "The Tagseal maintainers\n");
      assert.equal((await runOk("rpm", ["-qp", "--qf", "%{PACKAGER}", rpm])).stdout, "The Tagseal maintainers");
    }
  });

  it("have the command for arm64, too", async () => {
    const files = scope.path("arm64");
    await runOk("dpkg-deb", ["--extract", join(output, `tagseal_${packageVersion}-1_arm64.deb`), files]);
    const emulated = ["-L", "/usr/aarch64-linux-gnu", join(files, "usr/bin/tagseal"), "version"];
    assert.equal(
      (await runOk("qemu-aarch64", emulated, { env: { HOME: files } })).stdout,
      `tagseal ${packageVersion}\n`,
    );
    const list = await runOk("rpm", [
      "-qp",
      "--qf",
      "%{ARCH} %{NAME}",
      join(output, `tagseal-${packageVersion}-1.aarch64.rpm`),
    ]);
    assert.equal(list.stdout, "aarch64 tagseal");
  });
});
