/** Everything Debian's `notary` 0.7 command can do, against our server over TLS. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import {
  client,
  missingPeers,
  runOk,
  Scope,
  startTagsealServer,
  type Client,
  type TrustServer,
} from "../support/peers.ts";

const scope = new Scope("notary-cli");
let server: TrustServer;

const newUser = (name: string): Client => client(scope, { server, name });

async function curl(path: string, ...args: string[]): Promise<string> {
  return (await runOk("curl", ["-sS", "--fail", "--cacert", server.ca, ...args, `${server.url}${path}`])).stdout;
}

/** The key IDs the published root names for a role. */
async function keyIds(gun: string, role: string): Promise<readonly string[] | null | undefined> {
  const root = parseMetadata("root", Buffer.from(await curl(`/v2/${gun}/_trust/tuf/root.json`)));
  return root.body.roles.get(role)?.keyIds;
}

async function version(gun: string, role: string): Promise<number> {
  return parseMetadata(role, Buffer.from(await curl(`/v2/${gun}/_trust/tuf/${role}.json`))).body.version;
}

/** A user with one published collection, which holds one target `v1` of 6 bytes. */
async function publisher(gun: string): Promise<Client> {
  const user = newUser(gun.replaceAll("/", "-"));
  writeFileSync(contentOf(user), "hello\n");
  await user.notaryOk(["init", gun, "-p"]);
  await user.notaryOk(["add", "-p", gun, "v1", contentOf(user)]);
  return user;
}

const contentOf = (user: Client): string => join(user.dockerConfig, "content");

/** A delegation as `tagseal trust delegation list --json` shows it. */
interface Listed {
  readonly role: string;
  readonly paths: readonly string[];
  readonly threshold: number;
  readonly keys: readonly { readonly keyId: string; readonly certificateId?: string }[];
}

/** What a client that never saw the collection before reads. */
async function listedByNewcomer(gun: string, name = `${gun.replaceAll("/", "-")}-newcomer`): Promise<string> {
  const newcomer = newUser(name);
  rmSync(join(newcomer.trustDirectory, "tuf"), { recursive: true, force: true });
  return (await newcomer.notaryOk(["list", gun])).stdout;
}

