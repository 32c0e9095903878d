/** A running signer that lacks the keys that published roots name: what operators see, and when. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it, type TestContext } from "node:test";
import { openDirectAccess } from "../../src/server/run/direct-access.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import type { SignerOptions } from "../../src/server/signer/signer-options.ts";
import { startSigner, type RunningSigner } from "../../src/server/signer/start-signer.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { certificates, Scope, waitUntil, type Certificates } from "../support/peers.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

const part = "signer keys";
const scope = new Scope("signer-keys");
/** Looks again every half second; nothing expires meanwhile. */
const lifetimes = { timestampMs: 10_000, snapshotMs: 86_400_000 };
let trusted: Certificates;

async function startSignerOn(
  t: TestContext,
  dataDir: string,
  options: Partial<SignerOptions> = {},
): Promise<RunningSigner> {
  const tls = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
  const started = await startSigner({ host: "127.0.0.1", port: 0, tls, clientCaFile: trusted.ca, dataDir, ...options });
  t.after(() => started.close());
  return started;
}

function usingSigner({ port }: RunningSigner): Partial<ServerOptions> {
  const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = trusted;
  return { remoteSigner: { host: "localhost", port, certFile, keyFile, caFile }, lifetimes };
}

async function ready({ url }: TestServer): Promise<{ readonly status: string; readonly reason: string | undefined }> {
  const response = await fetch(`${url}/_tagseal/ready`);
  assert.equal(response.status, 200, "readers are served all the time");
  const { status, reasons } = (await response.json()) as { status: string; reasons: Readonly<Record<string, string>> };
  return { status, reason: reasons[part] };
}

async function publish(server: TestServer, ...guns: readonly string[]): Promise<void> {
  for (const gun of guns) await new UploadingPublisher(server.url, gun).begin();
}

function faultLine({ lines }: TestServer): string {
  const line = lines.findLast((found) => found.event === "fault" && found["part"] === part);
  return String(line?.["keys"]);
}

const fresh = (): string => scope.path(randomBytes(6).toString("hex"));

describe("a signer without the server's keys", { skip: needsOpenssl }, () => {
  before(async () => (trusted = await certificates(scope)));
  after(() => scope.close());

  it("keeps the server from starting, which names repositories and keys", async (t) => {
    const right = await startSignerOn(t, fresh());
    const server = await serve(t, usingSigner(right));
    await publish(server, "a/app", "b/app");
    await server.close();
    const wrong = usingSigner(await startSignerOn(t, fresh()));
    const { dataDir } = server;
    await assert.rejects(serve(t, { ...wrong, dataDir }), {
      code: "SIGNING_KEY_MISSING",
      message:
        /^The signer lacks the keys of this server's repositories: (?:[ab]\/app (?:timestamp|snapshot) [0-9a-f]{64} \(not found\)(?:, )?){4}$/u,
      hint: /--accept-lost-keys/u,
    });
    const started = await serve(t, { ...wrong, dataDir, acceptLostKeys: true });
    assert.equal((await ready(started)).reason, "the signer lacks the keys of 2 repositories");
    assert.deepEqual(await readTags(started.url, "a/app"), ["v1"]);
    await started.close();
    await assert.rejects(openDirectAccess({ ...wrong, dataDir }), { code: "SIGNING_KEY_MISSING" });
    await (await openDirectAccess({ ...wrong, dataDir, acceptLostKeys: true })).close();
    assert.deepEqual(await ready(await serve(t, { ...usingSigner(right), dataDir })), {
      status: "ready",
      reason: undefined,
    });
  });

  it("shows within seconds when the signer comes back without them, and until it has them again", async (t) => {
    const [kept, empty] = [fresh(), fresh()];
    let signer = await startSignerOn(t, kept);
    const { port } = signer;
    const server = await serve(t, usingSigner(signer));
    await publish(server, "a/app");
    assert.equal((await ready(server)).status, "ready");
    await signer.close();
    signer = await startSignerOn(t, empty, { port });
    await waitUntil(
      "the fault begins",
      async () => (await ready(server)).reason === "the signer lacks the keys of 1 repository",
    );
    const both = /^a\/app timestamp [0-9a-f]{64} \(not found\), a\/app snapshot /u;
    await waitUntil("both keys are named", () => Promise.resolve(both.test(faultLine(server))));
    const text = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(text, /^tagseal_server_fault\{part="signer keys"\} 1$/mu);
    assert.deepEqual(await readTags(server.url, "a/app"), ["v1"]);
    await signer.close();
    await startSignerOn(t, kept, { port });
    await waitUntil("the fault ends", async () => (await ready(server)).reason === undefined);
  });

  it("says nothing about keys while the signer does not answer", async (t) => {
    const signer = await startSignerOn(t, fresh());
    const server = await serve(t, usingSigner(signer));
    await publish(server, "a/app");
    await server.close();
    await signer.close();
    const again = await serve(t, { ...usingSigner(signer), dataDir: server.dataDir });
    assert.deepEqual(await ready(again), { status: "degraded", reason: undefined });
  });

  it("degrades a server that still has some of its keys, and one whose keys do not open", async (t) => {
    const dataDir = fresh();
    const signer = await startSignerOn(t, dataDir);
    const server = await serve(t, usingSigner(signer));
    await publish(server, "a/app", "b/app", "c/app");
    await server.close();
    await signer.close();
    const database = new DatabaseSync(join(dataDir, "signer.db"));
    database.exec("DELETE FROM private_keys WHERE gun = 'b/app'");
    // A row that carries another alias than the one it was sealed under.
    database.exec(
      "UPDATE private_keys SET private = (SELECT sealed FROM derivation_secret) WHERE gun = 'c/app' AND role = 'snapshot'",
    );
    database.close();
    const again = await serve(t, { ...usingSigner(await startSignerOn(t, dataDir)), dataDir: server.dataDir });
    assert.equal((await ready(again)).reason, "the signer lacks the keys of 2 repositories");
    assert.match(faultLine(again), /b\/app timestamp \S+ \(not found\).*c\/app snapshot \S+ \(does not open\)$/u);
  });
});

