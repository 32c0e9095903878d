/**
 * Moving from a Notary server and signer that have a past: its databases are imported, ours takes over at the same address, and clients
 * that knew the old one continue without noticing.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { NotaryDatabaseReport } from "../../src/transfer/import-notary-database.ts";
import { dockerInspect, signedDigest, trustOn } from "../support/docker-words.ts";
import {
  buildImage,
  client,
  missingPeers,
  runOk,
  Scope,
  signerPassphrases,
  startDockerd,
  startDockerRegistry,
  startNotary,
  startTagsealServer,
  type Client,
  type NotaryServer,
} from "../support/peers.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const aliases = {
  NOTARY_SIGNER_ALIAS1: signerPassphrases.alias1,
  NOTARY_SIGNER_ALIAS2: signerPassphrases.alias2,
  NOTARY_SIGNER_DEFAULT_ALIAS: "alias2",
  // the configuration names the old signer, whose keys have moved
  TAGSEAL_SERVER_TRUST_SERVICE_TYPE: "local",
};
const notaryGun = "registry.example.com/team/tool";
const deletedGun = "registry.example.com/team/gone";

/** Everything in an answer of the changefeed, whatever form times have in it, and without the spaces PostgreSQL pads with. */
function changesIn(body: string): readonly object[] {
  const { records } = JSON.parse(body) as { records: { CreatedAt: string; SHA256: string }[] };
  return records.map((record) => ({
    ...record,
    CreatedAt: Date.parse(record.CreatedAt),
    SHA256: record.SHA256.trim(),
  }));
}

/** Where the new server keeps everything: files, or its tables in the old one's database, as its configuration says. */
type Target = "files" | "database";

