/** `tagseal doctor` on a machine in each broken state, and on one where all is well. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { captured } from "../../src/cli/captured-io.ts";
import type { Finding } from "../../src/cli/doctor/finding.ts";
import { main } from "../../src/cli/main.ts";
import { programNamed } from "../../src/cli/program.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { publicKeyPem } from "../../src/crypto/public-key-pem.ts";
import { encryptKeyBlock, keyFileText } from "../../src/keys/key-file.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { freePort, run, runOk, Scope, tagsealCommand } from "../support/peers.ts";
import { certificates } from "../support/certificates.ts";
import { serve } from "../server/running-server.ts";
import { CliSandbox } from "./cli-sandbox.ts";

const scope = new Scope("doctor");
after(() => scope.close());

interface Diagnosis {
  readonly enforced: boolean;
  readonly findings: readonly Finding[];
}

let machines = 0;

/** A separate machine: home, configuration directory and a PATH of fake engines. */
class Machine {
  readonly home = scope.path(`machine-${++machines}`);
  readonly config = join(this.home, ".docker");
  readonly bin = join(this.home, "bin");
  env: Record<string, string> = {
    HOME: this.home,
    DOCKER_CONFIG: this.config,
    PATH: `${this.bin}:${join(this.home, "usr")}`,
    DOCKER_CONTENT_TRUST: "1",
  };

  constructor() {
    for (const directory of [this.config, this.bin, join(this.home, "usr")]) mkdirSync(directory, { recursive: true });
  }

  /** Puts an engine that knows its version into `usr`, which comes last in PATH. */
  engine(name: string, version: string): this {
    const path = join(this.home, "usr", name);
    writeFileSync(path, `#!/bin/sh\necho "${name} version ${version}, build x"\n`);
    chmodSync(path, 0o755);
    return this;
  }

  shim(directory = this.bin): this {
    symlinkSync(tagsealCommand, join(directory, "docker"));
    return this;
  }

  file(path: string, text: string, mode = 0o600): string {
    const full = join(this.home, path);
    mkdirSync(join(full, ".."), { recursive: true, mode: 0o700 });
    writeFileSync(full, text);
    chmodSync(full, mode);
    return full;
  }

  async doctor(now = new Date()): Promise<Diagnosis & { readonly code: number }> {
    const program = programNamed("tagseal", [tagsealCommand]);
    const { io, stdout, stderr } = captured({ env: this.env, now: () => now, program });
    const code = await main(["doctor", "--json"], io);
    assert.equal(stderr(), "");
    return { code, ...(JSON.parse(stdout()) as Diagnosis) };
  }

  async finds(subject: string, now?: Date): Promise<readonly Finding[]> {
    return (await this.doctor(now)).findings.filter((finding) => finding.subject === subject);
  }
}

async function only(machine: Machine, subject: string, now?: Date): Promise<Finding> {
  const [finding, ...others] = await machine.finds(subject, now);
  assert.ok(finding !== undefined && others.length === 0, `one finding about ${subject}`);
  return finding;
}

describe("doctor about docker's configuration", () => {
  it("reports a config.json that commands under trust cannot use, and what is wrong with it", async () => {
    const machine = new Machine().engine("docker", "28.2.2").shim();
    assert.deepEqual(await machine.finds("configuration"), []);
    for (const [text, message] of [
      ['{"auths": {"r.example": {"auth": geheim', /config\.json is not JSON: /u],
      ['{"credsStore": ["geheim"]}', /config\.json has a "credsStore" that is not a text$/u],
      [
        '{"plugins": {"tagseal": {"engine": true}}}',
        /config\.json has a "plugins\.tagseal\.engine" that is not a text$/u,
      ],
    ] as const) {
      machine.file(".docker/config.json", text);
      const finding = await only(machine, "configuration");
      assert.equal(finding.level, "problem");
      assert.match(finding.message, message);
      assert.doesNotMatch(JSON.stringify(finding), /geheim/u);
    }
  });
});

