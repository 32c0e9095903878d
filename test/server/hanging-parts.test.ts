/**
 * A part that a server depends on hangs, instead of failing: a database, a disk, a signer, a lock. Probes are told within a second all the same,
 * readers get what can be given, and publishers an answer.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { RemoteSignerSettings } from "../../src/server/signer/remote-signing-service.ts";
import { onePassphrase } from "../../src/server/signer/signer-passphrases.ts";
import { startSigner } from "../../src/server/signer/start-signer.ts";
import { certificates, type Certificates } from "../support/certificates.ts";
import { startPostgres, type Database } from "../support/database.ts";
import { hangingDisk, mountingNeedsRoot } from "../support/file-systems.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { missingPeers, Scope, waitUntil } from "../support/peers.ts";
import { startTagsealSigner } from "../support/tagseal-signer.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

const scope = new Scope("hanging");
after(() => scope.close());

const signerPassphrase = "correct horse battery staple";
const gun = "team/app";

interface Readiness {
  readonly code: number;
  readonly status: string;
  readonly reasons: Readonly<Record<string, string>>;
}

/** What a probe is told, in time: not once in three tries may a machine that is busy with other tests be quick enough. */
async function ready(url: string): Promise<Readiness> {
  const times: number[] = [];
  let answer: Readiness | undefined;
  for (let time = 1; time <= 3; time += 1) {
    const startedAt = performance.now();
    const response = await fetch(`${url}/_tagseal/ready`, { signal: AbortSignal.timeout(10_000) });
    answer = { code: response.status, ...((await response.json()) as Omit<Readiness, "code">) };
    times.push(performance.now() - startedAt);
  }
  assert.ok(Math.min(...times) < 1000, `readiness took ${times.map(Math.round).join(", ")} ms`);
  return answer ?? assert.fail("never asked");
}

/** That the part that hangs is named, no other probe waits for it, and requests are still sent here. */
async function assertDegraded(url: string, part: "store" | "signer", health: RegExp): Promise<void> {
  await waitUntil("it is named", async () => (await ready(url)).reasons[part] !== undefined);
  const { code, status } = await ready(url);
  assert.deepEqual([code, status], [200, "degraded"]);
  const startedAt = performance.now();
  const [live, strict, metrics] = await Promise.all(
    ["/_tagseal/live", "/_notary_server/health", "/metrics"].map((path) => fetch(url + path)),
  );
  assert.ok(performance.now() - startedAt < 5000);
  assert.equal(live?.status, 200);
  assert.equal(strict?.status, 503);
  assert.match((await strict?.text()) ?? "", health);
  assert.match((await metrics?.text()) ?? "", new RegExp(`^tagseal_server_fault\\{part="${part}"\\} 1$`, "mu"));
}

async function assertWellAgain(url: string): Promise<void> {
  await waitUntil("all is well", async () => (await ready(url)).status === "ready", 60_000);
  assert.equal((await fetch(`${url}/_notary_server/health`)).status, 200);
}

describe("a lock on an SQLite file that another process does not let go", () => {
  it("keeps probes and readers from nothing, and publishers for a few seconds", async (t) => {
    const server = await serve(t);
    const owner = await new UploadingPublisher(server.url, gun).begin();
    for (const [name, part] of [
      ["metadata.db", "store"],
      ["signer.db", "signer"],
    ] as const) {
      const other = new DatabaseSync(join(server.dataDir, name));
      other.exec("BEGIN IMMEDIATE");
      const publishing = part === "store" ? owner.addTag("waits") : undefined;
      await assertDegraded(server.url, part, /does not answer|STORAGE_FAILED/u);
      assert.deepEqual(await readTags(server.url, gun), part === "store" ? ["v1"] : ["v1", "after"].toSorted());
      const refused = await publishing;
      if (refused !== undefined) {
        assert.equal(refused.status, 503);
        assert.ok(Number(refused.headers.get("retry-after")) > 0);
      }
      other.close();
      await assertWellAgain(server.url);
      if (part === "store") assert.equal((await owner.addTag("after")).status, 200);
    }
  });

  it("holds up no publication that comes while it is let go", async (t) => {
    const server = await serve(t);
    const owner = await new UploadingPublisher(server.url, gun).begin();
    const other = new DatabaseSync(join(server.dataDir, "metadata.db"));
    other.exec("BEGIN IMMEDIATE");
    const publishing = owner.addTag("v2");
    await readTags(server.url, gun);
    other.close();
    assert.equal((await publishing).status, 200);
  });
});

