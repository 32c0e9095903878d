/** The npm package, as people get it: installed into an empty directory, run without an installation, and imported by a program. */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { documentedLines } from "../support/documented-lines.ts";
import { packageVersion, useInstalled } from "../support/installed-command.ts";
import { missingPeers, run, runOk, Scope } from "../support/peers.ts";
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
    const made = await runOk(process.execPath, [join(root, "release/tarball.ts"), project]);
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

  it("says its version, plays the demonstration, and publishes and verifies", async () => {
    await useInstalled(scope, [join(installed, ".bin/tagseal")], { PATH: path });
  });

  it("runs by npx without an installation", async () => {
    const elsewhere = scope.path("elsewhere");
    mkdirSync(elsewhere);
    copyFileSync(tarball, join(elsewhere, basename(tarball)));
    const settings = { cwd: elsewhere, timeoutMs: 300_000 };
    const { stdout } = await shell.run(documentedLines("docs/install.md", "npm", 2), settings);
    assert.equal(stdout, `tagseal ${packageVersion}\n`);
  });

  it("declares its types to programs that check everything", async () => {
    const program = (line: string): string => `
import { hasCode, openTrustContext, parseImageReference, type TrustContext, verifyTag } from "tagseal";

export async function digestOf(image: string): Promise<string | undefined> {
  const reference = parseImageReference(image);
  const context: TrustContext = await openTrustContext({ reference, dockerConfigDir: "/nowhere", env: {} });
  try {
    ${line}
  } catch (error) {
    if (hasCode(error, "TAG_NOT_SIGNED")) return undefined;
    throw error;
  } finally {
    context.close();
  }
}
`;
    const options = { strict: true, module: "nodenext", target: "es2024", noEmit: true, types: ["node"] };
    writeFileSync(
      join(project, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: ["program.mts", "ports.mts"] }),
    );
    writeFileSync(join(project, "ports.mts"), contracts);
    // What the machine of somebody who writes TypeScript for Node.js has, too.
    for (const name of ["@types/node", "undici-types"]) {
      if (!existsSync(join(installed, name))) symlinkSync(join(root, "node_modules", name), join(installed, name));
    }
    const check = (line: string) => {
      writeFileSync(join(project, "program.mts"), program(line));
      return run(join(root, "node_modules/.bin/tsc"), ["--project", project], { cwd: project });
    };
    assert.deepEqual(await check('return (await verifyTag(context, "1.0")).digest;'), {
      code: 0,
      stdout: "",
      stderr: "",
    });
    const mistaken = await check('return (await verifyTag(context, "1.0")).digets;');
    assert.match(mistaken.stdout, /Property 'digets' does not exist on type 'VerifiedTag'/u);
  });

  it("works as a library", async () => {
    const text = 'import { parseImageReference as parse } from "tagseal"; console.log(parse("alpine:3").repository);';
    writeFileSync(join(project, "program.mjs"), text);
    assert.equal((await runOk("node", ["program.mjs"], { cwd: project, env })).stdout, "library/alpine\n");
  });
});