describe("doctor about the switch", () => {
  it("finds it off, and says how to turn it on", async () => {
    const machine = new Machine().engine("docker", "28.2.2").shim();
    machine.env["DOCKER_CONTENT_TRUST"] = "";
    const { code, enforced, findings } = await machine.doctor();
    assert.deepEqual([code, enforced], [1, false]);
    assert.deepEqual(findings[0]?.fix, "export DOCKER_CONTENT_TRUST=1");
    assert.match(findings[0]?.message ?? "", /^content trust is off/);
    machine.env["DOCKER_CONTENT_TRUST"] = "false";
    assert.match((await only(machine, "switch")).message, /DOCKER_CONTENT_TRUST=false/);
  });

  it("finds it on, and where it is set", async () => {
    const machine = new Machine();
    assert.equal((await only(machine, "switch")).level === "problem", false);
    machine.file(
      ".profile",
      "# DOCKER_CONTENT_TRUST=0\nexport DOCKER_CONTENT_TRUST_SERVER=x\nexport DOCKER_CONTENT_TRUST='1'\n",
    );
    machine.file(".config/fish/config.fish", "set -gx DOCKER_CONTENT_TRUST 1\n");
    const finding = await only(machine, "switch");
    assert.equal(finding.level, "ok");
    assert.match(finding.message, /set in .*~\/\.profile \(1\), ~\/\.config\/fish\/config\.fish \(1\)/);
  });

  it("I1: waits for no pipe where a profile should be", async () => {
    const machine = new Machine();
    execFileSync("mkfifo", [join(machine.home, ".profile")]);
    assert.equal((await only(machine, "switch")).level, "warning");
  });

  it("finds a script called docker that sets it", async () => {
    const machine = new Machine();
    const script = machine.file("bin/docker", "#!/bin/sh\nDOCKER_CONTENT_TRUST=1 exec /usr/bin/docker\n", 0o755);
    assert.match((await only(machine, "switch")).message, /~\/bin\/docker \(1\)/, script);
  });

  it("finds a value that is not a boolean, which counts as on", async () => {
    const machine = new Machine();
    machine.env["DOCKER_CONTENT_TRUST"] = "banana";
    const finding = await only(machine, "switch");
    assert.deepEqual([finding.level, finding.fix], ["warning", "export DOCKER_CONTENT_TRUST=1"]);
  });
});

describe("doctor about docker", () => {
  it("finds a docker that ignores the variable", async () => {
    const machine = new Machine().engine("docker", "29.0.1");
    const { code, enforced } = await machine.doctor();
    assert.deepEqual([code, enforced], [1, false]);
    const finding = await only(machine, "engine");
    assert.match(finding.message, /^docker 29\.0\.1 \(.*\) ignores DOCKER_CONTENT_TRUST$/);
    assert.match(finding.fix ?? "", /^tagseal install --shim /);
    assert.match((await only(machine, "plugin")).message, /no "docker trust"/);
  });

  it("finds a docker that heeds it, with gaps", async () => {
    const finding = await only(new Machine().engine("docker", "28.2.2"), "engine");
    assert.deepEqual([finding.level, finding.message.includes("BuildKit")], ["warning", true]);
  });

  it("finds a shim in front, and is content whatever docker stands behind it", async () => {
    const machine = new Machine().engine("docker", "29.0.1").shim();
    assert.match((await only(machine, "path")).message, /^"docker" is Tagseal/);
    assert.deepEqual([(await machine.doctor()).enforced, (await machine.doctor()).code], [true, 0]);
  });

  it("finds a shim that stands behind the real docker", async () => {
    const machine = new Machine().engine("docker", "29.0.1");
    const late = join(machine.home, "late");
    mkdirSync(late);
    machine.shim(late).env["PATH"] += `:${late}`;
    const finding = await only(machine, "path");
    assert.deepEqual([finding.level, finding.fix], ["problem", "export PATH=~/late:$PATH"]);
    assert.equal((await machine.doctor()).enforced, false);
  });

  it("finds podman alone, which ignores the variable, and no engine at all", async () => {
    assert.match((await only(new Machine().engine("podman", "5.1"), "engine")).message, /^podman 5\.1 .* ignores/);
    assert.match((await only(new Machine(), "engine")).message, /^no container engine found/);
  });

  it("passes on a machine without an engine, unless one is asked for", async () => {
    const machine = new Machine();
    const { code, enforced } = await machine.doctor();
    assert.deepEqual([code, enforced], [0, true]);
    assert.equal((await only(machine, "engine")).level, "ok");
    machine.env["TAGSEAL_ENGINE"] = "docker";
    const asked = await machine.doctor();
    assert.deepEqual([asked.code, asked.enforced], [1, false]);
  });

  it("says with a shim that compose is checked, and without one that it passes", async () => {
    const shimmed = new Machine().engine("docker", "28.2.2").shim();
    assert.match(
      (await only(shimmed, "compose")).message,
      /^docker compose build, create, pull, run and up are checked; .* are refused$/u,
    );
    assert.match((await only(new Machine().engine("docker", "28.2.2"), "engine")).message, /nor in docker compose/u);
  });

  it("finds a docker-compose that speaks to the engine itself", async () => {
    const machine = new Machine().engine("docker", "29.0.1").engine("docker-compose", "1.29.2").shim();
    const [, past] = await machine.finds("compose");
    assert.deepEqual([past?.level, past?.fix], ["warning", "alias docker-compose='docker compose'"]);
    assert.match(past?.message ?? "", /^docker-compose \(~\/usr\/docker-compose\) .* past content trust$/u);
  });

  it("finds a plugin that is there, that is another's, and that leads nowhere", async () => {
    const machine = new Machine().engine("docker", "29.0.1");
    const plugin = join(machine.config, "cli-plugins", "docker-trust");
    mkdirSync(join(plugin, ".."), { recursive: true });
    const levels: string[] = [];
    for (const target of [tagsealCommand, "/bin/true", "/gone/tagseal"]) {
      symlinkSync(target, plugin);
      levels.push((await only(machine, "plugin")).level);
      rmSync(plugin);
    }
    assert.deepEqual(levels, ["ok", "warning", "problem"]);
  });
});