describe("a disk that hangs", () => {
  it("keeps probes and readers from nothing, and publications are put off", async (t) => {
    const disk = hangingDisk(t);
    if (disk === undefined) return t.skip(mountingNeedsRoot);
    const script = fileURLToPath(import.meta.resolve("./server-process.ts"));
    const process = await scope.start("server", globalThis.process.execPath, [script, join(disk.directory, "data")], {
      ready: (log) => /^http:/mu.test(log()),
    });
    const url = /^http:\S+/mu.exec(process.log())?.[0] ?? "";
    const owner = await new UploadingPublisher(url, gun).begin();
    assert.deepEqual(await readTags(url, gun), ["v1"]);
    disk.hang();
    try {
      await assertDegraded(url, "store", /DB operational/u);
      assert.deepEqual(await readTags(url, gun), ["v1"]);
      const refused = await owner.addTag("refused");
      assert.equal(refused.status, 503);
      assert.deepEqual(await readTags(url, gun), ["v1"]);
      await assertDegraded(url, "store", /DB operational/u);
    } finally {
      disk.goOn();
    }
    await assertWellAgain(url);
    assert.equal((await owner.addTag("v2")).status, 200);
    assert.equal(await process.stop(), null);
  });
});

describe("a signer in another process that hangs", { skip: needsOpenssl }, () => {
  let trusted: Certificates;
  before(async () => (trusted = await certificates(scope)));

  function remote(port: number): RemoteSignerSettings {
    const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = trusted;
    return { host: "localhost", port, caFile, certFile, keyFile };
  }

  it("keeps probes and readers from nothing", async (t) => {
    const signer = await startTagsealSigner(scope);
    const server = await serve(t, { remoteSigner: remote(signer.port) });
    await new UploadingPublisher(server.url, gun).begin();
    process.kill(signer.process.pid, "SIGSTOP");
    try {
      await assertDegraded(server.url, "signer", /Trust operational/u);
      assert.deepEqual(await readTags(server.url, gun), ["v1"]);
      assert.equal((await fetch(`${server.url}/v2/team/other/_trust/tuf/timestamp.key`)).status, 503);
    } finally {
      process.kill(signer.process.pid, "SIGCONT");
    }
    await assertWellAgain(server.url);
  });

  describe("or whose database hangs", { skip: missingPeers(["postgres"]) }, () => {
    let database: Database;
    before(async () => (database = await startPostgres(scope)));

    it("says so in time, as does a server whose own database hangs", async (t) => {
      await database.create("keys", "select 1");
      await database.create("metadata", "select 1");
      const { serverCertificate: certFile, serverKey: keyFile, ca: clientCaFile } = trusted;
      const metrics = { host: "127.0.0.1", port: 0 };
      const signer = await startSigner({
        host: "127.0.0.1",
        port: 0,
        tls: { certFile, keyFile },
        clientCaFile,
        metrics,
        database: database.url("keys"),
        passphrases: onePassphrase(signerPassphrase),
      });
      t.after(() => signer.close());
      const embedded = await serve(t, { dataDir: temporaryDirectory(t), remoteSigner: remote(signer.port) });
      const shared = await serve(t, { database: database.url("metadata"), signerPassphrase });
      database.hang();
      try {
        await Promise.all([
          assertDegraded(embedded.url, "signer", /Trust operational/u),
          assertDegraded(shared.url, "store", /DB operational/u),
        ]);
        const startedAt = performance.now();
        const door = `http://127.0.0.1:${signer.metricsPort}`;
        for (const path of ["/_tagseal/live", "/_tagseal/ready", "/metrics"])
          assert.equal((await fetch(door + path)).status, 200);
        assert.ok(performance.now() - startedAt < 6000);
      } finally {
        database.goOn();
      }
      await Promise.all([assertWellAgain(embedded.url), assertWellAgain(shared.url)]);
    });
  });
});
