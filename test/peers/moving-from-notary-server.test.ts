/**
 * Moving from a Notary server whose databases are out of reach: what its clients can read is taken over, and the owner of the root keys
 * hands the repositories over. Readers with a warm cache continue without noticing.
 */
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { trustOn } from "../support/docker-words.ts";
import { startFrontWorld } from "../support/front-world.ts";
import {
  buildImage,
  client,
  missingPeers,
  Scope,
  startNotary,
  startTagsealServer,
  type Client,
  type NotaryServer,
} from "../support/peers.ts";
import { tagsSeenByDocker, tagsSeenByNotary, tagsSeenByTagseal } from "../support/trust-readers.ts";

const peers = ["notary", "docker", "dockerd", "registry", "openssl", "busybox"] as const;

describe("moving from a running server", { skip: missingPeers(peers) }, () => {
  const scope = new Scope("moving-live");
  const notaryGun = "registry.example.com/team/tool";
  let old: NotaryServer;
  let image: string;
  let data: string;
  let publisher: Client;
  let reader: Client;

  /** What each of the three reads, each with what it remembers. */
  const allSee = async (gun: string): Promise<readonly string[]> => {
    const seen = await Promise.all([
      tagsSeenByDocker(reader, gun),
      tagsSeenByNotary(reader, gun),
      tagsSeenByTagseal(reader, gun),
    ]);
    const [first, ...others] = seen.map((tags) => Object.keys(tags));
    for (const other of others) assert.deepEqual(other, first);
    return first ?? [];
  };
  const note = (): string => {
    const file = join(publisher.dockerConfig, "note");
    writeFileSync(file, "content");
    return file;
  };

  before(async () => {
    old = await startNotary(scope);
    const world = await startFrontWorld(scope, { server: old, labels: [] });
    data = scope.path("data");
    image = `${world.registry.host}/team/app`;
    publisher = world.user("publisher");
    reader = world.user("reader");
    await publisher.notaryOk(["init", notaryGun, "-p"]);
    await publisher.notaryOk(["add", "-p", notaryGun, "v1", note()]);
    for (const role of ["targets", "root"])
      await publisher.notaryOk(["key", "rotate", notaryGun, role], { input: "yes\n" });
    await buildImage(scope, publisher, `${image}:v1`, "one");
    await publisher.dockerOk(["push", `${image}:v1`], { env: trustOn });
    const keys = publisher.dockerConfig;
    await publisher.dockerOk(["trust", "key", "generate", "alice", "--dir", keys]);
    await publisher.dockerOk(["trust", "signer", "add", "--key", join(keys, "alice.pub"), "alice", image]);
    await publisher.dockerOk(["trust", "sign", `${image}:v1`]);
    assert.deepEqual(await allSee(image), ["v1"]);
    assert.deepEqual(await allSee(notaryGun), ["v1"]);
  });
  after(() => scope.close());

  it("takes over what the changefeed lists, and says what is left to do", async () => {
    const { stdout } = await publisher.tagsealOk(["import", "notary-server", old.url, "--data", data, "--json"]);
    const { collections } = JSON.parse(stdout) as {
      collections: { gun: string; files: number; added: number; needsHandOver: boolean; warnings: object[] }[];
    };
    assert.deepEqual(
      collections.map(({ gun, needsHandOver, warnings }) => [gun, needsHandOver, warnings]),
      [image, notaryGun].toSorted().map((gun) => [gun, true, []]),
    );
    assert.ok(collections.every(({ files, added }) => files >= 5 && files === added));
    const again = await publisher.tagsealOk(["import", "notary-server", old.url, notaryGun, "--data", data]);
    assert.match(again.stdout, /1 with \d+ files, 0 of them new here/u);
    assert.match(again.stderr, new RegExp(`before .*: tagseal import hand-over ${notaryGun}`, "u"));
  });

  it("exports the same bundle from the old server and from what was moved, and a mirror serves it", async () => {
    const [live, moved] = [scope.path("live.tar"), scope.path("moved.tar")];
    await publisher.tagsealOk(["export", image, notaryGun, "--from", old.url, "--to", live]);
    await publisher.tagsealOk(["export", "--data", data, "--to", moved]);
    assert.ok(readFileSync(live).equals(readFileSync(moved)));
    const mirror = scope.path("mirror");
    await publisher.tagsealOk(["import", "bundle", live, "--data", mirror]);
    const server = await startTagsealServer(scope, { data: mirror });
    const inside = client(scope, { server, name: "inside" });
    assert.deepEqual(Object.keys(await tagsSeenByDocker(inside, image)), ["v1"]);
    assert.deepEqual(Object.keys(await tagsSeenByNotary(inside, notaryGun)), ["v1"]);
  });

  it("catches up with what was published since", async () => {
    await publisher.notaryOk(["add", "-p", notaryGun, "late", note()]);
    const { stdout } = await publisher.tagsealOk(["import", "notary-server", old.url, notaryGun, "--data", data]);
    assert.match(stdout, /1 with \d+ files, 3 of them new here/u);
  });

  it("hands over on the spot, where the root keys are", async () => {
    const twin = client(scope, { server: old, name: "twin" });
    cpSync(publisher.trustDirectory, twin.trustDirectory, { recursive: true });
    const other = scope.path("other-data");
    const importing = ["import", "notary-server", old.url, "--data", other, "--json"];
    const moved = await twin.tagsealOk([...importing, "--rotate"]);
    const { handedOver, problems } = JSON.parse(moved.stdout) as { handedOver: string[]; problems: object[] };
    assert.deepEqual([handedOver.toSorted(), problems], [[image, notaryGun].toSorted(), []]);
    const again = await twin.tagseal(importing);
    assert.equal(again.code, 1);
    assert.match(again.stdout, /is older than version|have diverged/u);
    assert.deepEqual(await allSee(image), ["v1"], "the old server knows nothing of it");
  });

  it("serves readers at the old address before the hand-over, and refuses publishers", async () => {
    await old.stop();
    await startTagsealServer(scope, { data, port: old.port });
    assert.deepEqual(await allSee(image), ["v1"]);
    assert.deepEqual(await allSee(notaryGun), ["late", "v1"]);
    assert.equal((await publisher.notary(["add", "-p", notaryGun, "too-early", note()])).code, 1);
    await publisher.notaryOk(["reset", notaryGun, "--all"]);
    assert.deepEqual(await allSee(notaryGun), ["late", "v1"]);
  });

  it("is handed over by notary where the publisher signs the snapshot, and by tagseal everywhere", async () => {
    await publisher.notaryOk(["key", "rotate", notaryGun, "timestamp", "-r"]);
    const both = await publisher.tagsealOk(["import", "hand-over", notaryGun, image]);
    assert.equal(both.stdout, `${notaryGun} is handed over already\nHanded ${image} over: timestamp, snapshot\n`);
    assert.deepEqual(await allSee(image), ["v1"]);
    const stranger = client(scope, { server: old, name: "stranger" });
    assert.equal(
      (await stranger.tagsealOk(["import", "hand-over", image])).stdout,
      `${image} is handed over already\n`,
    );
  });

  it("continues: docker, notary and tagseal sign, every key rotates, readers follow", async () => {
    await publisher.notaryOk(["add", "-p", notaryGun, "by-notary", note()]);
    for (const tag of ["v2", "v3"]) {
      await buildImage(scope, publisher, `${image}:${tag}`, tag);
    }
    await publisher.dockerOk(["trust", "sign", `${image}:v2`]);
    await publisher.tagsealOk(["trust", "sign", `${image}:v3`]);
    assert.deepEqual(await allSee(image), ["v1", "v2", "v3"]);
    for (const args of [["timestamp", "-r"], ["snapshot", "-r"], ["targets"], ["root"]]) {
      await publisher.notaryOk(["key", "rotate", notaryGun, ...args], { input: "yes\n" });
      await publisher.notaryOk(["add", "-p", notaryGun, `after-${args[0]}`, note()]);
    }
    assert.equal((await allSee(notaryGun)).length, 7);
    await reader.dockerOk(["pull", `${image}:v3`], { env: trustOn });
  });
});
