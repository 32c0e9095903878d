/** I6 for servers and signers: secrets that others may read are warned about, what all users may write is refused, wherever it is kept. */

import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { modeOf } from "../support/file-mode.ts";
import { main } from "../../src/cli/main.ts";
import { captured } from "../../src/cli/captured-io.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { startSigner } from "../../src/server/signer/start-signer.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { certificates, Scope, waitUntil, type Certificates } from "../support/peers.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";

const scope = new Scope("private-files");
let trusted: Certificates;

function warned({ lines }: Pick<TestServer, "lines">, event = "others may read a secret"): string[] {
  return lines
    .filter((line) => line.event === event && line["level"] === "warning")
    .map((line) => String(line["file"] ?? line["directory"]));
}

/** A secret of a server: where it is, and the options that name it. */
interface Secret {
  readonly name: string;
  readonly prepare: (directory: string) => { readonly path: string; readonly options: Partial<ServerOptions> };
}

const rules = [{ prefix: "*", users: ["*"], actions: ["*"] }] as const;

const secrets: readonly Secret[] = [
  {
    name: "the signer's passphrase",
    prepare: (directory) => {
      const path = join(directory, "data", "signer.passphrase");
      mkdirSync(join(directory, "data"), { mode: 0o700 });
      writeFileSync(path, "a passphrase of the operator\n");
      return { path, options: { dataDir: join(directory, "data") } };
    },
  },
  {
    name: "the key of the server's certificate",
    prepare: (directory) => {
      const path = copyOf(trusted.serverKey, join(directory, "server.key"));
      return { path, options: { tls: { certFile: trusted.serverCertificate, keyFile: path } } };
    },
  },
  {
    name: "the password file",
    prepare: (directory) => {
      const path = join(directory, "htpasswd");
      writeFileSync(path, "alice:$2y$05$Zc1Hmxb6DEEc2VYbZ8Wmg.GcA2g4G.7JpWRsXCwS.Z6DHmcnTSYqS\n");
      return { path, options: { auth: { basic: { htpasswd: path }, rules } } };
    },
  },
  {
    name: "the key of the server's own tokens",
    prepare: (directory) => {
      const [htpasswd, path] = [join(directory, "htpasswd"), join(directory, "token.key")];
      writeFileSync(htpasswd, "alice:$2y$05$Zc1Hmxb6DEEc2VYbZ8Wmg.GcA2g4G.7JpWRsXCwS.Z6DHmcnTSYqS\n", { mode: 0o600 });
      writeFileSync(path, "k".repeat(64));
      const basic = { htpasswd, tokenRealm: "https://trust.example.com/token", tokenKeyFile: path };
      return { path, options: { auth: { basic, rules } } };
    },
  },
  {
    name: "the key that is shown to a signer",
    prepare: (directory) => {
      const keyFile = copyOf(trusted.serverKey, join(directory, "client.key"));
      const certificate = { certFile: trusted.serverCertificate, keyFile, caFile: trusted.ca };
      return { path: keyFile, options: { remoteSigner: { host: "localhost", port: 1, ...certificate } } };
    },
  },
];

function copyOf(from: string, to: string): string {
  writeFileSync(to, readFileSync(from), { mode: 0o600 });
  return to;
}

