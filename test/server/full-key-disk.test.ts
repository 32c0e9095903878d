/** I7: the disk that is full is not the metadata's but the one of the server's own keys. Nothing is lost, and probes are told. */

import assert from "node:assert/strict";
import { chmodSync, chownSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import type { RemoteSignerSettings } from "../../src/server/signer/remote-signing-service.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { SqliteKeyTable } from "../../src/server/signer/sqlite-key-table.ts";
import { startSigner } from "../../src/server/signer/start-signer.ts";
import { certificates, type Certificates } from "../support/certificates.ts";
import { accountNamed, startPostgres, type Database } from "../support/database.ts";
import { mountingNeedsRoot, ownFileSystem, type OwnFileSystem } from "../support/file-systems.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { missingPeers } from "../support/peers.ts";
import { Scope, waitUntil } from "../support/processes.ts";
import { serve, type TestServer } from "./running-server.ts";
import { post, readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const scope = new Scope("full-key-disk");
const signerPassphrase = "a passphrase for this test";

interface Probed {
  readonly health: string;
  readonly ready: number;
  readonly signer: string | undefined;
}

async function probed({ url }: TestServer): Promise<Probed> {
  const health = await fetch(`${url}/_notary_server/health`);
  const ready = await fetch(`${url}/_tagseal/ready`);
  const { reasons } = (await ready.json()) as { readonly reasons: Readonly<Record<string, string>> };
  return { health: `${health.status} ${await health.text()}`, ready: ready.status, signer: reasons["signer"] };
}

/** A refusal that says: later. */
function assertPutOff(response: Response): void {
  assert.equal(response.status, 503);
  assert.match(response.headers.get("Retry-After") ?? "", /^\d+$/u);
}

/**
 * Publishes, lets the keys' disk fill up, and frees it again.
 *
 * @param code what probes are told
 * @param firstRefused what a first publication needs that a full disk refuses; undefined where a row may still fit into a page that is there
 */
async function fillUp(
  server: TestServer,
  disk: Pick<OwnFileSystem, "fill" | "empty">,
  code: string,
  firstRefused?: (fresh: UploadingPublisher) => Promise<Response>,
): Promise<void> {
  const old = await new UploadingPublisher(server.url, "team/old").begin();
  assert.deepEqual(await probed(server), { health: "200 {}", ready: 200, signer: undefined });
  disk.fill();
  await waitUntil("the full disk shows", async () => (await probed(server)).signer !== undefined);
  const health = `503 {"Trust operational":"${code}"}`;
  assert.deepEqual(await probed(server), { health, ready: 200, signer: code });
  const fresh = new UploadingPublisher(server.url, "team/fresh");
  if (firstRefused !== undefined) assertPutOff(await firstRefused(fresh));
  assert.equal((await fetch(`${tufUrl(server.url, "team/fresh")}timestamp.json`)).status, 404);
  // What has its keys needs no room for them.
  assert.equal((await old.addTag("v2")).status, 200);
  assert.deepEqual(await readTags(server.url, "team/old"), ["v1", "v2"]);
  disk.empty();
  await waitUntil("all is well", async () => (await probed(server)).signer === undefined);
  await fresh.begin();
  assert.deepEqual(await readTags(server.url, "team/fresh"), ["v1"]);
}

async function firstPublication(fresh: UploadingPublisher): Promise<Response> {
  return post(fresh.url, fresh.gun, await fresh.firstUpload());
}

describe("a full disk under the server's own keys", () => {
  after(() => scope.close());

  it("I7: shows, and puts off only what needs a new key", async (t) => {
    const disk = ownFileSystem(t);
    if (disk === undefined) return t.skip(mountingNeedsRoot);
    const keyTable = new SqliteKeyTable(join(disk.directory, "signer.db"));
    const server = await serve(t, { keyTable, signerPassphrase });
    t.after(() => server.close());
    await fillUp(server, disk, "STORAGE_FAILED", firstPublication);
  });

  describe("of a signer in another process", { skip: needsOpenssl }, () => {
    let trusted: Certificates;
    before(async () => (trusted = await certificates(scope)));

    async function remoteSigner(t: TestContext, dataDir: string): Promise<RemoteSignerSettings> {
      const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = trusted;
      const tls = { certFile, keyFile };
      const signer = await startSigner({ host: "127.0.0.1", port: 0, tls, clientCaFile: caFile, dataDir });
      t.after(() => signer.close());
      return { host: "localhost", port: signer.port, caFile, ...tls };
    }

    it("I7: shows, and puts off only what needs a new key", async (t) => {
      const disk = ownFileSystem(t);
      if (disk === undefined) return t.skip(mountingNeedsRoot);
      const server = await serve(t, { remoteSigner: await remoteSigner(t, disk.directory) });
      t.after(() => server.close());
      const askForKey = ({ url, gun }: UploadingPublisher): Promise<Response> =>
        fetch(`${tufUrl(url, gun)}timestamp.key`);
      await fillUp(server, disk, "SIGNING_SERVICE_FAILED", askForKey);
    });
  });

  describe("in PostgreSQL", { skip: missingPeers(["postgres"]) }, () => {
    let database: Database;
    before(async () => (database = await startPostgres(scope)));

    it("I7: shows, and puts off only what needs a new key", async (t) => {
      const disk = ownFileSystem(t, 24_576);
      if (disk === undefined) return t.skip(mountingNeedsRoot);
      await database.create("metadata", "select 1");
      await giveTablespace(disk);
      const places: Partial<ServerOptions> = {
        database: database.url("metadata"),
        signerDatabase: database.url("keys"),
        signerPassphrase,
      };
      const server = await serve(t, places);
      t.after(async () => {
        await server.close();
        await database.run("postgres", "drop database keys");
        await database.run("postgres", "drop tablespace small");
      });
      await fillUp(server, disk, "STORAGE_FAILED");
    });

    /** A database whose tables, and nothing else of the server's, are on that disk. */
    async function giveTablespace({ directory }: OwnFileSystem): Promise<void> {
      const { uid, gid } = accountNamed("postgres");
      chownSync(directory, uid, gid);
      chmodSync(join(directory, ".."), 0o755);
      await database.run("postgres", `create tablespace small location '${directory}'`);
      await database.run("postgres", "create database keys tablespace small");
    }
  });
});