async function certificate(user: Client, name: string): Promise<string> {
  const [key, path] = [join(user.dockerConfig, `${name}.key`), join(user.dockerConfig, `${name}.crt`)];
  await runOk("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
  await runOk("openssl", ["req", "-x509", "-new", "-key", key, "-subj", `/CN=${name}`, "-days", "365", "-out", path]);
  await user.notaryOk(["key", "import", key, "-r", "user"]);
  return path;
}

describe("notary 0.7 against our server", { skip: missingPeers(["notary"]) }, () => {
  before(async () => (server = await startTagsealServer(scope)));
  after(async () => await scope.close());

  it("initialises, adds, publishes, lists, looks up and verifies", async () => {
    const gun = "example.com/first/app";
    const user = newUser("first");
    writeFileSync(contentOf(user), "hello\n");
    await user.notaryOk(["init", gun]);
    await user.notaryOk(["add", gun, "v1", contentOf(user)]);
    assert.match((await user.notaryOk(["publish", gun])).stdout, /Successfully published changes/u);
    assert.match(
      await listedByNewcomer(gun),
      /^v1\s+5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\s+6\s+targets/mu,
    );
    assert.match((await user.notaryOk(["lookup", gun, "v1"])).stdout, /^v1 sha256:5891b5b5\w+ 6$/mu);
    assert.equal((await user.notaryOk(["verify", gun, "v1", "-i", contentOf(user)])).stdout, "hello\n");
    const other = join(user.dockerConfig, "other");
    writeFileSync(other, "hellO\n");
    assert.equal((await user.notary(["verify", gun, "v1", "-i", other])).code, 1);
  });

  it("says that a collection does not exist", async () => {
    const { code, stdout } = await newUser("nobody").notary(["list", "example.com/no/such"]);
    assert.equal(code, 1);
    assert.match(stdout, /does not have trust data for example.com\/no\/such/u);
  });

  it("adds by hash, with custom data, and removes", async () => {
    const gun = "example.com/hash/app";
    const user = await publisher(gun);
    const custom = join(user.dockerConfig, "custom.json");
    writeFileSync(custom, '{"built":{"by":"ci","number":7}}');
    const digest = "a".repeat(64);
    await user.notaryOk(["addhash", "-p", gun, "v2", "1234", "--sha256", digest, "--custom", custom]);
    assert.match(await listedByNewcomer(gun), new RegExp(`^v2\\s+${digest}\\s+1234\\s+targets`, "mu"));
    await user.notaryOk(["remove", "-p", gun, "v1"]);
    const list = await listedByNewcomer(gun);
    assert.doesNotMatch(list, /^v1 /mu);
    assert.match(list, /^v2 /mu);
  });

  it("delegates, signs as a delegate, lists, witnesses, purges and removes", async () => {
    const gun = "example.com/delegated/app";
    const user = await publisher(gun);
    const [alice, bob] = [await certificate(user, "alice"), await certificate(user, "bob")];
    await user.notaryOk(["delegation", "add", "-p", gun, "targets/releases", alice, "--all-paths"]);
    await user.notaryOk(["delegation", "add", "-p", gun, "targets/bob", bob, "--paths", "b/,c/"]);
    assert.match((await user.notaryOk(["delegation", "list", gun])).stdout, /targets\/bob[\s\S]*targets\/releases/u);
    await user.notaryOk(["add", "-p", gun, "r1", contentOf(user), "-r", "targets/releases"]);
    await user.notaryOk(["add", "-p", gun, "b/1", contentOf(user), "-r", "targets/bob"]);
    const list = await listedByNewcomer(gun);
    assert.match(list, /^r1\s.*targets\/releases/mu);
    assert.match(list, /^b\/1\s.*targets\/bob/mu);

    const before = await version(gun, "targets/releases");
    await user.notaryOk(["witness", "-p", gun, "targets/releases"]);
    assert.equal(await version(gun, "targets/releases"), before + 1);

    const bobId = /targets\/bob\s+\S+\s+([0-9a-f]{64})/u.exec(
      (await user.notaryOk(["delegation", "list", gun])).stdout,
    )?.[1];
    assert.ok(bobId);
    await user.notaryOk(["delegation", "purge", "-p", gun, "--key", bobId]);
    assert.doesNotMatch((await user.notaryOk(["delegation", "list", gun])).stdout, new RegExp(bobId, "u"));
    await user.notaryOk(["delegation", "remove", "-y", "-p", gun, "targets/bob"]);
    await user.notaryOk(["delegation", "remove", "-y", "-p", gun, "targets/releases"]);
    assert.match((await user.notaryOk(["delegation", "list", gun])).stdout, /No delegations present/u);
    assert.match(await listedByNewcomer(gun), /^v1 /mu);
  });

  it("lists, uses and removes the delegations that we add, and we those that it adds", async () => {
    const gun = "localhost:5000/both/app";
    const user = await publisher(gun);
    const [alice, bob] = [await certificate(user, "alice"), await certificate(user, "bob")];
    await user.tagsealOk(["trust", "delegation", "add", gun, "targets/ours", alice, bob, "--paths", "o/,p/"]);
    await user.tagsealOk(["trust", "delegation", "add", gun, "targets/ours", "--threshold", "2"]);
    await user.notaryOk(["delegation", "add", "-p", gun, "targets/notarys", bob, "--all-paths"]);
    const listed = async (): Promise<readonly Listed[]> =>
      JSON.parse((await user.tagsealOk(["trust", "delegation", "list", "--json", gun])).stdout) as readonly Listed[];
    const [ours, theirs] = await listed();
    assert.deepEqual(
      [ours?.role, ours?.paths, ours?.threshold, ours?.keys.length],
      ["targets/ours", ["o/", "p/"], 2, 2],
    );
    assert.deepEqual([theirs?.role, theirs?.paths, theirs?.threshold], ["targets/notarys", [""], 1]);
    assert.deepEqual(theirs?.keys[0], ours?.keys[1], "bob's key has the same IDs in both");
    const seen = (await user.notaryOk(["delegation", "list", gun])).stdout;
    for (const key of ours?.keys ?? []) {
      assert.ok(seen.includes(key.keyId), seen);
      assert.notEqual(key.certificateId, undefined);
    }
    assert.match(seen, /targets\/notarys\s+"" <all paths>\s+[0-9a-f]{64}\s+1\b/u);
    assert.match(seen, /targets\/ours\s+o\/\s+[0-9a-f]{64}\s+2\s+p\/\s/u);
    await user.notaryOk(["add", "-p", gun, "o/1", contentOf(user), "-r", "targets/ours"]);
    assert.match(await listedByNewcomer(gun, "both-one"), /^o\/1\s.*targets\/ours/mu);

    const bobId = ours?.keys[1]?.keyId ?? "";
    await user.tagsealOk(["trust", "delegation", "purge", "--force", gun, "--key", bobId]);
    assert.doesNotMatch((await user.notaryOk(["delegation", "list", gun])).stdout, new RegExp(bobId, "u"));
    assert.doesNotMatch(await listedByNewcomer(gun, "both-two"), /^o\/1/mu, "one of two keys is not enough");
    await user.notaryOk(["delegation", "remove", "-y", "-p", gun, "targets/ours"]);
    await user.tagsealOk(["trust", "delegation", "remove", "-y", gun, "targets/notarys"]);
    assert.match((await user.notaryOk(["delegation", "list", gun])).stdout, /No delegations present/u);
    assert.deepEqual(await listed(), []);
  });

  it("nests delegations", async () => {
    const gun = "example.com/nested/app";
    const user = await publisher(gun);
    const [alice, bob] = [await certificate(user, "alice"), await certificate(user, "bob")];
    await user.notaryOk(["delegation", "add", "-p", gun, "targets/a", alice, "--all-paths"]);
    await user.notaryOk(["delegation", "add", "-p", gun, "targets/a/b", bob, "--paths", "deep/"]);
    await user.notaryOk(["add", "-p", gun, "deep/1", contentOf(user), "-r", "targets/a/b"]);
    assert.match(await listedByNewcomer(gun), /^deep\/1\s.*targets\/a\/b/mu);
  });

  const rotations = [
    { role: "targets", args: ["targets"] },
    { role: "snapshot", args: ["snapshot", "-r"], to: "to the server" },
    { role: "snapshot", args: ["snapshot"], to: "to the client" },
    { role: "timestamp", args: ["timestamp", "-r"] },
    { role: "root", args: ["root"] },
  ];
  it("rotates every key, and all readers follow", async () => {
    const gun = "example.com/rotated/app";
    const user = await publisher(gun);
    const reader = newUser("rotated-reader");
    await reader.notaryOk(["list", gun]);
    for (const { role, args, to = "" } of rotations) {
      const old = await keyIds(gun, role);
      const { stdout } = await user.notaryOk(["key", "rotate", gun, ...args], { input: "yes\n" });
      assert.match(stdout, new RegExp(`Successfully rotated ${role} key`, "u"));
      assert.notDeepEqual(await keyIds(gun, role), old, `${role} ${to}`);
      await user.notaryOk(["add", "-p", gun, `after-${role}`, contentOf(user)]);
      assert.match((await reader.notaryOk(["list", gun])).stdout, new RegExp(`^after-${role} `, "mu"));
      assert.match(await listedByNewcomer(gun), new RegExp(`^after-${role} `, "mu"));
    }
  });

  it("gives the same pending key until it is published", async () => {
    const gun = "example.com/pending/app";
    await publisher(gun);
    const path = `/v2/${gun}/_trust/tuf/timestamp.key`;
    const [first, second] = [await curl(path, "-X", "POST"), await curl(path, "-X", "POST")];
    assert.equal(first, second);
    assert.notEqual(await curl(path), first);
  });

  it("deletes a collection, and begins it again", async () => {
    const gun = "example.com/deleted/app";
    const user = await publisher(gun);
    assert.match((await user.notaryOk(["delete", gun, "--remote"])).stdout, /local and remote trust data/u);
    assert.equal((await newUser("deleted-reader").notary(["list", gun])).code, 1);
    await user.notaryOk(["init", gun, "-p"]);
    await user.notaryOk(["add", "-p", gun, "v9", contentOf(user)]);
    assert.match(await listedByNewcomer(gun), /^v9 /mu);
  });

  it("I7: of four publishers at once each gets a true answer, and nothing is lost or mixed", async () => {
    const gun = "example.com/raced/app";
    const user = await publisher(gun);
    const rivals = ["a", "b", "c", "d"].map((name) => ({ name, user: newUser(`raced-${name}`) }));
    for (const rival of rivals) {
      cpSync(user.trustDirectory, rival.user.trustDirectory, { recursive: true });
      await rival.user.notaryOk(["add", gun, rival.name, contentOf(user)]);
    }
    const outcomes = await Promise.all(rivals.map((rival) => rival.user.notary(["publish", gun])));
    const list = await listedByNewcomer(gun);
    for (const [index, { code, stdout }] of outcomes.entries()) {
      assert.equal(new RegExp(`^${rivals[index]?.name} `, "mu").test(list), code === 0, stdout);
      if (code !== 0) assert.match(stdout, /trust server rejected operation/u);
    }
    assert.ok(outcomes.some(({ code }) => code === 0));
  });

  it("prints what the server refuses", async () => {
    const gun = "example.com/refused/app";
    const user = await publisher(gun);
    await user.notaryOk(["addhash", gun, "evil/../name", "1", "--sha256", "b".repeat(64)]);
    const { code, stdout } = await user.notary(["publish", gun]);
    assert.equal(code, 1);
    assert.match(stdout, /The targets metadata is invalid: .*"\.\." segment/u);
    assert.match(await listedByNewcomer(gun), /^v1 /mu);
  });

  it("leaves its traces in the changefeed", async () => {
    const gun = "example.com/feed/app";
    const user = await publisher(gun);
    await user.notaryOk(["delete", gun, "--remote"]);
    const feed = JSON.parse(await curl(`/v2/${gun}/_trust/changefeed?records=10`)) as {
      count: number;
      records: { GUN: string; Version: number; SHA256: string; Category: string }[];
    };
    assert.deepEqual(
      feed.records.map(({ GUN, Version, Category }) => [GUN, Version, Category]),
      [
        [gun, 1, "update"],
        [gun, 2, "update"],
        [gun, 0, "deletion"],
      ],
    );
    assert.equal(feed.count, 3);
  });

  it("leaves the server's log free of passphrases and keys", () => {
    assert.match(server.process.log(), /"event":"published"/u);
    assert.doesNotMatch(server.process.log(), /passphrase":|PRIVATE|"private"/u);
    assert.ok(readFileSync(server.ca, "utf8").includes("CERTIFICATE"));
  });
});
