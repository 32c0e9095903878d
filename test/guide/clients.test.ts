/**
 * What the documents tell people with docker to do: find a server, log in to it, put Tagseal in front of the engine. With a real engine, a registry
 * at registry.example.com and a trust server at trust.example.com, which is protected the way the guide shows.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { fencedBlocks } from "../support/markdown.ts";
import { placeCertificate, startMachine, trustDocumented, type Machine } from "../support/machine.ts";
import {
  buildImage,
  client,
  missingPeers,
  passphraseEnvironment,
  Scope,
  startDockerd,
  startDockerRegistry,
} from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";

const root = resolve(import.meta.dirname, "../..");
const repository = "registry.example.com/team/app";
const image = `${repository}:1.0`;
const server = "https://trust.example.com:4443";
const peers = [
  "docker",
  "dockerd",
  "registry",
  "notary",
  "machine",
  "htpasswd",
  "openssl",
  "busybox",
  "python",
] as const;

/** The settings that the guide shows below its passwords. */
function settingsWithPasswords(): string {
  const examples = fencedBlocks(readFileSync(join(root, "docs/server-auth.md"), "utf8"));
  const settings = examples.find(({ info, text }) => info === "json" && text.includes('"htpasswd"'));
  assert.ok(settings !== undefined);
  return settings.text;
}

describe("people with docker", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("client-guide");
  const home = scope.path("alice");
  let machine: Machine;
  /** Without what only the operator has told the machine. */
  let alice: Environment;

  before(async () => {
    machine = await startMachine(scope);
    mkdirSync(home);
    await placeCertificate(scope, machine);
    alice = { HOME: home, DOCKER_BUILDKIT: "0", ...passphraseEnvironment };
    await protectedServer();
  });
  after(async () => await scope.close());

  /** The server as the guide sets it up, with two users. */
  async function protectedServer(): Promise<void> {
    mkdirSync(machine.path("/etc/tagseal"));
    const answers = Array.from({ length: 4 }, () => ({ when: "assword: $", send: "password\r" }));
    await machine.converse(documentedLines("docs/server-auth.md", "Passwords"), answers);
    assert.match(readFileSync(machine.path("/etc/tagseal/htpasswd"), "utf8"), /^alice:\$2y\$.*\nbob:\$2y\$.*\n$/u);
    assert.equal(modeOf(machine.path("/etc/tagseal/token-key")), 0o600);
    writeFileSync(machine.path("/etc/tagseal/server.json"), settingsWithPasswords());
    const line =
      "tagseal server --listen 0.0.0.0:4443 --data data --tls-cert server.crt --tls-key server.key --config /etc/tagseal/server.json";
    await machine.start("server", line, {
      ready: () => machine.answers("https://trust.example.com:4443/_tagseal/ready"),
    });
  }

  const list = async (lines: string): Promise<string> =>
    (await machine.run(`${lines}\ntagseal list ${repository} 2>&1 || true`, { env: alice })).stdout;

  it("find the server, and its authority where docker looks for it", async () => {
    assert.match(await list(`export DOCKER_CONTENT_TRUST_SERVER=${server}`), /\[TLS_UNTRUSTED\]/u);
    assert.match(await list(documentedLines("docs/server.md", "Start a server")), /\[AUTHENTICATION_REQUIRED\]/u);
    assert.ok(existsSync(join(home, ".docker/tls/trust.example.com:4443/ca.crt")));
  });

  /** From here on all clients know the authority, and the registry asks for the same password. */
  async function startEngine(): Promise<void> {
    const known = await trustDocumented(scope, machine);
    const [engine] = await Promise.all([
      startDockerd(scope, { machine }),
      startDockerRegistry(scope, { machine, htpasswd: readFileSync(machine.path("/etc/tagseal/htpasswd"), "utf8") }),
    ]);
    alice = { ...alice, ...known, DOCKER_HOST: engine.host, DOCKER_CONTENT_TRUST_SERVER: server };
    await buildImage(scope, client(scope, { engine, name: "builder" }), image, "one");
  }

  it("log in and sign, and read with every command line they have", async () => {
    await startEngine();
    const answers = [
      { when: "Username: $", send: "alice\r" },
      { when: "Password: $", send: "password\r" },
    ];
    const { screen } = await machine.converse(documentedLines("docs/server-auth.md", "Clients"), answers, {
      env: alice,
      timeoutMs: 60_000,
    });
    assert.match(
      screen,
      /Login Succeeded[\s\S]*Successfully signed[\s\S]*\nsha256:[0-9a-f]{64}\n[\s\S]*\n1\.0 +[0-9a-f]{64} /u,
    );
  });

  it("have Tagseal stand in front of docker", async () => {
    writeFileSync(join(machine.directory, "Dockerfile"), `FROM ${image}\n`);
    // docker 28 could have done all this itself; but it has no such command
    const { stdout } = await machine.run(`${documentedLines("README.md", "I pull")}\ndocker verify ${image}`, {
      env: alice,
    });
    assert.match(stdout, /^image one\nsha256:[0-9a-f]{64}\n$/mu);
  });

  it("give a pipeline a key, with which its job signs what it built on signed images", async () => {
    await machine.run(documentedLines("README.md", "In a pipeline"), { env: alice });
    const keys = join(home, ".docker/trust/private");
    const key = readdirSync(keys).find((file) => readFileSync(join(keys, file), "utf8").includes("role: ci"));
    const runner = scope.path("runner");
    mkdirSync(runner);
    const secrets = { REGISTRY_USER: "alice", REGISTRY_PASSWORD: "password", SIGNING_KEY: join(keys, key ?? "") };
    const { stdout } = await machine.run(documentedLines("README.md", "In a pipeline", 2), {
      env: { ...alice, HOME: runner, ...secrets },
    });
    assert.match(stdout, /^Content trust is enforced here\.$/mu);
    assert.match(stdout, /^Successfully signed registry\.example\.com\/team\/app:1\.1$/mu);
    assert.match(stdout, /^deploy registry\.example\.com\/team\/app@sha256:[0-9a-f]{64}$/mu);
    const { stdout: signers } = await machine.run(`tagseal trust inspect --pretty ${repository}`, { env: alice });
    assert.match(signers, /^1\.1 +[0-9a-f]{64} +ci$/mu);
  });

  it("see in a pipeline that trust is enforced", async () => {
    const { stdout } = await machine.run(documentedLines("docs/engines.md", "Is it enforced?"), { env: alice });
    assert.match(stdout, /^Content trust is enforced here\.$/mu);
  });

  it("build, create and run by Tagseal's own name", async () => {
    await machine.run(documentedLines("docs/commands.md", "tagseal build"), { env: alice });
    assert.match((await machine.run("docker image inspect app:1.0", { env: alice })).stdout, /"build": "one"/u);
    const { stdout } = await machine.run(documentedLines("docs/commands.md", "tagseal create"), { env: alice });
    assert.match(stdout, /^[0-9a-f]{64}$/mu);
    const { stdout: date } = await machine.run(documentedLines("docs/commands.md", "tagseal run"), { env: alice });
    assert.match(date, new RegExp(`${new Date().getUTCFullYear()}$`, "mu"));
  });
});
