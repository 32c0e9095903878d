/**
 * I7: what lies below a server or signer is taken away, exchanged or closed while it runs. Open files hide that: what is written to them is gone
 * with the process. It shows, nothing is acknowledged that a restart would lose, and all is well again once everything is back in its place.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { certificates } from "../support/certificates.ts";
import { failingDisk, mountingNeedsRoot, ownFileSystem } from "../support/file-systems.ts";
import { needsOpenssl } from "../support/openssl.ts";
import { missingPeers } from "../support/peers.ts";
import { Scope, waitUntil, type Running } from "../support/processes.ts";
import { startSigner } from "../../src/server/signer/start-signer.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import { TagsealError } from "../../src/errors.ts";
import { serve, temporaryDirectory } from "./running-server.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const scope = new Scope("lost-disk");
after(() => scope.close());
const gun = "team/app";

/** What happens to a data directory; returns what undoes it. */
type Harm = (dataDir: string) => () => void;

const moved = (path: string): (() => void) => {
  renameSync(path, `${path}.away`);
  return () => renameSync(`${path}.away`, path);
};

/** The harms after which nothing that is written would be found again. */
const hiding: Readonly<Record<string, Harm>> = {
  "the directory is renamed": (dataDir) => moved(dataDir),
  "copies are in the place of its files": (dataDir) => {
    const back = moved(dataDir);
    cpSync(`${dataDir}.away`, dataDir, { recursive: true });
    return () => {
      rmSync(dataDir, { recursive: true });
      back();
    };
  },
};

interface Readiness {
  readonly status: string;
  readonly reasons: Readonly<Record<string, string>>;
}

async function readiness(url: string): Promise<Readiness> {
  return (await (await fetch(`${url}/_tagseal/ready`)).json()) as Readiness;
}

const untilReady = (url: string): Promise<void> =>
  waitUntil("all is well again", async () => (await readiness(url)).status === "ready");

async function untilNamed(url: string, ...parts: readonly string[]): Promise<void> {
  await waitUntil(`${parts.join(" and ")} show`, async () => {
    const { status, reasons } = await readiness(url);
    return status === "degraded" && parts.every((part) => reasons[part] === "STORAGE_FAILED");
  });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  for (const part of parts) assert.match(metrics, new RegExp(`^tagseal_server_fault\\{part="${part}"\\} 1$`, "mu"));
}

async function assertPutOff(response: Response): Promise<void> {
  assert.equal(response.status, 503);
  assert.match(response.headers.get("Retry-After") ?? "", /^\d+$/u);
  assert.match(await response.text(), /"code":"UPDATING"/u);
}