describe("a server that keeps its own keys", () => {
  it("names the repositories whose keys are gone from its table or damaged, wherever they are in a long list", async (t) => {
    const guns = Array.from({ length: 60 }, (_, index) => `many/app-${String(index).padStart(2, "0")}`);
    const server = await serve(t, { lifetimes, upkeep: false });
    await publish(server, ...guns);
    await server.close();
    const { dataDir } = server;
    const database = new DatabaseSync(join(dataDir, "signer.db"));
    // Without the secret that they came from they cannot be made again.
    database.exec("DELETE FROM derivation_secret; DELETE FROM private_keys WHERE gun = 'many/app-58'");
    database.exec("UPDATE private_keys SET private = 'damaged' WHERE gun = 'many/app-59' AND role = 'timestamp'");
    database.close();
    const again = await serve(t, { lifetimes, dataDir, upkeep: false });
    assert.equal((await ready(again)).reason, undefined, "the first ones are well");
    await waitUntil(
      "all were looked at",
      async () => (await ready(again)).reason === "the signer lacks the keys of 2 repositories",
    );
    assert.match(
      faultLine(again),
      /^many\/app-58 timestamp \S+ \(was never here\), many\/app-59 timestamp \S+ \(does not open\)$/u,
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.notEqual((await ready(again)).reason, undefined, "it stays while others are looked at");
  });

  it("starts on a store whose keys are lost only with the flag", async (t) => {
    const server = await serve(t, { lifetimes });
    await publish(server, "a/app");
    await server.close();
    const { dataDir } = server;
    const moved = temporaryDirectory(t);
    cpSync(dataDir, moved, { recursive: true });
    rmSync(join(moved, "signer.db"));
    await assert.rejects(serve(t, { lifetimes, dataDir: moved }), {
      code: "SERVER_CONFIGURATION",
      hint: /--accept-lost-keys/u,
    });
    const started = await serve(t, { lifetimes, dataDir: moved, acceptLostKeys: true });
    assert.equal((await ready(started)).reason, "the signer lacks the keys of 1 repository");
  });
});
