/** Our server with Debian's notary-signer, on PostgreSQL, in the place of its keys. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { startServer, type RunningServer } from "../../src/server/run/start-server.ts";
import { encodeBase64 } from "../../src/encoding/base64.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import { startPostgres, type Database } from "../support/database.ts";
import { signerSchema } from "../support/notary-schema.ts";
import {
  certificates,
  client,
  missingPeers,
  run,
  runOk,
  Scope,
  startNotarySigner,
  waitUntil,
  type Certificates,
  type Client,
  type NotarySigner,
} from "../support/peers.ts";

interface Reply {
  readonly status: string;
  readonly body: string;
}

const scope = new Scope("notary-signer");
const maxPendingKeys = 20;
const dayMs = 24 * 3600 * 1000;
const events: string[] = [];
let trusted: Certificates;
let database: Database;
let signer: NotarySigner;
let server: RunningServer;
let daysLater = 0;

async function openServer(clientCertificate = trusted, more: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const tls = { certFile: trusted.serverCertificate, keyFile: trusted.serverKey };
  const { serverCertificate: certFile, serverKey: keyFile } = clientCertificate;
  return startServer({
    host: "127.0.0.1",
    port: 0,
    dataDir: scope.path("server"),
    tls,
    remoteSigner: { host: "localhost", port: signer.port, caFile: trusted.ca, certFile, keyFile, maxPendingKeys },
    now: () => new Date(Date.now() + daysLater * dayMs),
    log: (line) => events.push((JSON.parse(line) as { event: string }).event),
    ...more,
  });
}

/** The address that the certificate is for. */
function address(of = server): { url: string; port: number; ca: string } {
  const port = Number(new URL(of.url).port);
  return { url: `https://localhost:${port}`, port, ca: trusted.ca };
}

async function get(path: string, from = server): Promise<Reply> {
  const args = ["-sS", "-w", "\n%{http_code}", "--cacert", trusted.ca, `${address(from).url}${path}`];
  const [, body = "", status = ""] = /^(?:([\s\S]*)\n)?(\d+)$/u.exec((await runOk("curl", args)).stdout) ?? [];
  return { status, body };
}

async function metadata(gun: string, role: string) {
  return parseMetadata(role, Buffer.from((await get(`/v2/${gun}/_trust/tuf/${role}.json`)).body)).body;
}

async function keyId(gun: string, role: string): Promise<string | undefined> {
  const { body } = await get(`/v2/${gun}/_trust/tuf/root.json`);
  return parseMetadata("root", Buffer.from(body)).body.roles.get(role)?.keyIds?.at(0);
}

async function publisher(gun: string): Promise<Client> {
  const user = client(scope, { server: address(), name: gun.replaceAll("/", "-") });
  writeFileSync(join(user.dockerConfig, "content"), "hello\n");
  await user.notaryOk(["init", gun, "-p"]);
  await user.notaryOk(["key", "rotate", gun, "snapshot", "-r"]);
  await user.notaryOk(["add", "-p", gun, "v1", join(user.dockerConfig, "content")]);
  return user;
}

async function listedByNewcomer(gun: string): Promise<string> {
  const newcomer = client(scope, { server: address(), name: "newcomer" });
  rmSync(join(newcomer.trustDirectory, "tuf"), { recursive: true, force: true });
  return (await newcomer.notaryOk(["list", gun])).stdout;
}

