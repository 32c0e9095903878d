/** A signer process whose keys are in a token: what the trust server that uses it sees. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { type RunningSigner, startSigner } from "../../src/server/signer/start-signer.ts";
import { MemoryKeyService } from "../support/memory-key-service.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { certificates, Scope, waitUntil, type Certificates } from "../support/peers.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { readTags, serverKey, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "a/app";
const scope = new Scope("signer-keys-elsewhere");
let trusted: Certificates;

async function startSignerWith(t: TestContext, keyService: MemoryKeyService, dataDir: string): Promise<RunningSigner> {
  const tls = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
  const started = await startSigner({ host: "127.0.0.1", port: 0, tls, clientCaFile: trusted.ca, dataDir, keyService });
  t.after(() => started.close());
  return started;
}

function usingSigner({ port }: RunningSigner): Partial<ServerOptions> {
  const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = trusted;
  return { remoteSigner: { host: "localhost", port, certFile, keyFile, caFile } };
}

async function reason({ url }: TestServer): Promise<string | undefined> {
  const response = await fetch(`${url}/_tagseal/ready`);
  return ((await response.json()) as { readonly reasons: Readonly<Record<string, string>> }).reasons["signer"];
}

describe("a signer's keys in a token", { skip: needsOpenssl }, () => {
  before(async () => (trusted = await certificates(scope)));
  after(() => scope.close());

  it("I6: sign for a trust server, also after restarts, and the table has where they are", async (t) => {
    const [keyService, dataDir] = [new MemoryKeyService(), temporaryDirectory(t)];
    const first = await startSignerWith(t, keyService, dataDir);
    const server = await serve(t, usingSigner(first));
    const promised = await serverKey(server.url, gun, "timestamp");
    assert.equal((await serverKey(server.url, gun, "timestamp")).keyId, promised.keyId);
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    await server.close();
    await first.close();
    const second = await startSignerWith(t, keyService, dataDir);
    const again = await serve(t, { ...usingSigner(second), dataDir: server.dataDir });
    assert.equal((await (await publisher.resumedAt(again.url)).addTag("v2")).status, 200);
    assert.deepEqual(await readTags(again.url, gun), ["v1", "v2"]);
    assert.equal(keyService.keys.size, 2);
    const table = new SqliteKeyTable(join(dataDir, "signer.db"));
    t.after(() => table.close());
    const rows = await table.keys("", 10);
    assert.deepEqual(rows.map(({ role }) => role).toSorted(), ["snapshot", "timestamp"]);
    for (const row of rows) {
      assert.equal(row.gun, gun);
      assert.ok(keyService.keys.has(row.sealed));
    }
    assert.equal(await table.derivationSecret(), undefined);
  });

  it("I9: that is away are 503 and a fault of the server, and sign again when it is back", async (t) => {
    const keyService = new MemoryKeyService();
    const server = await serve(t, usingSigner(await startSignerWith(t, keyService, temporaryDirectory(t))));
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    keyService.isPluggedIn = false;
    assert.equal((await publisher.addTag("v2")).status, 503);
    await waitUntil("the server sees the fault", async () => (await reason(server)) !== undefined);
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
    keyService.isPluggedIn = true;
    await waitUntil("the fault has ended", async () => (await reason(server)) === undefined);
    assert.equal((await publisher.addTag("v3")).status, 200);
  });
});
