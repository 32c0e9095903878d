/** Timestamp and snapshot keys of a trust server in SoftHSM, with docker 28 and notary as its publishers and readers: its rows in SQLite and in PostgreSQL. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { startPostgres, type Database } from "../support/database.ts";
import { trustOn } from "../support/docker-words.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import { client, missingPeers, Scope, startTagsealServer, tagsealCommand, type Client } from "../support/peers.ts";
import { runOk, type Environment } from "../support/processes.ts";
import { pin, SoftHsm } from "../support/softhsm.ts";

const missing = missingPeers(["docker", "dockerd", "registry", "openssl", "busybox", "notary", "softhsm"]);
const place = /^pkcs11:token=server;serial=\w+;object=tagseal-(?:timestamp|snapshot)-/u;

/** How many private keys the token has. */
async function privateKeys(hsm: SoftHsm): Promise<number> {
  const count = `let n = 0; for (const slot of m.C_GetSlotList(true)) {
    if (!m.C_GetTokenInfo(slot).label.startsWith("server")) continue;
    const s = m.C_OpenSession(slot, 4); m.C_Login(s, 1, "${pin}");
    m.C_FindObjectsInit(s, [{ type: p.CKA_CLASS, value: p.CKO_PRIVATE_KEY }]); n += m.C_FindObjects(s, 100).length;
  } console.log(n);`;
  return Number(await hsm.script(count));
}

describe("a server's keys in a token, for docker 28 and notary", { skip: missing }, () => {
  const scope = new Scope("server-tokens-for-docker");
  let hsm: SoftHsm;
  let world: FrontWorld;
  let data: string;
  let env: Environment;
  let publisher: Client;

  before(async () => {
    hsm = new SoftHsm(scope);
    await hsm.token("server");
    env = { ...hsm.env, TAGSEAL_SERVER_KEYS_STORE: "pkcs11:token=server", TAGSEAL_TOKEN_PIN: pin };
    const server = await startTagsealServer(scope, { env });
    ({ data } = server);
    world = await startFrontWorld(scope, { labels: ["one"], server });
    publisher = world.user("publisher");
  });
  after(async () => await scope.close());

  it("docker pushes, pulls on another machine, and notary lists", async () => {
    const image = `${world.registry.host}/server/app:v1`;
    const digest = await world.publish(publisher, "one", image);
    await world.forget(image);
    const pulled = await world.user("reader").dockerOk(["pull", image], { env: trustOn });
    assert.match(pulled.stdout, new RegExp(`Pull \\(1 of 1\\): ${image}@${digest}`, "u"));
    const { stdout } = await world.user("notary-reader").notaryOk(["list", `${world.registry.host}/server/app`]);
    assert.match(stdout, new RegExp(`^v1 +${digest.replace("sha256:", "")} `, "mu"));
  });

  it("notary rotates the timestamp key, and docker follows", async () => {
    const image = `${world.registry.host}/server/app:v1`;
    const before = await privateKeys(hsm);
    await publisher.notaryOk(["key", "rotate", `${world.registry.host}/server/app`, "timestamp", "-r"]);
    assert.equal(await privateKeys(hsm), before + 1);
    await world.forget(image);
    await world.user("reader").dockerOk(["pull", image], { env: trustOn });
  });

  it("I6: all keys of the server are in the token, and show says so", async () => {
    const database = new DatabaseSync(join(data, "signer.db"), { readOnly: true });
    const rows = database.prepare("SELECT private FROM private_keys").all();
    const secrets = database.prepare("SELECT count(*) AS n FROM derivation_secret").get();
    database.close();
    assert.equal(rows.length, await privateKeys(hsm));
    for (const row of rows) assert.match(String(row["private"]), place);
    assert.equal(secrets?.["n"], 0);
    const show = ["server", "show", `${world.registry.host}/server/app`, "--data", data, "--json"];
    const { stdout } = await runOk(tagsealCommand, show, { env: { HOME: scope.directory } });
    const { serverKeys } = JSON.parse(stdout) as { serverKeys: readonly { role: string; place: string }[] };
    assert.deepEqual(
      serverKeys.map(({ role }) => role),
      ["snapshot", "timestamp"],
    );
    for (const key of serverKeys) assert.match(key.place, place);
  });
});

const missingWithDatabase = missingPeers(["notary", "softhsm", "postgres"]);

describe("a server's keys in a token, with its rows in PostgreSQL", { skip: missingWithDatabase }, () => {
  const scope = new Scope("server-tokens-in-postgres");
  let database: Database;
  let hsm: SoftHsm;
  after(async () => await scope.close());

  it("notary publishes and reads through one server, and through another after it", async () => {
    hsm = new SoftHsm(scope);
    await hsm.token("server");
    database = await startPostgres(scope);
    await database.create("tagseal", "");
    const pinFile = scope.path("pin");
    writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
    const env = { ...hsm.env, TAGSEAL_SERVER_KEYS_STORE: "pkcs11:token=server", TAGSEAL_TOKEN_PIN_FILE: pinFile };
    const args = ["--database", database.url("tagseal")];
    const one = await startTagsealServer(scope, { env, args });
    const gun = "registry.example.com/server/app";
    const content = join(scope.directory, "content");
    writeFileSync(content, "hello\n");
    const owner = client(scope, { server: one, name: "owner" });
    await owner.notaryOk(["init", "-p", gun]);
    await owner.notaryOk(["key", "rotate", gun, "snapshot", "-r"]);
    await owner.notaryOk(["add", "-p", gun, "v1", content]);
    await one.process.stop();
    const two = await startTagsealServer(scope, { env, args });
    const reader = client(scope, { server: two, name: "reader" });
    assert.match((await reader.notaryOk(["list", gun])).stdout, /^v1 /mu);
    const again = client(scope, { server: two, name: "owner" });
    await again.notaryOk(["add", "-p", gun, "v2", content]);
    assert.match((await reader.notaryOk(["list", gun])).stdout, /^v2 /mu);
    const rows = (await database.sql("tagseal", "select private from tagseal_keys")).trim().split("\n");
    assert.equal(rows.length, await privateKeys(hsm));
    for (const row of rows) assert.match(row, place);
  });
});
