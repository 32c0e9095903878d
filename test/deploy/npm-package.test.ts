/** The npm package, as people get it: installed into an empty directory, run without an installation, and imported by a program. */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { startBareMachine } from "../support/bare-machine.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { packageVersion, useInstalled } from "../support/installed-command.ts";
import { findExecutable, missingPeers, requirePeers, run, runOk, Scope } from "../support/peers.ts";
import { startSandbox } from "../support/sandbox.ts";
import { openShell, type Shell } from "../support/shell.ts";

const root = resolve(import.meta.dirname, "../..");

/** A program with a separate key store, logins, memory and place for trust data, which knows no types but the package's. */
const contracts = `
import type {
  Credentials, KeyAlgorithm, KeyStore, KeyUse, LoginTarget, PublicKey, RoleName, ServerRole, SigningKey, StoredKey,
  TrustCache, TrustCredentials, TrustRepository,
} from "tagseal";

export class Vault implements KeyStore {
  async list(): Promise<readonly StoredKey[]> { return []; }
  async find(_keyId: string): Promise<StoredKey | undefined> { return undefined; }
  async keptFor(_roles: readonly string[]): Promise<StoredKey | undefined> { return undefined; }
  async signingKey(_keyId: string): Promise<SigningKey | undefined> { return undefined; }
  async make(_use: KeyUse, _algorithm: KeyAlgorithm): Promise<SigningKey | undefined> { return undefined; }
  async remove(_keyId: string): Promise<void> {}
}

export class Mirror implements TrustRepository {
  readonly url = "https://mirror.example";
  readonly name = "the mirror";
  async fetch(_name: string, _maxBytes: number): Promise<Uint8Array> { return new Uint8Array(); }
  async publish(_files: ReadonlyMap<RoleName, Uint8Array>): Promise<void> {}
  async getKey(role: ServerRole): Promise<PublicKey> { throw new Error(role); }
  async rotateKey(role: ServerRole): Promise<PublicKey> { throw new Error(role); }
  async delete(): Promise<void> {}
  async wasDeleted(): Promise<boolean> { return false; }
}

export class Memory implements TrustCache {
  async load(_role: RoleName): Promise<Uint8Array | undefined> { return undefined; }
  async store(_role: RoleName, _bytes: Uint8Array): Promise<void> {}
}

export const robot: TrustCredentials = async ({ registry }: LoginTarget): Promise<Credentials | undefined> =>
  registry === "registry.example" ? { kind: "basic", username: "robot", password: "token" } : undefined;
`;