describe("doctor about keys", () => {
  const key = PrivateKey.generate("ecdsa");
  const sealed = (iterations: number): string =>
    keyFileText(encryptKeyBlock(key, { role: "targets", gun: "docker.io/a/b" }, "passphrase", iterations));
  const place = `.docker/trust/private/${key.publicKey.keyId}.key`;

  it("finds them well kept", async () => {
    const machine = new Machine();
    machine.file(place, sealed(600_000));
    assert.deepEqual(await only(machine, "key"), {
      subject: "key",
      level: "ok",
      message: "1 private key, encrypted and readable by you only",
    });
  });

  it("I6: finds one that others may read", async () => {
    const machine = new Machine();
    machine.file(place, sealed(600_000), 0o644);
    const finding = await only(machine, "key");
    assert.equal(finding.level, "problem");
    assert.match(finding.fix ?? "", /^chmod 600 ~\/\.docker\/trust\/private\/.*\.key$/);
    chmodSync(join(machine.home, place), 0o666);
    assert.match((await only(machine, "key")).message, /all users may write/);
  });

  it("I6: finds one that is not encrypted, and one that is easy to guess", async () => {
    const machine = new Machine();
    machine.file(place, sealed(2_048));
    const weak = await only(machine, "key");
    assert.deepEqual([weak.level, /2,048 rounds/.test(weak.message)], ["warning", true]);
    machine.file(
      place,
      serialisePem({ label: "PRIVATE KEY", headers: new Map([["role", "targets"]]), bytes: key.toPkcs8() }),
    );
    const plain = await only(machine, "key");
    assert.equal(plain.level, "problem");
    assert.match(plain.message, /^the targets key .* is not encrypted$/);
  });

  it("I6: names a command that fixes a weak key", async () => {
    const machine = new Machine();
    machine.file(place, sealed(2_048));
    const fix = (await only(machine, "key")).fix ?? "";
    assert.equal(fix, `tagseal trust key passphrase ${key.publicKey.keyId}`);
    const [, ...argv] = fix.split(" ");
    // In a process, which does not know that keys of suites are cheap.
    const env = { ...machine.env, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "passphrase" };
    await runOk(tagsealCommand, [...argv, "--new-passphrase-command", "/bin/echo another one"], { env });
    assert.equal((await only(machine, "key")).level, "ok");
  });

  it("looks at keys that are linked, too", async () => {
    const machine = new Machine();
    const uri = "pkcs11:token=office;object=root";
    const record = JSON.stringify({ uri, role: "root", publicKey: publicKeyPem(key.publicKey) });
    const link = `.docker/trust/tagseal/linked-keys/${key.publicKey.keyId}.json`;
    machine.file(link, record);
    assert.deepEqual(
      (await machine.finds("key")).map(({ message }) => message),
      ["no private keys here", `1 key in a token or with a key service: ${uri}`],
    );
    machine.file(link, record, 0o644);
    assert.equal((await machine.finds("key")).at(-1)?.level, "problem");
    machine.file(link, "not a record", 0o600);
    const damaged = (await machine.finds("key")).at(-1);
    assert.equal(damaged?.level, "problem");
    assert.match(damaged.message, /linked-keys/u);
  });

  it("finds a file that is damaged, and a directory others may look into", async () => {
    const machine = new Machine();
    machine.file(place, "not a key");
    chmodSync(join(machine.config, "trust", "private"), 0o755);
    assert.deepEqual(
      (await machine.finds("key")).map(({ level }) => level),
      ["warning", "problem"],
    );
  });
});