describe("I6: what a server keeps to itself", { skip: needsOpenssl }, () => {
  before(async () => (trusted = await certificates(scope)));
  after(() => scope.close());

  for (const { name, prepare } of secrets) {
    it(`warns when others may read ${name}, and refuses it when all users may write to it`, async (t) => {
      const { path, options } = prepare(temporaryDirectory(t));
      for (const mode of [0o600, 0o400]) {
        chmodSync(path, mode);
        assert.deepEqual(warned(await serveBriefly(t, options)), [], mode.toString(8));
      }
      for (const mode of [0o644, 0o640, 0o604]) {
        chmodSync(path, mode);
        assert.deepEqual(warned(await serveBriefly(t, options)), [path], mode.toString(8));
      }
      chmodSync(path, 0o602);
      await assert.rejects(serve(t, options), {
        code: "KEY_FILE_UNSAFE",
        hint: new RegExp(`chmod go-rwx ${path}`, "u"),
      });
    });
  }

  it("does not warn of files that another account shares with this group, as platforms do", async (t) => {
    const path = join(temporaryDirectory(t), "signer.passphrase");
    writeFileSync(path, "a passphrase of the operator\n");
    chmodSync(path, 0o440);
    if (process.getuid?.() !== 0) return t.skip("only root can give a file away");
    chownSync(path, 65_534, 0);
    assert.deepEqual(warned(await serveBriefly(t, { secretFiles: [path] })), []);
    chmodSync(path, 0o444);
    assert.deepEqual(warned(await serveBriefly(t, { secretFiles: [path] })), [path]);
  });

  it("refuses what decides about others' access when all users may write to it, though all may read it", async (t) => {
    const caFile = copyOf(trusted.ca, join(temporaryDirectory(t), "clients.crt"));
    const tls = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
    const options = { tls, auth: { mtls: { caFile }, rules } };
    chmodSync(caFile, 0o644);
    assert.deepEqual(warned(await serveBriefly(t, options)), []);
    chmodSync(caFile, 0o666);
    await assert.rejects(serve(t, options), { code: "KEY_FILE_UNSAFE" });
  });

  it("keeps the old key when all users may write to the file while the server runs, and says so", async (t) => {
    const keyFile = copyOf(trusted.serverKey, join(temporaryDirectory(t), "server.key"));
    const server = await serve(t, { tls: { certFile: trusted.serverCertificate, keyFile } });
    chmodSync(keyFile, 0o666);
    await assert.rejects(server.reload(), { code: "KEY_FILE_UNSAFE" });
    chmodSync(keyFile, 0o600);
    await server.reload();
  });

  it("warns when others may look into the data directory, and refuses one that all users may write to", async (t) => {
    const dataDir = join(temporaryDirectory(t), "data");
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    assert.deepEqual(warned(await serveBriefly(t, { dataDir }), "others may look into the data directory"), [dataDir]);
    assert.equal(modeOf(join(dataDir, "signer.passphrase")), 0o600);
    chmodSync(dataDir, 0o777);
    await assert.rejects(serve(t, { dataDir }), { code: "KEY_FILE_UNSAFE" });
    chmodSync(dataDir, 0o700);
    chmodSync(join(dataDir, "signer.db"), 0o666);
    await assert.rejects(serve(t, { dataDir }), { code: "KEY_FILE_UNSAFE", message: /signer\.db/u });
    chmodSync(join(dataDir, "signer.db"), 0o600);
    await serveBriefly(t, { dataDir });
  });

  it("are the same for a signer", async (t) => {
    const dataDir = join(temporaryDirectory(t), "data");
    mkdirSync(dataDir, { mode: 0o700 });
    const passphrase = join(dataDir, "signer.passphrase");
    writeFileSync(passphrase, "a passphrase of the operator\n");
    chmodSync(passphrase, 0o644);
    const keyFile = copyOf(trusted.serverKey, join(dataDir, "signer.key"));
    const lines: TestServer["lines"] = [];
    const log = (line: string): void => void lines.push(JSON.parse(line) as TestServer["lines"][number]);
    const tls = { certFile: trusted.serverCertificate, keyFile };
    const options = { host: "127.0.0.1", port: 0, tls, clientCaFile: trusted.ca, dataDir, log };
    await (await startSigner(options)).close();
    assert.deepEqual(warned({ lines }), [passphrase]);
    for (const path of [passphrase, keyFile, dataDir]) {
      const before = statSync(path).mode;
      chmodSync(path, before | 0o002);
      await assert.rejects(startSigner(options), { code: "KEY_FILE_UNSAFE" }, path);
      chmodSync(path, before);
    }
  });
});

describe("I6: what the environment and the command line name", () => {
  async function started(
    t: TestContext,
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<string> {
    const stopping = new AbortController();
    const { io, stderr } = captured({ env, now: () => new Date(), signal: stopping.signal });
    const running = main(["server", "--listen", "127.0.0.1:0", ...argv], io);
    t.after(() => stopping.abort());
    const isOver = running.then(() => true);
    await waitUntil(
      "it starts or ends",
      async () =>
        stderr().includes('"listening"') ||
        (await Promise.race([isOver, new Promise<boolean>((resolve) => setTimeout(resolve, 20, false))])),
    );
    stopping.abort();
    await running;
    return stderr();
  }

  it("a file that a variable names, and a configuration with a database's password", async (t) => {
    const directory = temporaryDirectory(t);
    const passphrase = join(directory, "passphrase");
    const config = join(directory, "config.json");
    writeFileSync(passphrase, "a passphrase of the operator\n");
    writeFileSync(
      config,
      JSON.stringify({ storage: { backend: "sqlite", db_url: "postgres://tagseal:secret@db/tagseal" } }),
    );
    const argv = ["--data", join(directory, "data"), "--config", config];
    const env = { TAGSEAL_SIGNER_PASSPHRASE_FILE: passphrase };
    for (const path of [passphrase, config]) chmodSync(path, 0o644);
    const said = await started(t, argv, env);
    for (const path of [passphrase, config])
      assert.ok(said.includes(`"others may read a secret","file":"${path}"`), said);
    for (const path of [passphrase, config]) {
      chmodSync(path, 0o666);
      assert.match(await started(t, argv, env), /all users may write to it[\s\S]*\[KEY_FILE_UNSAFE\]/u);
      chmodSync(path, 0o600);
    }
    assert.doesNotMatch(await started(t, argv, env), /others may read/u);
  });
});

async function serveBriefly(t: TestContext, options: Partial<ServerOptions>): Promise<TestServer> {
  const server = await serve(t, options);
  await server.close();
  return server;
}