function stories(store: "postgres" | "mysql", target: Target): void {
  const scope = new Scope(`moving-${store}`);
  let old: NotaryServer;
  let image: string;
  let place: Readonly<Record<Target, readonly [string, string]>>;
  const users: Record<"publisher" | "reader", Client> = {} as never;

  const curl = async (path: string): Promise<string> =>
    (await runOk("curl", ["-s", "--cacert", old.ca, `${old.url}${path}`])).stdout;
  const importInto = async (where: Target): Promise<NotaryDatabaseReport> => {
    const { server, signer } = old.configuration;
    const argv = ["import", "notary-db", "--from", server, "--signer-from", signer, ...place[where], "--json"];
    const { stdout } = await users.publisher.tagsealOk(argv, { env: aliases });
    return JSON.parse(stdout) as NotaryDatabaseReport;
  };
  const exportOf = async (where: Target): Promise<Buffer> => {
    const file = scope.path(`${where}.tar`);
    await users.publisher.tagsealOk(["export", "--all-versions", "--to", file, ...place[where]], { env: aliases });
    return readFileSync(file);
  };
  const note = (text: string): string => {
    const file = join(users.publisher.dockerConfig, "note");
    writeFileSync(file, text);
    return file;
  };
  /** What each of the three reads, with what it remembers. In turn: docker and notary write into one cache, in place. */
  const allSee = async (gun: string): Promise<readonly string[]> => {
    const byDocker = await tagsSeenByDocker(users.reader, gun);
    const byNotary = await tagsSeenByNotary(users.reader, gun);
    const names = [byDocker, byNotary, await tagsSeenByTagseal(users.reader, gun)].map((tags) => Object.keys(tags));
    assert.deepEqual(names[1], names[0]);
    assert.deepEqual(names[2], names[0]);
    return names[0] ?? [];
  };
  let feedBefore = "";

  before(async () => {
    const [engine, server, registry] = await Promise.all([
      startDockerd(scope),
      startNotary(scope, { store }),
      startDockerRegistry(scope),
    ]);
    old = server;
    place = {
      files: ["--data", scope.path("data")],
      database: ["--notary-config", server.configuration.server],
    };
    image = `${registry.host}/team/app`;
    for (const name of ["publisher", "reader"] as const) users[name] = client(scope, { server, engine, name });
    await makeHistory();
  });
  after(() => scope.close());

  /** Rotated keys of every role, two aliases, signers, a delegation below a delegation, a repository that is gone. */
  async function makeHistory(): Promise<void> {
    const { publisher, reader } = users;
    await publisher.notaryOk(["init", notaryGun, "-p"]);
    await publisher.notaryOk(["add", "-p", notaryGun, "v1", note("one")]);
    for (const args of [["targets"], ["snapshot", "-r"], ["timestamp", "-r"], ["root"]])
      await publisher.notaryOk(["key", "rotate", notaryGun, ...args], { input: "yes\n" });
    await publisher.notaryOk(["init", deletedGun, "-p"]);
    await publisher.notaryOk(["delete", deletedGun, "--remote"]);
    await old.useAlias("alias2");
    await buildImage(scope, publisher, `${image}:v1`, "one");
    await publisher.dockerOk(["push", `${image}:v1`], { env: trustOn });
    const keys = join(publisher.dockerConfig, "keys");
    mkdirSync(keys);
    await publisher.dockerOk(["trust", "key", "generate", "alice", "--dir", keys]);
    await publisher.dockerOk(["trust", "signer", "add", "--key", join(keys, "alice.pub"), "alice", image]);
    await buildImage(scope, publisher, `${image}:v2`, "two");
    await publisher.dockerOk(["trust", "sign", `${image}:v2`]);
    assert.deepEqual(await allSee(image), ["v1", "v2"]);
    assert.deepEqual(await allSee(notaryGun), ["v1"]);
    await reader.dockerOk(["pull", `${image}:v2`], { env: trustOn });
  }

  it("starts no server on the old database before it was imported: to every client nothing would be signed", async () => {
    const argv = ["server", "--listen", "127.0.0.1:0", "--notary-config", old.configuration.server];
    const { code, stderr } = await users.publisher.tagseal(argv, { env: aliases });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /holds the repositories of a Notary server, and none of them was imported\nhint: .*import notary-db/u,
    );
    assert.doesNotMatch(stderr, /"listening"/u);
  });

  it("imports everything while the old server serves, and catches up once it has stopped", async () => {
    const first = await importInto(target);
    assert.deepEqual(
      first.collections.map(({ gun, problems }) => [gun, problems]),
      [image, notaryGun].toSorted().map((gun) => [gun, []]),
    );
    assert.ok(first.collections.every(({ files, added }) => files > 4 && files === added));
    assert.deepEqual(first.keys?.problems, []);
    assert.deepEqual(first.keys?.aliases.map(({ alias }) => alias).toSorted(), ["alias1", "alias2"]);

    await users.publisher.notaryOk(["add", "-p", notaryGun, "late", note("late")]);
    feedBefore = await curl("/v2/_trust/changefeed?records=1000");
    await old.stop();
    const second = await importInto(target);
    assert.deepEqual(
      second.collections.map(({ gun, added }) => [gun, added]),
      [image, notaryGun].toSorted().map((gun) => [gun, gun === notaryGun ? 3 : 0]),
    );
    assert.ok(second.changes.changes > first.changes.changes);
    const third = await importInto(target);
    assert.deepEqual(
      third.collections.map(({ added }) => added),
      [0, 0],
    );
  });

  it("brings the same into a data directory and into a shared database", async () => {
    await importInto(target === "files" ? "database" : "files");
    assert.ok((await exportOf("files")).equals(await exportOf("database")));
  });

  it("takes over at the same address, unnoticed by clients", async () => {
    const args = target === "files" ? [] : place.database;
    await startTagsealServer(scope, { data: scope.path("data"), port: old.port, args, env: aliases });
    assert.deepEqual(await allSee(image), ["v1", "v2"]);
    assert.deepEqual(await allSee(notaryGun), ["late", "v1"]);
    const digest = await signedDigest(users.reader, `${image}:v2`);
    assert.match(
      (await users.reader.dockerOk(["pull", `${image}:v2`], { env: trustOn })).stdout,
      new RegExp(digest, "u"),
    );
    assert.deepEqual(changesIn(await curl("/v2/_trust/changefeed?records=1000")), changesIn(feedBefore));
  });

  it("continues signing with the keys that moved", async () => {
    const { publisher } = users;
    await publisher.notaryOk(["add", "-p", notaryGun, "by-notary", note("n")]);
    await buildImage(scope, publisher, `${image}:v3`, "three");
    await publisher.dockerOk(["trust", "sign", `${image}:v3`]);
    await buildImage(scope, publisher, `${image}:v4`, "four");
    await publisher.tagsealOk(["trust", "sign", `${image}:v4`]);
    assert.deepEqual(await allSee(notaryGun), ["by-notary", "late", "v1"]);
    assert.deepEqual(await allSee(image), ["v1", "v2", "v3", "v4"]);
    const { Signers } = await dockerInspect(users.reader, image);
    assert.deepEqual(
      Signers.map(({ Name }) => Name),
      ["alice"],
    );
  });

  it("reports a row that was damaged, and brings the rest", async () => {
    const damage = `update tuf_files set data = 'x' where gun = '${notaryGun}' and role = 'snapshot' and version = 2`;
    await old.database?.run("notaryserver", damage);
    const { server } = old.configuration;
    const argv = ["import", "notary-db", "--from", server, "--data", scope.path("damaged"), "--json"];
    const { code, stdout } = await users.publisher.tagseal(argv);
    const { collections } = JSON.parse(stdout) as NotaryDatabaseReport;
    assert.equal(code, 1);
    assert.deepEqual(
      collections.map(({ gun, problems }) => [gun, problems.map((problem) => problem.message.replace(/ \(.*/su, ""))]),
      [
        [image, []],
        [notaryGun, ["snapshot 2"]],
      ].toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
    );
  });

  it("rotates every key", async () => {
    for (const args of [["timestamp", "-r"], ["snapshot", "-r"], ["targets"], ["root"]]) {
      await users.publisher.notaryOk(["key", "rotate", notaryGun, ...args], { input: "yes\n" });
      await users.publisher.notaryOk(["add", "-p", notaryGun, `after-${args[0]}`, note("x")]);
      assert.ok((await allSee(notaryGun)).includes(`after-${args[0]}`));
    }
  });
}