describe("a data directory that is no longer what is on the disk", { concurrency: true }, () => {
  it("I7: takes no publication, serves readers, shows, and recovers by itself", async (t) => {
    const dataDir = join(temporaryDirectory(t), "data");
    const server = await serve(t, { dataDir });
    const owner = await new UploadingPublisher(server.url, gun).begin();
    const acknowledged = ["v1"];
    for (const [name, harm] of Object.entries(hiding)) {
      const undo = harm(dataDir);
      await assertPutOff(await owner.addTag(`lost when ${name}`));
      await untilNamed(server.url, "store", "signer");
      assert.deepEqual(await readTags(server.url, gun), acknowledged, name);
      assert.equal((await fetch(`${server.url}/_notary_server/health`)).status, 503);
      undo();
      await untilReady(server.url);
      assert.equal((await owner.addTag(name)).status, 200);
      acknowledged.push(name);
      acknowledged.sort();
    }
    const said = server.lines.filter(({ event, part }) => event.startsWith("fault") && part === "store");
    assert.equal(said.length, 2 * Object.keys(hiding).length);
    assert.match(String(said[0]?.["error"]), /Cannot write to .*metadata\.db: .*metadata\.db is no longer there/u);
    await server.close();
    const again = await serve(t, { dataDir });
    assert.deepEqual(await readTags(again.url, gun), acknowledged);
  });

  it("I7: shows where another file system is mounted over it", async (t) => {
    const disk = ownFileSystem(t);
    if (disk === undefined) return t.skip(mountingNeedsRoot);
    const server = await serve(t, { dataDir: disk.directory });
    const owner = await new UploadingPublisher(server.url, gun).begin();
    execFileSync("mount", ["-t", "tmpfs", "tagseal-test", disk.directory]);
    await assertPutOff(await owner.addTag("lost"));
    await untilNamed(server.url, "store", "signer");
    assert.deepEqual(readdirSync(disk.directory), [], "nothing is written there");
    execFileSync("umount", [disk.directory]);
    await untilReady(server.url);
    assert.equal((await owner.addTag("v2")).status, 200);
    await server.close();
  });

  it("I7: acknowledges nothing once everything in it is deleted", async (t) => {
    const server = await serve(t);
    const owner = await new UploadingPublisher(server.url, gun).begin();
    for (const name of readdirSync(server.dataDir)) rmSync(join(server.dataDir, name), { recursive: true });
    await assertPutOff(await owner.addTag("lost"));
    const stranger = new UploadingPublisher(server.url, "team/other");
    await assertPutOff(await stranger.send(await stranger.firstUpload()));
    assert.equal((await fetch(tufUrl(server.url, gun), { method: "DELETE" })).status, 503);
    await untilNamed(server.url, "store", "signer");
    await waitUntil(
      "the passphrase shows",
      async () =>
        (await readiness(server.url)).reasons["signer passphrase"]?.startsWith("SERVER_CONFIGURATION") === true,
    );
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
  });

  it("I7: lets a publisher continue whose publication was written, and then not acknowledged", async (t) => {
    const store = new SqliteMetadataStore({ path: join(temporaryDirectory(t), "metadata.db") });
    const server = await serve(t, { store });
    const owner = await new UploadingPublisher(server.url, gun).begin();
    const publish = store.publish.bind(store);
    store.publish = async (publication) => {
      await publish(publication);
      throw new TagsealError("STORAGE_FAILED", "it went away in between");
    };
    await assertPutOff(await owner.addTag("v2"));
    store.publish = publish;
    assert.deepEqual(await readTags(server.url, gun), ["v1", "v2"]);
    assert.equal((await (await owner.resumedAt(server.url)).addTag("v3")).status, 200);
  });
});

describe("a passphrase file that is no longer what the keys are sealed under", () => {
  it("shows while it holds another one", async (t) => {
    const server = await serve(t);
    const back = moved(join(server.dataDir, "signer.passphrase"));
    writeFileSync(join(server.dataDir, "signer.passphrase"), "another passphrase\n", { mode: 0o600 });
    await assert.rejects(server.reload(), { code: "SERVER_CONFIGURATION", message: /holds another passphrase/u });
    await waitUntil("it shows", async () => (await readiness(server.url)).reasons["signer passphrase"] !== undefined);
    back();
    await server.reload();
    assert.equal((await readiness(server.url)).status, "ready");
  });
});

describe("a disk that takes no new files", () => {
  it("I7: shows, since no start would succeed on it, and publications that need none continue", async (t) => {
    const disk = ownFileSystem(t, 8192, { inodes: 40 });
    if (disk === undefined) return t.skip(mountingNeedsRoot);
    const server = await serve(t, { dataDir: disk.directory });
    const owner = await new UploadingPublisher(server.url, gun).begin();
    const names = Array.from({ length: 40 }, (_, number) => join(disk.directory, `empty-${number}`));
    assert.throws(() => names.forEach((name) => writeFileSync(name, "")), { code: "ENOSPC" });
    await untilNamed(server.url, "store", "signer");
    assert.equal((await owner.addTag("v2")).status, 200);
    const said = server.lines.find(({ event, part }) => event === "fault" && part === "store");
    assert.match(String(said?.["error"]), /Cannot make a file beside .*metadata\.db: .*ENOSPC/u);
    names.forEach((name) => rmSync(name, { force: true }));
    await untilReady(server.url);
    await server.close();
    assert.deepEqual(await readTags((await serve(t, { dataDir: disk.directory })).url, gun), ["v1", "v2"]);
  });
});