describe("doctor about trust servers and expiry", () => {
  const sandbox = CliSandbox.forSuite("doctor");
  before(async () => {
    await sandbox.publish(await sandbox.image("1"), `${sandbox.repository()}:1.0`);
  });

  /** A machine that has signed in the sandbox. */
  function publisher(): Machine {
    const machine = new Machine().engine("docker", "29.0.1").shim();
    machine.env = { ...sandbox.sandbox.environment, ...machine.env };
    cpSync(sandbox.sandbox.environment["DOCKER_CONFIG"] ?? "", machine.config, { recursive: true });
    return machine;
  }

  it("finds all well", async () => {
    const machine = publisher();
    const { code, enforced, findings } = await machine.doctor();
    assert.deepEqual([code, enforced], [0, true]);
    assert.match(findings.find(({ subject }) => subject === "server")?.message ?? "", /^https:\/\/.* answers$/);
    assert.match(findings.find(({ subject }) => subject === "expiry")?.message ?? "", /^nothing .* within 90 days$/);
  });

  it("finds what expires within 90 days, and what has", async () => {
    const machine = publisher();
    const inThreeYears = new Date(Date.now() + 1065 * 86_400_000);
    const soon = await machine.finds("expiry", inThreeYears);
    assert.ok(soon.some(({ message }) => /^targets of .*\/team\/app expires in 30 days$/.test(message)));
    assert.ok(soon.every(({ fix }) => fix === `tagseal trust renew ${sandbox.repository()}`));
    const late = await machine.finds("expiry", new Date(Date.now() + 3700 * 86_400_000));
    assert.ok(late.some(({ message }) => /^the cached root of .* expired \d+ days ago$/.test(message)));
    assert.ok(
      late.some(
        ({ fix }) => fix === `tagseal list ${sandbox.repository()} || tagseal trust renew ${sandbox.repository()}`,
      ),
    );
    assert.ok(late.some(({ message }) => /root certificate/.test(message)));
  });

  it("finds a clock that differs from the trust server's, and nothing to say of seconds", async () => {
    const machine = publisher();
    const hourMs = 3_600_000;
    const fast = await only(machine, "clock", new Date(Date.now() + 2.5 * hourMs));
    assert.equal(fast.level, "warning");
    assert.match(
      fast.message,
      /^this machine's clock says \S+Z, the trust server's \S+Z: this machine is 2 h ahead \(https:\S+\)$/,
    );
    assert.match(fast.fix ?? "", /^date --utc/);
    assert.match((await only(machine, "clock", new Date(Date.now() - 2.5 * hourMs))).message, / behind \(/);
    assert.deepEqual(await machine.finds("clock", new Date(Date.now() + 60_000)), []);
  });

  it("finds a server certificate that ends soon", async () => {
    const machine = publisher();
    const certificates = await machine.finds("certificate", new Date(Date.now() + 300 * 86_400_000));
    for (const { level, message } of certificates) {
      assert.equal(level, "warning");
      assert.match(message, /^the certificate of https:\/\/.* expires/);
    }
  });

  it("finds a damaged cache", async () => {
    const machine = publisher();
    const gun = join(machine.config, "trust", "tuf", sandbox.repository());
    assert.ok(readdirSync(join(gun, "metadata")).includes("root.json"));
    writeFileSync(join(gun, "metadata", "targets.json"), "{");
    const [finding] = await machine.finds("expiry");
    assert.equal(finding?.level, "problem");
    assert.match(finding.message, /targets\.json is damaged/);
  });

  it("I1: reads no more of a cached file than a role file may have", async () => {
    const machine = publisher();
    const path = join(machine.config, "trust", "tuf", sandbox.repository(), "metadata", "targets.json");
    truncateSync(path, 101 * 1024 * 1024);
    const [finding] = await machine.finds("expiry");
    assert.equal(finding?.level, "problem");
    assert.match(finding.message, /targets\.json is damaged: .*expected at most 104857600 bytes, found 105906176$/);
  });

  it("finds a server whose certificate is not trusted here, with the place for its authority", async () => {
    const machine = publisher();
    rmSync(join(machine.config, "tls"), { recursive: true });
    const finding = await only(machine, "certificate");
    assert.equal(finding.level, "problem");
    assert.match(finding.fix ?? "", /^mkdir -p ~\/\.docker\/tls\/.* && cp CA\.crt .*\/ca\.crt$/);
  });

  it("finds a server that requires no login", async () => {
    const [, finding] = await publisher().finds("server");
    assert.equal(finding?.level, "warning");
    assert.match(finding.message, /^https:\/\/.* answers all clients without a login: .* may publish and delete$/);
    assert.match(finding.fix ?? "", /auth\.htpasswd/);
  });

  it("finds nothing to say about logins where a server asks for one", async (t) => {
    const machine = publisher();
    const authorise = async () => ({ allowed: false as const, challenge: 'Basic realm="here"' });
    const { serverCertificate: certFile, serverKey: keyFile, ca } = await certificates(scope);
    const { url } = await serve(t, { host: "127.0.0.1", tls: { certFile, keyFile }, authorise });
    machine.env["DOCKER_CONTENT_TRUST_SERVER"] = url;
    machine.file(`.docker/tls/${new URL(url).host}/ca.crt`, readFileSync(ca, "utf8"));
    assert.match((await only(machine, "server")).message, /answers$/);
  });

  it("finds a server that speaks plain HTTP, under whichever scheme it is named", async (t) => {
    const machine = publisher();
    const { url } = await serve(t);
    machine.env["DOCKER_CONTENT_TRUST_SERVER"] = url.replace("http:", "https:");
    const finding = await only(machine, "server");
    assert.equal(finding.level, "problem");
    assert.match(finding.message, /speaks plain HTTP, which no client takes, and answers all clients without a login$/);
    machine.env["DOCKER_CONTENT_TRUST_SERVER"] = url;
    assert.match(
      (await only(machine, "server")).message,
      /valid https URL required.*; it speaks plain HTTP, and answers/,
    );
  });

  it("finds a server that does not answer, and an address that is none", async () => {
    const machine = publisher();
    machine.env["DOCKER_CONTENT_TRUST_SERVER"] = `https://localhost:${await freePort()}`;
    assert.match((await only(machine, "server")).message, /connection refused/);
    machine.env["DOCKER_CONTENT_TRUST_SERVER"] = "http://localhost:1";
    assert.equal((await only(machine, "server")).level, "problem");
  });
});

describe("doctor about Docker Hub", () => {
  const about = async (machine: Machine, env: Record<string, string> = {}): Promise<Finding[]> => {
    const cwd = join(machine.home, "project");
    mkdirSync(cwd, { recursive: true });
    const { stdout } = await run(tagsealCommand, ["doctor", "--json"], {
      env: { ...machine.env, PATH: process.env["PATH"] ?? "", ...env },
      cwd,
    });
    const { findings } = JSON.parse(stdout) as Diagnosis;
    return findings.filter(({ subject }) => subject === "docker-hub");
  };
  const files = (machine: Machine): void => {
    machine.file("project/Dockerfile", "FROM golang:1.26 AS build\nFROM build AS check\nFROM alpine\n");
    machine.file(
      "project/own/Dockerfile",
      "FROM registry.example.com/base:1\nFROM scratch\nFROM alpine@sha256:" + "0".repeat(64),
    );
    machine.file("project/.gitlab-ci.yml", "variables: {DOCKER_CONTENT_TRUST: 1}\n");
    machine.file(
      "project/.github/workflows/own.yml",
      "env: {DOCKER_CONTENT_TRUST: 1, DOCKER_CONTENT_TRUST_SERVER: https://trust.example.com}\n",
    );
  };

  it("finds pipelines and Dockerfiles that need its trust server, and what happens to it", async () => {
    const machine = new Machine();
    files(machine);
    const found = await about(machine);
    assert.deepEqual(
      found.map(({ message }) =>
        message
          .split(/ asks | builds from |;/u)
          .slice(0, 2)
          .join(" | "),
      ),
      [
        ".gitlab-ci.yml | notary.docker.io about Docker Hub's images",
        "Dockerfile | golang:1.26 (and 1 more) of Docker Hub",
      ],
    );
    for (const { message } of found)
      assert.match(message, /; Docker shuts? Docker Hub's trust server .* on 8 December 2026$/u);
  });

  it("finds nothing to say where another trust server is configured, or trust is not used", async () => {
    const machine = new Machine();
    machine.file("project/Dockerfile", "FROM alpine\n");
    assert.deepEqual(await about(machine, { DOCKER_CONTENT_TRUST_SERVER: "https://localhost:1" }), []);
    assert.deepEqual(await about(machine, { DOCKER_CONTENT_TRUST: "" }), []);
  });

  it("finds a machine that is configured to ask it, or that has asked it before", async () => {
    const machine = new Machine();
    const [told] = await about(machine, {
      DOCKER_CONTENT_TRUST_SERVER: "https://notary.docker.io",
      HTTPS_PROXY: "http://127.0.0.1:1",
    });
    assert.match(told?.message ?? "", /^DOCKER_CONTENT_TRUST_SERVER is https:\/\/notary\.docker\.io; /u);
    machine.file(".docker/trust/tuf/docker.io/library/alpine/metadata/root.json", "{}");
    const [asked] = await about(machine, { HTTPS_PROXY: "http://127.0.0.1:1" });
    assert.match(asked?.message ?? "", /^docker\.io\/library\/alpine was verified from here; /u);
    assert.equal(asked?.fix, "export DOCKER_CONTENT_TRUST_SERVER=https://HOST[:PORT]");
  });
});

describe("doctor about a project", () => {
  it("finds CI and compose files that rely on the variable, and fits one screen", async () => {
    const machine = new Machine().engine("docker", "29.0.1");
    const setting = "env:\n  DOCKER_CONTENT_TRUST: 1\n";
    for (const name of ["a", "b", "c", "d", "e"]) machine.file(`project/.github/workflows/${name}.yml`, setting);
    machine.file("project/deploy/compose.yaml", "environment: [DOCKER_CONTENT_TRUST=1]\n");
    machine.file("project/.gitlab-ci.yml", "script: docker push x\n");
    machine.file("project/node_modules/x/.gitlab-ci.yml", setting);
    const env = {
      ...machine.env,
      PATH: `${machine.env["PATH"]}:/usr/bin:/bin`,
      TAGSEAL_ENGINE: join(machine.home, "usr", "docker"),
    };
    const cwd = join(machine.home, "project");
    const { stdout, code } = await run(tagsealCommand, ["doctor"], { env, cwd });
    assert.equal(code, 1);
    assert.match(stdout, /^Content trust is NOT enforced here\.\n\nproblem {2}docker 29/);
    assert.match(stdout, /warning {2}\.github\/workflows\/a\.yml relies on DOCKER_CONTENT_TRUST/);
    assert.match(stdout, /and 2 more of this kind/);
    assert.match(stdout, /warning {2}deploy\/compose\.yaml relies on .* compose has never heeded; with .* checked/);
    assert.doesNotMatch(stdout, /gitlab|node_modules/);
    assert.ok(stdout.split("\n").length <= 24, stdout);
  });

  /** A directory in which this Tagseal is called by its name. */
  function installed(machine: Machine): string {
    const directory = join(machine.home, "installed");
    mkdirSync(directory);
    symlinkSync(tagsealCommand, join(directory, "tagseal"));
    return directory;
  }

  /** What each system hands on from one step to the next: files named by variables, or what was printed. */
  const systems: readonly { readonly file: string; readonly variables: readonly string[] }[] = [
    { file: ".github/workflows/ci.yml", variables: ["GITHUB_PATH", "GITHUB_ENV"] },
    { file: ".circleci/config.yml", variables: ["BASH_ENV", "CIRCLECI"] },
    { file: "azure-pipelines.yml", variables: ["TF_BUILD"] },
    { file: ".cirrus.yml", variables: ["CIRRUS_ENV"] },
  ];

  for (const { file, variables } of systems) {
    it(`gives advice for ${file} that holds in the steps that follow`, async () => {
      const machine = new Machine().engine("docker", "29.0.1");
      machine.file(`project/${file}`, "env: {DOCKER_CONTENT_TRUST: 1}\n");
      const cwd = join(machine.home, "project");
      const tools = `${machine.env["PATH"]}:${installed(machine)}:/usr/bin:/bin`;
      const given = Object.fromEntries(variables.map((name) => [name, machine.file(name, "")]));
      const env = { ...machine.env, ...given, PATH: tools, HOME: machine.home };
      const project = await run(tagsealCommand, ["doctor", "--json"], { env, cwd });
      const { findings } = JSON.parse(project.stdout) as Diagnosis;
      const advice = findings.find(({ subject }) => subject === "continuous-integration")?.fix ?? "";
      assert.match(advice, new RegExp(`^put before the first step that needs it in ${file}: `, "u"));
      // what doctor says of this very job holds there, too
      const here = findings.find(({ subject }) => subject === "engine")?.fix ?? "";
      for (const line of [advice.slice(advice.indexOf(": ") + 2), here]) {
        rmSync(join(machine.home, "bin", "docker"), { force: true });
        for (const name of variables) machine.file(name, "");
        const first = await run("bash", ["-c", line], { env, cwd });
        assert.equal(first.code, 0, `${line}\n${first.stdout}${first.stderr}`);
        const second = await run("bash", ["-c", "command -v docker"], {
          env: handedOn(env, machine, first.stdout),
          cwd,
        });
        assert.equal(second.stdout, `${join(machine.home, "bin", "docker")}\n`, line);
      }
    });
  }

  it("gives advice for jobs in one shell that holds to its end", async () => {
    for (const file of [".gitlab-ci.yml", "bitbucket-pipelines.yml", "Jenkinsfile", "Makefile"]) {
      const machine = new Machine().engine("docker", "29.0.1");
      machine.file(`project/${file}`, "DOCKER_CONTENT_TRUST=1\n");
      const cwd = join(machine.home, "project");
      const PATH = `${join(machine.home, "usr")}:${installed(machine)}:/usr/bin:/bin`;
      const env = { ...machine.env, PATH };
      const { stdout } = await run(tagsealCommand, ["doctor", "--json"], { env, cwd });
      const fix = (JSON.parse(stdout) as Diagnosis).findings.find(
        ({ subject }) => subject === "continuous-integration",
      );
      const line = fix?.fix?.slice(fix.fix.indexOf(": ") + 2) ?? "";
      const done = await run("sh", ["-c", `${line} && command -v docker`], { env, cwd });
      assert.ok(done.stdout.endsWith(`${join(machine.home, "bin", "docker")}\n`), `${line}\n${done.stdout}`);
    }
  });
});

/** The environment of the next step, as the system makes it from what the last one left. */
function handedOn(env: Record<string, string>, machine: Machine, printed: string): Record<string, string> {
  const left = (name: string): string =>
    env[name] === undefined ? "" : readFileSync(join(machine.home, name), "utf8");
  const prepended = [
    ...left("GITHUB_PATH").split("\n"),
    ...[...printed.matchAll(/^##vso\[task\.prependpath\](.*)$/gmu)].map(([, path]) => path ?? ""),
  ].filter((path) => path !== "");
  const assigned = Object.fromEntries(
    [...left("CIRRUS_ENV").matchAll(/^(\w+)=(.*)$/gmu)].map(([, name, value]) => [name ?? "", value ?? ""]),
  );
  return { ...env, PATH: [...prepended, env["PATH"] ?? ""].join(":"), ...assigned };
}
