/** The operator's guide: its ways to install a server, from a checkout to one that answers. Every line is taken out of the guide. */
import assert from "node:assert/strict";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { packageVersion, useInstalled } from "../support/installed-command.ts";
import { startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import {
  certificates,
  client,
  findExecutable,
  missingPeers,
  runOk,
  Scope,
  startDockerd,
  startDockerRegistry,
  tagsealCommand,
  waitUntil,
} from "../support/peers.ts";
import { startSandbox } from "../support/sandbox.ts";
import { importBaseImage } from "../support/server-image.ts";
import { openShell, type Shell } from "../support/shell.ts";
import { startUnit } from "../support/systemd-unit.ts";

const root = resolve(import.meta.dirname, "../..");

/** The files that a clone of the repository has. */
function copyCheckout(directory: string): void {
  const made = /^(?:node_modules|deploy\/node_modules|release\/targets|dist|coverage|\.git)$/u;
  cpSync(root, directory, { recursive: true, filter: (path) => !made.test(relative(root, path)) });
}

const peers = ["npm", "docker", "dockerd", "registry", "compose", "machine", "systemd", "openssl"] as const;

describe("the ways to install a server", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("install-guide");
  const checkout = scope.path("checkout");
  const ready = "https://127.0.0.1:4443/_tagseal/ready";
  let machine: Machine;
  /** npm needs the registry, and with it the network and the settings of the machine the test runs on. */
  let outside: Shell;
  let env: Record<string, string | undefined>;

  before(async () => {
    machine = await startMachine(scope);
    await trustDocumented(scope, machine);
    await startDockerRegistry(scope, { machine });
    const engine = await startDockerd(scope, { machine });
    const builder = client(scope, { engine });
    await importBaseImage(scope, builder, "gcr.io/distroless/cc-debian12:nonroot");
    await builder.dockerOk(["tag", "gcr.io/distroless/cc-debian12:nonroot", "gcr.io/distroless/base-debian12:nonroot"]);
    env = { DOCKER_HOST: builder.env["DOCKER_HOST"], DOCKER_CONFIG: builder.dockerConfig, DOCKER_BUILDKIT: "0" };
    const quiet = { npm_config_audit: "false", npm_config_fund: "false", npm_config_prefer_offline: "true" };
    outside = openShell(scope, [], { ...process.env, ...quiet, ...env });
    copyCheckout(checkout);
    const { serverCertificate, serverKey } = await certificates(scope);
    copyFileSync(serverCertificate, join(checkout, "server.crt"));
    copyFileSync(serverKey, join(checkout, "server.key"));
  });
  after(async () => await scope.close());

  const isReady = (): Promise<boolean> => machine.answers(ready, '"status":"ready"');
  const containerEnds = async (name: string): Promise<void> => {
    const { stdout } = await machine.run(`docker stop ${name} >&2 && docker inspect -f {{.State.ExitCode}} ${name}`, {
      env,
    });
    assert.equal(stdout, "0\n");
    await machine.run(`docker rm ${name}`, { env });
  };

  it("begins with the demonstration of the README", async () => {
    const { stdout } = await outside.run(documentedLines("README.md", "Try it"), { cwd: checkout, timeoutMs: 300_000 });
    assert.ok(existsSync(join(checkout, "dist/tagseal.js")), "npm ci has built the command");
    assert.match(stdout, /\nEverything that was signed was found, and every attack was refused\.\n$/u);
  });

  it("makes a container image of a checkout, and starts a server from it", async () => {
    const build = documentedLines("docs/operations.md", "Container image");
    // npm ci is what the README's lines began with a moment ago: half a minute of processor time.
    assert.ok(build.startsWith("npm ci && "));
    await outside.run(build.replace("npm ci && ", ""), { cwd: checkout, timeoutMs: 300_000 });
    await machine.run(documentedLines("docs/operations.md", "Container image", 2), { cwd: checkout, env });
    await waitUntil("the container's server is ready", isReady, 60_000);
    await machine.run(documentedLines("docs/operations.md", "Container image", 3), { cwd: checkout, env });
  });

  it("makes a container image of the command, which is all that a machine needs for version, the demonstration, and publishing and verifying", async () => {
    const docker = [...machine.enter, findExecutable("docker") ?? "docker"];
    await machine.run(documentedLines("docs/install.md", "Container image"), { cwd: checkout, env });
    const version = await machine.run(documentedLines("docs/install.md", "Container image", 2), { env });
    assert.equal(version.stdout, `tagseal ${packageVersion}\n`);
    const { stdout } = await machine.run(
      "docker image inspect -f '{{.Config.User}} {{json .Config.Volumes}}' tagseal-client",
      { env },
    );
    assert.equal(stdout, '65532:65532 {"/home/tagseal/.docker/trust":{}}\n');
    // The tightest settings, no network but loopback, and commands in the container in which the sandbox is.
    const tight = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"];
    const words = [...docker, "run", "--rm", ...tight, "--name", "client", "tagseal-client"];
    const names = [
      "CONFIG",
      "CONTENT_TRUST_SERVER",
      "CONTENT_TRUST_ROOT_PASSPHRASE",
      "CONTENT_TRUST_REPOSITORY_PASSPHRASE",
    ];
    const passed = names.flatMap((name) => ["--env", `DOCKER_${name}`]);
    await useInstalled(scope, { words, beside: [...docker, "exec", ...passed, "client", "/usr/bin/tagseal"], env });
  });

  it("keeps trust data in a volume, or uses those of the account that starts the container", async () => {
    const { env: named, process: sandbox } = await startSandbox(scope, [...machine.enter, tagsealCommand]);
    const [config, image] = [named["DOCKER_CONFIG"] ?? "", `${named["REGISTRY"]}/team/app:1.0`];
    const push = `tagseal push -q --from oci:${join(dirname(config), "hello")} ${image}`;
    await machine.run(push, { env: named });
    const digest = (await machine.run(`tagseal verify ${image}`, { env: named })).stdout;
    // The sandbox is on this machine, and its certificate in the directory of its settings.
    const here = (lines: string, more = ""): string =>
      lines.replace("--rm", `--rm --network host ${more}`).replace("registry.example.com/team/app:1.0", image);
    const own = here(documentedLines("docs/install.md", "Container image", 4));
    const server = { DOCKER_CONTENT_TRUST_SERVER: named["DOCKER_CONTENT_TRUST_SERVER"] };
    assert.equal((await machine.run(own, { env: { ...env, ...server, DOCKER_CONFIG: config } })).stdout, digest);

    const certificates = scope.path("sandbox-tls");
    cpSync(join(config, "tls"), certificates, { recursive: true });
    await runOk("chmod", ["-R", "a+rX", certificates]);
    const mount = `--volume ${certificates}:/home/tagseal/.docker/tls:ro`;
    const volume = here(documentedLines("docs/install.md", "Container image", 3), mount);
    assert.equal((await machine.run(volume, { env: { ...env, ...server } })).stdout, digest);
    await sandbox.stop();
    const kept = await machine.run(volume, { env: { ...env, ...server } });
    assert.equal(kept.stdout, digest, "the next container goes on from what the first one has seen");
  });

  it("copies the container's databases while it serves", async () => {
    await machine.run(documentedLines("docs/server-backup.md", "The embedded databases"), { cwd: checkout, env });
    for (const name of ["metadata.db", "signer.db"])
      assert.ok(statSync(join(checkout, "backup-1", name)).size > 0, name);
  });

  it("makes the container again from the next image, on the same volume", async () => {
    await machine.run(documentedLines("docs/server-backup.md", "Upgrade", 2), { cwd: checkout, env });
    await machine.run(documentedLines("docs/operations.md", "Container image", 2), { cwd: checkout, env });
    await waitUntil("the next container's server is ready", isReady, 60_000);
    const { stderr } = await machine.run("docker logs tagseal", { env });
    assert.doesNotMatch(stderr, /generated the signer passphrase/u);
    await containerEnds("tagseal");
  });

  it("pushes the image to where a cluster takes it from", async () => {
    await machine.run(documentedLines("docs/operations.md", "Helm and Kubernetes", 1), { env });
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    assert.ok(await machine.answers(`https://registry.example.com/v2/tagseal/tags/list`, `["${version}"]`));
  });

  /** The guide speaks of the plugin; Debian has compose as a separate program, which takes the same arguments. */
  function installComposePlugin(): void {
    const plugins = join(env["DOCKER_CONFIG"] ?? "", "cli-plugins");
    mkdirSync(plugins);
    const metadata = JSON.stringify({ SchemaVersion: "0.1.0", Vendor: "Debian", Version: "1" });
    const plugin = `#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then echo '${metadata}'; exit; fi
shift # compose
exec docker-compose "$@"
`;
    writeFileSync(join(plugins, "docker-compose"), plugin, { mode: 0o755 });
  }

  it("starts a server by the compose file", async () => {
    installComposePlugin();
    await machine.run(documentedLines("docs/operations.md", "Compose"), { cwd: checkout, env });
    await waitUntil("the composed server is ready", isReady, 60_000);
    const { stdout } = await machine.run("docker ps --format '{{.Names}}'", { env });
    await containerEnds(stdout.trim());
  });

  it("installs a unit that systemd starts with the machine, and its service serves, also the next release's", async () => {
    // There is no systemd to be asked: offline, systemctl enables the unit, and says that it starts and stops nothing.
    const offline = { cwd: checkout, env: { SYSTEMD_OFFLINE: "1" } };
    const serves = async (): Promise<void> => {
      const unit = readFileSync(machine.path("/etc/systemd/system/tagseal-server.service"), "utf8");
      const service = await startUnit(scope, { unit, name: "tagseal-server", ready: isReady, machine });
      assert.equal(await service.process.stop(), 0);
    };
    await machine.run(documentedLines("docs/operations.md", "systemd"), offline);
    await machine.run("systemctl is-enabled tagseal-server", offline);
    for (const secret of ["tls.crt", "tls.key", "passphrase"])
      assert.equal(statSync(machine.path(`/etc/tagseal/${secret}`)).mode & 0o777, 0o600, secret);
    await serves();
    writeFileSync(machine.path("/opt/tagseal/app/tagseal.js"), "throw new Error('the old release');");
    await machine.run(documentedLines("docs/server-backup.md", "Upgrade"), offline);
    await serves();
  });

  it("installs the command by npm, with the drivers", async () => {
    const prefix = scope.path("prefix");
    const settings = { cwd: checkout, env: { npm_config_prefix: prefix } };
    await outside.run(documentedLines("docs/operations.md", "npm"), settings);
    const { stdout } = await outside.run(
      `${documentedLines("docs/operations.md", "npm", 2)}\n${prefix}/bin/tagseal version`,
    );
    assert.match(stdout, /^tagseal \d/u);
    for (const driver of ["pg", "mysql2"])
      assert.ok(existsSync(join(prefix, "lib/node_modules/tagseal/node_modules", driver)), driver);
  });
});