/** A server in a process without the right to ignore permissions, which root otherwise has. */
async function startPlain(dataDir: string): Promise<Running & { readonly url: string }> {
  const script = fileURLToPath(import.meta.resolve("./server-process.ts"));
  const caps = "-dac_override,-dac_read_search,-linux_immutable";
  const args = ["--bounding-set", caps, "--inh-caps", caps, process.execPath, script, dataDir];
  const server = await scope.start("server", "setpriv", args, { ready: (log) => /^http:/mu.test(log()) });
  return { ...server, url: /^http:\S+/mu.exec(server.log())?.[0] ?? "" };
}

describe("a data directory that may no longer be used", { concurrency: true, skip: missingPeers(["machine"]) }, () => {
  it("I7: shows, and loses nothing", async (t) => {
    const dataDir = join(temporaryDirectory(t), "data");
    const server = await startPlain(dataDir);
    const owner = await new UploadingPublisher(server.url, gun).begin();
    chmodSync(dataDir, 0o500);
    await untilNamed(server.url, "store", "signer");
    assert.equal((await owner.addTag("needs no new file")).status, 200);
    chmodSync(dataDir, 0);
    await assertPutOff(await owner.addTag("cannot be looked at"));
    await untilNamed(server.url, "store", "signer");
    chmodSync(dataDir, 0o700);
    await untilReady(server.url);
    assert.equal((await owner.addTag("v2")).status, 200);
    assert.equal(await server.stop(), null);
  });

  it("I7: shows where its files are immutable, or the file system gives up", async (t) => {
    const disk = failingDisk(t);
    if (disk === undefined) return t.skip(mountingNeedsRoot);
    const dataDir = join(disk.directory, "data");
    const server = await startPlain(dataDir);
    const owner = await new UploadingPublisher(server.url, gun).begin();
    const logs = ["metadata.db-wal", "signer.db-wal"].map((name) => join(dataDir, name));
    for (const paths of [[dataDir], logs]) {
      execFileSync("chattr", ["+i", ...paths]);
      await untilNamed(server.url, "store", "signer");
      if (paths === logs) await assertPutOff(await owner.addTag("immutable"));
      execFileSync("chattr", ["-i", ...paths]);
      await untilReady(server.url);
    }
    assert.equal((await owner.addTag("v2")).status, 200);
    disk.fail();
    await assertPutOff(await owner.addTag("read-only"));
    await untilNamed(server.url, "store", "signer");
    assert.deepEqual(await readTags(server.url, gun), ["v1", "v2"]);
    await server.stop("SIGKILL");
    const rescued = join(temporaryDirectory(t), "data");
    cpSync(dataDir, rescued, { recursive: true });
    assert.deepEqual(await readTags((await startPlain(rescued)).url, gun), ["v1", "v2"]);
  });
});

describe("a signer's data directory that is taken away", { skip: needsOpenssl }, () => {
  it("I7: shows at the server and at the signer, and puts off what needs a new key", async (t) => {
    const { serverCertificate: certFile, serverKey: keyFile, ca: caFile } = await certificates(scope);
    const tls = { certFile, keyFile };
    const dataDir = join(temporaryDirectory(t), "signer");
    const metrics = { host: "127.0.0.1", port: 0 };
    const signer = await startSigner({ host: "127.0.0.1", port: 0, tls, clientCaFile: caFile, dataDir, metrics });
    t.after(() => signer.close());
    const server = await serve(t, { remoteSigner: { host: "localhost", port: signer.port, caFile, ...tls } });
    const owner = await new UploadingPublisher(server.url, gun).begin();
    const door = `http://127.0.0.1:${signer.metricsPort}`;
    const back = moved(dataDir);
    const ask = (): Promise<Response> => fetch(`${tufUrl(server.url, "team/other")}timestamp.key`);
    await waitUntil(
      "the server shows it",
      async () => (await readiness(server.url)).reasons["signer"] === "SIGNING_SERVICE_FAILED",
    );
    await waitUntil("the signer shows it", async () => (await readiness(door)).reasons["keys"] === "STORAGE_FAILED");
    assert.equal((await ask()).status, 503);
    assert.equal((await owner.addTag("v2")).status, 200);
    back();
    await untilReady(server.url);
    assert.equal((await ask()).status, 200);
    const notes = moved(join(server.dataDir, "signer.db"));
    await waitUntil(
      "lost notes show",
      async () => (await readiness(server.url)).reasons["signer"] === "STORAGE_FAILED",
    );
    notes();
    await untilReady(server.url);
  });
});
