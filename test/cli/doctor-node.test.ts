/** `tagseal doctor --node` on machines whose containerd is set up in each way that leaves images unverified. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import { main } from "../../src/cli/main.ts";
import { programNamed } from "../../src/cli/program.ts";
import { run, Scope, tagsealCommand } from "../support/peers.ts";

interface Diagnosis {
  readonly enforced: boolean;
  readonly findings: readonly Finding[];
}

describe("the gates of this machine", () => {
  const scope = new Scope("doctor-node");
  after(() => scope.close());
  let machines = 0;

  /** A machine whose containerd reports a version and a configuration. */
  function machine(version: string, dump: string): { home: string; binDir: string; env: Record<string, string> } {
    const home = scope.path(`node-${(machines += 1)}`);
    const binDir = join(home, "verifiers");
    mkdirSync(binDir, { recursive: true });
    writeFileSync(join(home, "dump"), dump.replaceAll("BIN_DIR", binDir));
    const words = `if [ "$1" = --version ]; then echo "containerd github.com/containerd/containerd ${version} x"; else cat ${join(home, "dump")}; fi`;
    writeFileSync(join(home, "containerd"), `#!/bin/sh\n${words}\n`);
    chmodSync(join(home, "containerd"), 0o755);
    return { home, binDir, env: { HOME: home, PATH: home, DOCKER_HOST: `unix://${home}/none.sock` } };
  }

  async function tagseal(env: Record<string, string>, ...argv: readonly string[]): Promise<string> {
    const { io, stdout } = captured({ env, now: () => new Date() });
    await main(argv, { ...io, program: programNamed("tagseal", [tagsealCommand]) });
    return stdout();
  }

  async function diagnosis(env: Record<string, string>): Promise<Diagnosis> {
    return JSON.parse(await tagseal(env, "doctor", "--node", "--json")) as Diagnosis;
  }

  async function problems(env: Record<string, string>): Promise<readonly string[]> {
    const { findings, enforced } = await diagnosis(env);
    const found = findings.filter(({ level }) => level === "problem");
    assert.equal(enforced, found.length === 0);
    assert.ok(found.every(({ fix }) => fix !== undefined && fix !== ""));
    return found.map(({ message }) => message);
  }

  const plugin = (more = ""): string =>
    `version = 3\n[plugins."io.containerd.image-verifier.v1.bindir"]\nbin_dir = "BIN_DIR"\nmax_verifiers = 10\n${more}`;
  const images = '[plugins."io.containerd.cri.v1.images"]\n';

  it("are on when Tagseal refuses what is not signed", async () => {
    const { env, binDir } = machine(
      "v2.4.2",
      plugin(`${images}max_concurrent_downloads = 3\ndisable_snapshot_annotations = true\n`),
    );
    await tagseal(env, "gate", "containerd", "--install", "--bin-dir", binDir);
    const { findings } = await diagnosis(env);
    assert.deepEqual(
      findings.map(({ subject, level }) => [subject, level]),
      [["containerd", "ok"]],
    );
  });

  it("I9: are off in a containerd that is too old, and where no verifier of Tagseal's is called", async () => {
    assert.match((await problems(machine("1.6.20", "").env)).join(), /containerd 1\.6\.20 has no image verifiers/u);
    const empty = machine("v2.4.2", plugin());
    assert.match((await problems(empty.env)).join(), /no verifier is in .*every image is pulled/u);
    const { findings } = await diagnosis(empty.env);
    assert.equal(findings[0]?.fix, `tagseal gate containerd --install --bin-dir ${empty.binDir}`);
    writeFileSync(join(empty.binDir, "tagseal"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    assert.match((await problems(empty.env)).join(), /Tagseal is not among the verifiers/u);
    const disabled = machine("v2.4.2", `disabled_plugins = ["io.containerd.image-verifier.v1.bindir"]\n${plugin()}`);
    assert.match((await problems(disabled.env)).join(), /switched off/u);
    assert.match((await problems(machine("v2.4.2", "= nothing").env)).join(), /cannot be read/u);
  });

  it("I9: are off when others come first, every user can add one, or the script is broken", async () => {
    const { env, binDir } = machine("v2.4.2", plugin().replace("10", "1"));
    await tagseal(env, "gate", "containerd", "--install", "--bin-dir", binDir);
    writeFileSync(join(binDir, "another"), "");
    assert.match((await problems(env)).join(), /calls only the first 1 files/u);
    chmodSync(binDir, 0o777);
    assert.match((await problems(env)).join(), /every user can put verifiers into/u);
    chmodSync(join(binDir, "tagseal"), 0o644);
    assert.match((await problems(env)).join(), /does not work as containerd starts it/u);
  });

  it("I9: are avoided by kubelet where containerd pulls as it did before version 2", async () => {
    const settings = [
      "use_local_image_pull = true",
      "discard_unpacked_layers = true",
      "disable_snapshot_annotations = false",
      "image_pull_with_sync_fs = true",
      "max_concurrent_downloads = 10",
    ];
    const registry = `[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/a:/b"\n[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]\nendpoint = ["https://mirror.example.com"]\n`;
    const { env, binDir } = machine("v2.4.2", plugin(`${images}${settings.join("\n")}\n${registry}`));
    await tagseal(env, "gate", "containerd", "--install", "--bin-dir", binDir);
    const found = await problems(env);
    for (const setting of [...settings, "registry.mirrors"])
      assert.ok(
        found.some((message) => message.endsWith(setting)),
        setting,
      );
    assert.equal(found.length, 6);
    const { findings } = await diagnosis(env);
    assert.match(findings.find(({ level }) => level === "warning")?.message ?? "", /several directories \(\/a, \/b\)/u);
  });

  it("I9: are not known to be on where the verifiers cannot be listed", async () => {
    const { env, home, binDir } = machine("v2.4.2", plugin());
    rmSync(binDir, { recursive: true });
    writeFileSync(join(home, "verifiers"), "");
    assert.match((await problems(env)).join(), /the verifiers in .* cannot be listed: not a directory/u);
  });

  it("I9: are not known to be on where the daemon may not be asked", async () => {
    const socket = scope.path("forbidden.sock");
    const server = createServer().listen(socket);
    await once(server, "listening");
    chmodSync(socket, 0o000);
    const env = { HOME: "/nonexistent", PATH: process.env["PATH"] ?? "", DOCKER_HOST: `unix://${socket}` };
    const words = [tagsealCommand, "doctor", "--node", "--json"];
    const asAnother = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];
    const [program = "", ...argv] = [...asAnother, ...words];
    const { code, stdout } = await run(program, argv, { env });
    server.close();
    assert.equal(code, 1);
    const { enforced, findings } = JSON.parse(stdout) as Diagnosis;
    assert.equal(enforced, false);
    const found = findings.filter(({ subject }) => subject === "docker-daemon");
    assert.deepEqual(
      found.map(({ level, fix }) => [level, fix]),
      [["problem", "sudo tagseal doctor --node"]],
    );
  });
});