describe("the npm package", { skip: missingPeers(["npm"]) }, () => {
  const scope = new Scope("npm-package");
  const project = scope.path("work");
  const installed = join(project, "node_modules");
  /** Node.js 24 in front of the machine's own, as its users have it. */
  const path = `${scope.path("node")}:/usr/bin:/bin`;
  /** npm needs the registry, and with it the network and the settings of the machine the test runs on. */
  const env = {
    ...process.env,
    PATH: path,
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_prefer_offline: "true",
  };
  let shell: Shell;
  let tarball: string;
  let warnings: string;

  before(async () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    assert.equal(documentedLines("docs/install.md", "npm").trim(), "npm ci && npm run tarball");
    assert.equal(scripts["tarball"], "node release/tarball.ts");
    shell = openShell(scope, [], env);
    mkdirSync(scope.path("node"));
    symlinkSync(process.execPath, scope.path("node", "node"));
    const made = await runOk(process.execPath, [join(root, "release/tarball.ts"), project], { env });
    tarball = made.stdout.trim();
    ({ stderr: warnings } = await shell.run(documentedLines("docs/install.md", "npm", 3), { timeoutMs: 300_000 }));
  });
  after(() => scope.close());

  it("has the name and version that its file says, and no more than people need", async () => {
    assert.equal(basename(tarball), `tagseal-${packageVersion}.tgz`);
    const { stdout } = await runOk("tar", ["-tzf", tarball]);
    const files = stdout.trim().split("\n");
    const strange = files.filter(
      (file) =>
        !/^package\/(?:package\.json|README\.md|CHANGELOG\.md|LICENSE|(?:dist|completions)\/.*)$/u.test(file) ||
        /\.test\.|(?<!\.d)\.ts$/u.test(file),
    );
    assert.deepEqual(strange, []);
    for (const file of ["dist/tagseal.js", "dist/index.js", "dist/types/index.d.ts", "dist/man/tagseal.1"])
      assert.ok(files.includes(`package/${file}`), file);
  });

  it("installs into an empty directory without building, and brings no runtime and nothing that only its developers need", () => {
    assert.doesNotMatch(warnings, /tagseal|prepare|build:/u);
    const packages = readdirSync(installed);
    assert.deepEqual(
      packages.filter((name) => /^node-linux|^esbuild|^typescript$|^knip$|^ox/u.test(name)),
      [],
    );
    for (const name of ["kysely", "pg", "mysql2"]) assert.ok(packages.includes(name), name);
    const manifest = readFileSync(join(installed, "tagseal/package.json"), "utf8");
    assert.deepEqual(
      Object.keys(JSON.parse(manifest) as object).filter((name) => /scripts|dev/iu.test(name)),
      [],
    );
  });

  it("installs on a machine with Node.js alone, and says its version, plays the demonstration, and publishes and verifies", async (t) => {
    if (!requirePeers(t, ["machine"])) return;
    const npm = dirname(dirname(realpathSync(findExecutable("npm") ?? "npm")));
    const cache = (await runOk("npm", ["config", "get", "cache"], { env })).stdout.trim();
    const machine = await startBareMachine(scope, "bare", {
      programs: ["sh", "env"],
      files: {
        "/usr/bin/node": process.execPath,
        "/usr/lib/node_modules/npm": npm,
        [`/root/${basename(tarball)}`]: tarball,
      },
      // What the first installation fetched, because this machine reaches no registry.
      shared: { "/root/.npm": cache },
    });
    for (const name of ["npm", "npx"])
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, machine.path(`/usr/bin/${name}`));
    const offline = { env: { npm_config_offline: "true", npm_config_audit: "false" } };
    const shown = [documentedLines("docs/install.md", "npm", 2), documentedLines("docs/install.md", "npm", 3)];
    const { stdout } = await machine.run(["sh", "-ec", `cd /root\n${shown.join("")}`], offline);
    assert.ok(stdout.startsWith(`tagseal ${packageVersion}\n`), stdout);
    await useInstalled(scope, {
      words: [...machine.enter, "/root/node_modules/.bin/tagseal"],
      env: { HOME: "/root", TMPDIR: "/tmp" },
    });
  });

  /** What the machine of somebody who writes TypeScript for Node.js has, too. */
  function installNodeTypes(): void {
    const options = { strict: true, module: "nodenext", target: "es2024", noEmit: true, types: ["node"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.mts"] }));
    writeFileSync(join(project, "ports.mts"), contracts);
    for (const name of ["@types/node", "undici-types"]) {
      if (!existsSync(join(installed, name))) symlinkSync(join(root, "node_modules", name), join(installed, name));
    }
  }

  it("declares its types to programs that check everything", async () => {
    installNodeTypes();
    cpSync(join(root, "docs/examples"), project, { recursive: true });
    const check = () => run(join(root, "node_modules/.bin/tsc"), ["--project", project], { cwd: project });
    assert.deepEqual(await check(), { code: 0, stdout: "", stderr: "" });
    const mistaken = readFileSync(join(project, "verify.mts"), "utf8").replace("{ digest,", "{ digets: digest,");
    writeFileSync(join(project, "mistaken.mts"), mistaken);
    assert.match((await check()).stdout, /Property 'digets' does not exist on type 'VerifiedTag'/u);
  });

  it("is a library with which the examples of its reference sign, verify and inspect", async () => {
    const sandbox = await startSandbox(scope);
    const image = `${sandbox.env["REGISTRY"]}/team/library:1.0`;
    const digest = `sha256:${"5e".repeat(32)}`;
    const example = (name: string, ...args: readonly string[]) =>
      run("node", [join(project, name), ...args], { cwd: project, env: { ...env, ...sandbox.env } });
    const signed = await example("sign.mts", image, digest, "1234");
    assert.equal(signed.stdout, "This repository is new: back up its keys.\nSigned 1.0 in targets.\n", signed.stderr);
    const verified = await example("verify.mts", image);
    assert.ok(verified.stdout.startsWith(`${image.replace(":1.0", "")}@${digest}\n`), verified.stderr);
    assert.equal((await example("inspect.mts", image)).stdout, `1.0: ${digest}, repository key\n0 signers\n`);
    const unsigned = await example("verify.mts", `${image}9`);
    assert.deepEqual([unsigned.code, unsigned.stderr], [1, "TAG_NOT_SIGNED: No valid trust data for 1.09\n"]);
    assert.equal(
      (await example("inspect.mts", `${image}/nothing:1`.replace(":1.0", ""))).stdout,
      "Nothing is signed.\n",
    );
    await sandbox.process.stop();
  });
});
