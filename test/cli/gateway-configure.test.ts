/** `tagseal gateway configure`: what it prints, what it writes, and what it does not touch. Engines with these settings are in test/peers/gateway-*. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import { main } from "../../src/cli/main.ts";
import { configurableEngines } from "../../src/gateway/engine-settings/engine-settings.ts";
import { certificates } from "../support/certificates.ts";
import { Scope } from "../support/processes.ts";
import type { Outcome } from "./cli-sandbox.ts";

const url = "https://gateway.example.com";
const conf = "etc/containers/registries.conf.d/999-tagseal-gateway.conf";
const hosts = "etc/containerd/certs.d/docker.io/hosts.toml";

describe("gateway configure", () => {
  const scope = new Scope("gateway-configure");
  let roots = 0;
  after(async () => await scope.close());

  async function configure(...args: readonly string[]): Promise<Outcome> {
    const { io, stdout, stderr } = captured({
      env: { HOME: scope.directory },
      now: () => new Date("2026-05-01T10:00:00Z"),
    });
    const code = await main(["gateway", "configure", ...args], io);
    return { code, stdout: stdout(), stderr: stderr() };
  }

  /** A directory that stands for `/`, with this file in it. */
  function machine(path?: string, content = ""): string {
    const root = scope.path(`root-${(roots += 1)}`);
    mkdirSync(root);
    if (path !== undefined) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    return root;
  }

  const write = async (engine: string, root: string, ...more: readonly string[]): Promise<Outcome> =>
    await configure(engine, "--gateway", url, "--registry", "docker.io", "--write", "--root", root, ...more);

  it("I9: prints no mirror for any engine", async () => {
    for (const engine of configurableEngines) {
      const { code, stdout, stderr } = await configure(engine, "--gateway", url, "--registry", "localhost:5000");
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stdout, /mirror/u, engine);
      assert.match(stderr, /Prove it with: tagseal doctor --gateway https:\/\/gateway\.example\.com/u);
      if (engine === "podman") assert.match(stdout, /location = "gateway\.example\.com\/localhost_5000"/u);
    }
  });

  it("writes files that every user can read, keeps what they replace, and changes nothing the second time", async () => {
    const before =
      'server = "https://registry-1.docker.io"\n[host."https://mirror.example.com"]\n  capabilities = ["pull"]\n';
    const root = machine(hosts, before);
    const first = await write("containerd", root);
    assert.equal(first.code, 0, first.stderr);
    assert.match(readFileSync(join(root, hosts), "utf8"), /^server = "https:\/\/gateway\.example\.com"$/mu);
    assert.equal(statSync(join(root, hosts)).mode & 0o777, 0o644);
    const backup = readdirSync(dirname(join(root, hosts))).find((name) => name.endsWith(".bak"));
    assert.match(backup ?? "", /^hosts\.toml\.20260501T100000Z-[0-9a-f]{4}\.bak$/u);
    assert.equal(readFileSync(join(dirname(join(root, hosts)), backup ?? ""), "utf8"), before);
    assert.match((await write("containerd", root)).stdout, /^Unchanged: /u);
    const podman = machine();
    assert.equal((await write("podman", podman)).code, 0);
    const other = await write("podman", podman, "--registry", "quay.io");
    assert.match(other.stdout, /Wrote .*\nKept what was there as /u);
  });

  it("copies the certificates of the authority, and no key that is in the same file", async () => {
    const { ca, serverKey } = await certificates(scope);
    const file = scope.path("both.pem");
    writeFileSync(file, readFileSync(serverKey, "utf8") + readFileSync(ca, "utf8"));
    const root = machine();
    const { code, stderr } = await write("containerd", root, "--ca", file);
    assert.equal(code, 0, stderr);
    const copied = "etc/containerd/certs.d/docker.io/tagseal-gateway.pem";
    assert.match(
      readFileSync(join(root, copied), "utf8"),
      /^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/u,
    );
    assert.ok(readFileSync(join(root, hosts), "utf8").includes(`ca = "/${copied}"`));
  });

  async function refuses(engine: string, root: string, words: RegExp): Promise<void> {
    const { code, stderr } = await write(engine, root);
    assert.notEqual(code, 0);
    assert.match(stderr, words);
    assert.match(stderr, /\[FILE_UNWRITABLE\]/u);
  }

  it("does not touch files with settings that it does not know, links, and files of others", async () => {
    const client = 'server = "https://docker.io"\nclient = [["/a.crt", "/a.key"]]\n';
    const known = machine(hosts, client);
    await refuses("containerd", known, /hosts\.toml has settings in line 2 that would be lost: nothing was changed/u);
    assert.equal(readFileSync(join(known, hosts), "utf8"), client);
    await refuses("podman", machine(conf, "[[registry]]\n"), /was not written by this command/u);
    const linked = machine(hosts.replace("docker.io", "other"), "");
    mkdirSync(dirname(join(linked, hosts)), { recursive: true });
    symlinkSync("/dev/null", join(linked, hosts));
    await refuses("containerd", linked, /hosts\.toml is a link/u);
  });

  it("I9: writes nothing where another file makes the engine go past the gateway", async () => {
    for (const [engine, path, content] of [
      ["podman", "etc/containers/registries.conf", '[[registry]]\nprefix = "docker.io/library"\n'],
      ["crio", "etc/containers/registries.conf.d/1.conf", "[[registry]]\nlocation = 'docker.io/team'\n"],
      [
        "containerd",
        "etc/containerd/config.toml",
        '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\n',
      ],
      ["docker", "etc/docker/daemon.json", '{ "registry-mirrors": ["https://gateway.example.com"] }\n'],
      [
        "k3s",
        "etc/rancher/k3s/registries.yaml",
        'mirrors:\n  docker.io:\n    endpoint: ["https://gateway.example.com"]\n',
      ],
      ["k3s", "etc/rancher/k3s/registries.yaml", 'configs:\n  "*":\n    auth: {}\n'],
      ["buildkit", "etc/buildkit/buildkitd.toml", '[registry."docker.io"]\n  mirrors = ["gateway.example.com"]\n'],
    ] as const) {
      const root = machine(path, content);
      await refuses(engine, root, /line \d of .* goes past the gateway: /u);
      assert.equal(existsSync(join(root, conf)), false);
    }
  });

  it("refuses addresses and engines that cannot be used", async () => {
    for (const [args, words] of [
      [
        ["podman", "--gateway", "http://gateway.example.com", "--registry", "docker.io"],
        /plain http:\/\/ is for this machine only/u,
      ],
      [["podman", "--gateway", `${url}/v2`, "--registry", "docker.io"], /more than a host and a port/u],
      [["podman", "--gateway", url], /podman has no setting for all registries/u],
      [["podman", "--registry", "docker.io"], /--gateway is required/u],
      [["rkt", "--gateway", url], /there are no settings for "rkt"/u],
      [["podman", "--gateway", url, "--registry", "a/b"], /not a registry host/u],
    ] as const) {
      const { code, stderr } = await configure(...args);
      assert.notEqual(code, 0, stderr);
      assert.match(stderr, words);
    }
  });
});
