import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as secureRequest } from "node:https";
import { request } from "node:http";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { describe, it, type TestContext } from "node:test";
import { modeOf } from "../../../test/support/file-mode.ts";
import { missingPeers } from "../../../test/support/requirements.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { UploadingPublisher } from "../../../test/server/uploading-publisher.ts";
import type { ServerOptions } from "./server-options.ts";
import { startServer, type RunningServer } from "./start-server.ts";

async function start(t: TestContext, options: Partial<ServerOptions> & { dataDir: string }): Promise<RunningServer> {
  const server = await startServer({ host: "127.0.0.1", port: 0, ...options });
  t.after(() => server.close());
  return server;
}

describe("starting a server", () => {
  it("makes a directory that only its owner may enter", async (t) => {
    const dataDir = join(temporaryDirectory(t), "new", "data");
    await start(t, { dataDir });
    assert.equal(modeOf(dataDir), 0o700);
    for (const name of ["metadata.db", "signer.db", "signer.passphrase"]) {
      assert.equal(modeOf(join(dataDir, name)), 0o600, name);
    }
  });

  it("logs that it generated a passphrase and where, but not the passphrase", async (t) => {
    const lines: string[] = [];
    const dataDir = temporaryDirectory(t);
    await start(t, { dataDir, log: (line) => lines.push(line) });
    const passphrase = readFileSync(join(dataDir, "signer.passphrase"), "utf8").trim();
    assert.ok(lines.some((line) => line.includes(join(dataDir, "signer.passphrase"))));
    assert.ok(lines.every((line) => !line.includes(passphrase)));
  });

  it("I6: does not start with a wrong passphrase or without one", async (t) => {
    const dataDir = temporaryDirectory(t);
    await (await start(t, { dataDir, signerPassphrase: "the right passphrase" })).close();
    await assert.rejects(start(t, { dataDir, signerPassphrase: "a wrong passphrase" }), { code: "PASSPHRASE_WRONG" });
    await assert.rejects(start(t, { dataDir }), { code: "PASSPHRASE_UNAVAILABLE", message: /passphrase/u });
    await start(t, { dataDir, signerPassphrase: "the right passphrase" });
  });

  it("does not make new keys for collections that have others", async (t) => {
    const dataDir = temporaryDirectory(t);
    const server = await start(t, { dataDir });
    await new UploadingPublisher(server.url, "a/b").begin();
    await server.close();
    rmSync(join(dataDir, "signer.db"));
    // The second time the file exists, but is empty.
    for (let time = 1; time <= 2; time += 1)
      await assert.rejects(start(t, { dataDir }), { code: "SERVER_CONFIGURATION", message: /no signer keys/u });
  });

  it("names the address that is in use", async (t) => {
    const { url } = await start(t, { dataDir: temporaryDirectory(t) });
    const port = Number(new URL(url).port);
    const second = start(t, { dataDir: temporaryDirectory(t), port });
    await assert.rejects(second, { code: "SERVER_CONFIGURATION", message: `Cannot listen on 127.0.0.1:${port}` });
  });

  it("names the file it cannot read", async (t) => {
    const tls = { certFile: "/nonexistent.crt", keyFile: "/nonexistent.key" };
    const dataDir = temporaryDirectory(t);
    await assert.rejects(start(t, { dataDir, tls }), { code: "SERVER_CONFIGURATION", message: /nonexistent\.crt/u });
    writeFileSync(join(dataDir, "file"), "");
    await assert.rejects(start(t, { dataDir: join(dataDir, "file") }), { code: "SERVER_CONFIGURATION" });
    const rubbish = { certFile: join(dataDir, "file"), keyFile: join(dataDir, "file") };
    await assert.rejects(start(t, { dataDir, tls: rubbish }), {
      code: "SERVER_CONFIGURATION",
      message: /certificate/u,
    });
  });

  it("answers over IPv6", async (t) => {
    const { url } = await start(t, { dataDir: temporaryDirectory(t), host: "::1" });
    assert.match(url, /^http:\/\/\[::1\]:\d+$/u);
    assert.equal((await fetch(`${url}/v2/`)).status, 200);
  });

  it("speaks TLS, 1.2 at least", { skip: missingPeers(["openssl"]) }, async (t) => {
    const directory = temporaryDirectory(t);
    const tls = { certFile: join(directory, "s.crt"), keyFile: join(directory, "s.key") };
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const files = ["-keyout", tls.keyFile, "-out", tls.certFile];
    execFileSync("openssl", ["req", "-x509", ...curve, ...files, ...name], { stdio: "ignore" });
    const { url } = await start(t, { dataDir: directory, tls });
    assert.match(url, /^https:/u);
    const ask = (options: object): Promise<readonly [number | undefined, string]> =>
      new Promise((resolve, reject) => {
        const ca = readFileSync(tls.certFile);
        secureRequest(`${url}/v2/`, { ca, agent: false, ...options }, (response) => {
          const cipher = (response.socket as TLSSocket).getCipher().standardName;
          response.resume();
          resolve([response.statusCode, cipher]);
        })
          .on("error", reject)
          .end();
      });
    assert.deepEqual(await ask({}), [200, "TLS_AES_128_GCM_SHA256"]);
    const other = "TLS_AES_256_GCM_SHA384";
    assert.deepEqual(await ask({ ciphers: other }), [200, other]);
    assert.equal((await ask({ maxVersion: "TLSv1.2" }))[0], 200);
    await assert.rejects(ask({ maxVersion: "TLSv1.1", minVersion: "TLSv1" }));
  });
});

describe("stopping a server", () => {
  it("answers requests under way, then no more", async (t) => {
    const { promise: leave, resolve: giveLeave } = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const server = await start(t, {
      dataDir: temporaryDirectory(t),
      authorise: async () => {
        asked.resolve();
        await leave;
        return { allowed: true };
      },
    });
    const underWay = fetch(`${server.url}/v2/`);
    await asked.promise;
    const closed = server.close();
    await assert.rejects(fetch(`${server.url}/v2/`));
    giveLeave();
    assert.equal((await underWay).status, 200);
    await closed;
    await server.close();
  });

  it("does not wait forever for a request that does not end", async (t) => {
    const asked = Promise.withResolvers<void>();
    const server = await start(t, {
      dataDir: temporaryDirectory(t),
      limits: { shutdownTimeoutMs: 100 },
      authorise: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const hanging = new Promise((resolve) => request(`${server.url}/v2/`).on("error", resolve).end());
    await asked.promise;
    await server.close();
    assert.ok((await hanging) instanceof Error);
  });
});