/** How many keys the signer's own database holds. */
async function keysInSigner(): Promise<number> {
  const port = String(database.port);
  const sql = "select count(*) from private_keys";
  const args = ["-At", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-d", "notarysigner", "-c", sql];
  return Number((await runOk("psql", args)).stdout);
}

describe("our server with notary-signer", { skip: missingPeers(["notary", "postgres"]) }, () => {
  before(async () => {
    trusted = await certificates(scope);
    database = await startPostgres(scope);
    await database.create("notarysigner", signerSchema(database.kind));
    signer = await startNotarySigner(scope, { database });
    server = await openServer();
  });
  after(async () => {
    await server.close();
    await scope.close();
  });

  it("publishes what newcomers verify, and rotates both keys to new ones", async () => {
    const gun = "example.com/first/app";
    const user = await publisher(gun);
    assert.match(await listedByNewcomer(gun), /^v1\s/mu);
    for (const role of ["timestamp", "snapshot"]) {
      const before = await keyId(gun, role);
      await user.notaryOk(["key", "rotate", gun, role, "-r"]);
      assert.notEqual(await keyId(gun, role), before, role);
    }
    await user.notaryOk(["add", "-p", gun, "v2", join(user.dockerConfig, "content")]);
    assert.match(await listedByNewcomer(gun), /^v2\s/mu);
  });

  it("answers strangers that ask for one key again and again without filling the signer's database", async () => {
    const path = "/v2/example.com/stranger/_trust/tuf/timestamp.key";
    const first = await get(path);
    const before = await keysInSigner();
    for (let time = 1; time <= 5; time += 1) assert.deepEqual(await get(path), first);
    assert.equal(await keysInSigner(), before);
  });

  it("answers strangers that ask for the keys of many names with few keys, and no two of the last ones with the same", async () => {
    const before = await keysInSigner();
    const names = Array.from({ length: 2 * maxPendingKeys }, (_, number) => `example.com/stranger/${number}`);
    for (let round = 1; round <= 2; round += 1) {
      const answers: string[] = [];
      for (const name of names) answers.push((await get(`/v2/${name}/_trust/tuf/timestamp.key`)).body);
      assert.equal(new Set(answers.slice(-maxPendingKeys)).size, maxPendingKeys);
    }
    assert.ok((await keysInSigner()) - before <= maxPendingKeys);
    const user = await publisher("example.com/stranger/39");
    await user.notaryOk(["list", "example.com/stranger/39"]);
  });

  it("signs again a timestamp that has expired", async (t) => {
    const gun = "example.com/renewed/app";
    await publisher(gun);
    const before = await metadata(gun, "timestamp");
    t.after(() => (daysLater = 0));
    daysLater = 15;
    const renewed = await metadata(gun, "timestamp");
    assert.equal(renewed.version, before.version + 1);
    assert.ok(renewed.expiresAt.getTime() > Date.now() + 15 * dayMs);
  });

  it("reports the fault while the signer is down, serves what it has, and continues by itself", async () => {
    const gun = "example.com/interrupted/app";
    const user = await publisher(gun);
    const before = await keyId(gun, "timestamp");
    await signer.process.stop();
    await waitUntil("the server is unhealthy", async () => (await get("/_notary_server/health")).status === "503");
    assert.equal((await get("/_notary_server/health")).body, '{"Trust operational":"SIGNING_SERVICE_UNREACHABLE"}');
    assert.equal((await get("/v2/example.com/unknown/_trust/tuf/timestamp.key")).status, "503");
    const content = join(user.dockerConfig, "content");
    const { code, stdout, stderr } = await user.notary(["add", "-p", gun, "v2", content]);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /503/u);
    assert.match(await listedByNewcomer(gun), /^v1\s/mu);

    signer = await startNotarySigner(scope, { database, port: signer.port });
    await waitUntil("the server publishes again", async () => (await user.notary(["publish", gun])).code === 0);
    await waitUntil("the server is healthy again", async () => (await get("/_notary_server/health")).status === "200");
    assert.match(await listedByNewcomer(gun), /^v2\s/mu);
    assert.equal(await keyId(gun, "timestamp"), before);
    assert.deepEqual(
      events.filter((event) => event.startsWith("the signer")),
      ["the signer does not answer", "the signer answers again"],
    );
  });

  it("fails, and never makes other keys, while the signer lacks the passphrase of their alias", async () => {
    const gun = "example.com/locked/app";
    const user = await publisher(gun);
    const before = await keyId(gun, "timestamp");
    await signer.process.stop();
    signer = await startNotarySigner(scope, { database, port: signer.port, env: { NOTARY_SIGNER_ALIAS1: undefined } });
    const content = join(user.dockerConfig, "content");
    assert.notEqual((await user.notary(["add", "-p", gun, "v2", content])).code, 0);
    const named = await get(`/v2/${gun}/_trust/tuf/timestamp.key`);
    await signer.process.stop();
    signer = await startNotarySigner(scope, { database, port: signer.port });
    await waitUntil("the server publishes again", async () => (await user.notary(["publish", gun])).code === 0);
    assert.equal(await keyId(gun, "timestamp"), before);
    assert.deepEqual(await get(`/v2/${gun}/_trust/tuf/timestamp.key`), named);
  });

  it("finds the keys it used after it was restarted, and after it has lost its notes of them", async () => {
    const gun = "example.com/forgetful/app";
    const user = await publisher(gun);
    const before = await keyId(gun, "timestamp");
    await server.close();
    for (const name of ["signer.db", "signer.db-wal", "signer.db-shm"])
      rmSync(scope.path("server", name), { force: true });
    server = await openServer();
    const moved = client(scope, { server: address(), name: gun.replaceAll("/", "-") });
    await moved.notaryOk(["add", "-p", gun, "v2", join(user.dockerConfig, "content")]);
    assert.match(await listedByNewcomer(gun), /^v2\s/mu);
    assert.equal(await keyId(gun, "timestamp"), before);
  });

  it("shares its promises of keys with the replicas on its database", async (t) => {
    await database.create("replicas", "select 1");
    const shared = { dataDir: undefined, database: database.url("replicas") };
    const replicas = [await openServer(trusted, shared), await openServer(trusted, shared)] as const;
    t.after(() => Promise.all(replicas.map((replica) => replica.close())));
    const gun = "example.com/shared/app";
    const path = `/v2/${gun}/_trust/tuf/timestamp.key`;
    const [first, second] = await Promise.all(replicas.map(async (replica) => get(path, replica)));
    assert.equal(first?.status, "200");
    assert.deepEqual(second, first);
    const user = client(scope, { server: address(replicas[0]), name: "one-replica" });
    writeFileSync(join(user.dockerConfig, "content"), "hello\n");
    await user.notaryOk(["init", gun, "-p"]);
    const { body } = await get(`/v2/${gun}/_trust/tuf/root.json`, replicas[1]);
    const { roles, keys } = parseMetadata("root", Buffer.from(body)).body;
    const named = keys.get(roles.get("timestamp")?.keyIds?.[0] ?? "");
    assert.ok(named !== undefined && first.body.includes(encodeBase64(named.bytes)));
    const moved = client(scope, { server: address(replicas[1]), name: "one-replica" });
    await moved.notaryOk(["key", "rotate", gun, "snapshot", "-r"]);
    await moved.notaryOk(["add", "-p", gun, "v1", join(user.dockerConfig, "content")]);
    const reader = client(scope, { server: address(replicas[0]), name: "shared-reader" });
    assert.match((await reader.notaryOk(["list", gun])).stdout, /^v1\s/mu);
  });

  it("I10: is refused by the signer when its certificate is of another authority", async () => {
    await server.close();
    server = await openServer(await certificates(scope, "strange"));
    assert.equal((await get("/_notary_server/health")).status, "503");
    const user = client(scope, { server: address(), name: "refused" });
    const { code, stdout, stderr } = await user.notary(["init", "example.com/refused/app", "-p"]);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /503/u);
    assert.equal((await run("curl", ["-sS", "--cacert", trusted.ca, `${address().url}/v2/`])).code, 0);
  });
});