/** The keys stay where they are: only what is public moves. */
function oldSignerStory(): void {
  const scope = new Scope("moving-signer");
  after(() => scope.close());

  it("continues with the old signer when its keys are not moved", async () => {
    const old = await startNotary(scope, { store: "postgres" });
    const user = client(scope, { server: old, name: "publisher" });
    const note = scope.path("note");
    writeFileSync(note, "note");
    await user.notaryOk(["init", notaryGun, "-p"]);
    await user.notaryOk(["key", "rotate", notaryGun, "snapshot", "-r"]);
    await user.notaryOk(["add", "-p", notaryGun, "v1", note]);
    await old.process.stop(); // and not the signer
    const { server } = old.configuration;
    const moved = await user.tagsealOk(["import", "notary-db", "--from", server, "--notary-config", server]);
    assert.match(moved.stdout, /^Keys +not moved: no --signer-from$/mu);
    await startTagsealServer(scope, { port: old.port, args: ["--notary-config", server] });
    assert.deepEqual(Object.keys(await tagsSeenByNotary(user, notaryGun)), ["v1"]);
    await user.notaryOk(["add", "-p", notaryGun, "v2", note]);
    await user.notaryOk(["key", "rotate", notaryGun, "timestamp", "-r"]);
    await user.notaryOk(["add", "-p", notaryGun, "v3", note]);
    assert.deepEqual(Object.keys(await tagsSeenByTagseal(user, notaryGun)), ["v1", "v2", "v3"]);
  });
}

const peers = ["notary", "docker", "dockerd", "registry", "openssl", "busybox"] as const;
describe("moving from PostgreSQL", { skip: missingPeers([...peers, "postgres"]) }, () =>
  stories("postgres", "database"),
);
describe("moving from MariaDB", { skip: missingPeers([...peers, "mariadb"]) }, () => stories("mysql", "files"));
describe("moving to our server with the old signer", { skip: missingPeers(["notary", "postgres", "openssl"]) }, () =>
  oldSignerStory(),
);
