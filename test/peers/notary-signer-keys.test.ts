/** Our server with Debian's notary-signer, which says that a key is not found when it lacks it and when it lacks its passphrase. */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { startPostgres, type Database } from "../support/database.ts";
import { signerSchema } from "../support/notary-schema.ts";
import {
  certificates,
  missingPeers,
  Scope,
  startNotarySigner,
  waitUntil,
  type Certificates,
} from "../support/peers.ts";
import { serve, type TestServer } from "../server/running-server.ts";
import { readTags, UploadingPublisher } from "../server/uploading-publisher.ts";

const scope = new Scope("notary-signer-keys");
const gun = "registry.example.com/team/app";
let trusted: Certificates;
let database: Database;

function serveWith(t: TestContext, port: number, dataDir?: string): Promise<TestServer> {
  const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = trusted;
  const remoteSigner = { host: "localhost", port, certFile, keyFile, caFile };
  // Looks again every half second; nothing expires meanwhile.
  const lifetimes = { timestampMs: 10_000, snapshotMs: 86_400_000 };
  return serve(t, { remoteSigner, lifetimes, ...(dataDir !== undefined && { dataDir }) });
}

async function reason({ url }: TestServer): Promise<string | undefined> {
  const response = await fetch(`${url}/_tagseal/ready`);
  return ((await response.json()) as { reasons: Readonly<Record<string, string>> }).reasons["signer keys"];
}

describe("notary-signer without the keys of our server", { skip: missingPeers(["notary", "postgres"]) }, () => {
  before(async () => {
    trusted = await certificates(scope);
    database = await startPostgres(scope);
    await database.create("notarysigner", signerSchema("postgres"));
  });
  after(() => scope.close());

  it("shows within seconds when it is started without the passphrase of their alias", async (t) => {
    let signer = await startNotarySigner(scope, { database });
    const { port } = signer;
    const server = await serveWith(t, port);
    await new UploadingPublisher(server.url, gun).begin();
    assert.equal(await reason(server), undefined);
    await signer.process.stop();
    signer = await startNotarySigner(scope, { database, port, alias: "alias2", env: { NOTARY_SIGNER_ALIAS1: "" } });
    await waitUntil(
      "the fault begins",
      async () => (await reason(server)) === "the signer lacks the keys of 1 repository",
    );
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
    await server.close();
    await assert.rejects(serveWith(t, port, server.dataDir), {
      code: "SIGNING_KEY_MISSING",
      message: /registry\.example\.com\/team\/app timestamp [0-9a-f]{64} \(not found\)/u,
      hint: /passphrase of their alias/u,
    });
    await signer.process.stop();
    await startNotarySigner(scope, { database, port });
    assert.equal(await reason(await serveWith(t, port, server.dataDir)), undefined);
  });

  it("shows when its keys were in memory, and it was started again", async (t) => {
    const signer = await startNotarySigner(scope);
    const server = await serveWith(t, signer.port);
    await new UploadingPublisher(server.url, gun).begin();
    await signer.process.stop();
    await startNotarySigner(scope, { port: signer.port });
    await waitUntil("the fault begins", async () => (await reason(server)) !== undefined);
  });
});
