/** What notary stages, published and dropped by Tagseal; and a repository that Tagseal deletes, begun again by notary. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { tagseal } from "../server/restore-story.ts";
import { addHello } from "../support/notary-words.ts";
import { client, type Client, missingPeers, runOk, Scope, startNotary, type TrustServer } from "../support/peers.ts";
import { tagsSeenByNotary } from "../support/trust-readers.ts";

describe("notary's staged changes and repositories, on notary-server", { skip: missingPeers(["notary"]) }, () => {
  const scope = new Scope("staged");
  let server: TrustServer;
  before(async () => void (server = await startNotary(scope, { store: "memory" })));
  after(async () => await scope.close());

  const user = (name: string): Client => client(scope, { server, name });
  const ours = async (who: Client, ...argv: string[]): Promise<string> => {
    const { code, stdout, stderr } = await tagseal(who, "trust", ...argv);
    assert.equal(code, 0, stderr);
    return stdout;
  };

  it("every kind that notary stages is listed as notary lists it, and published in a repository that it only prepared", async () => {
    const gun = "localhost:5000/staged/app";
    const owner = user("owner");
    const [key, certificate] = [scope.path("alice.key"), scope.path("alice.crt")];
    await runOk("openssl", ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
    await runOk("openssl", [
      "req",
      "-x509",
      "-new",
      "-key",
      key,
      "-subj",
      "/CN=alice",
      "-days",
      "365",
      "-out",
      certificate,
    ]);
    await owner.notaryOk(["init", gun]);
    await addHello(owner, gun, "v1");
    await addHello(owner, gun, "v2");
    await owner.notaryOk(["remove", gun, "v1"]);
    await owner.notaryOk(["delegation", "add", gun, "targets/alice", certificate, "--paths", "alice-"]);
    await owner.notaryOk(["witness", gun, "targets"]);
    const listed = JSON.parse(await ours(owner, "staged", "--json", gun)) as {
      changes: { action: string; role: string; type: string }[];
    };
    const status = (await owner.notaryOk(["status", gun])).stdout;
    for (const [number, { action, role, type }] of listed.changes.entries())
      assert.match(status, new RegExp(`^${number}\\s+${action}\\s+${role}\\s+${type}\\b`, "mu"));
    assert.equal(listed.changes.length, 6);
    await ours(owner, "staged", "--publish", gun);
    assert.match((await owner.notaryOk(["status", gun])).stdout, /No unpublished changes/u);
    assert.deepEqual(Object.keys(await tagsSeenByNotary(user("reader"), gun)), ["v2"]);
    assert.match((await user("reader").notaryOk(["delegation", "list", gun])).stdout, /targets\/alice\s+alice-/u);
    await owner.notaryOk(["delegation", "purge", gun, "--key", await aliceKey(user("reader"), gun)]);
    await ours(owner, "staged", "--publish", gun);
    await owner.notaryOk(["delegation", "remove", gun, "targets/alice", "-y"]);
    await addHello(owner, gun, "v3");
    await ours(owner, "staged", "--discard", "--force", "-n", "1", gun);
    await ours(owner, "staged", "--publish", gun);
    assert.deepEqual(Object.keys(await tagsSeenByNotary(user("late"), gun)), ["v2"]);
    assert.match((await user("late").notaryOk(["delegation", "list", gun])).stdout, /No delegations/u);
  });

  it("a repository deleted on the server is begun again by notary on the same machine, and then by us", async () => {
    const gun = "localhost:5000/deleted/app";
    const owner = user("deleter");
    await owner.notaryOk(["init", "-p", gun]);
    const keys = readdirSync(join(owner.trustDirectory, "private"));
    await ours(owner, "delete", "--remote", "--force", gun);
    assert.deepEqual(readdirSync(join(owner.trustDirectory, "private")), keys);
    await owner.notaryOk(["init", "-p", gun]);
    await ours(owner, "delete", "--remote", "--force", gun);
    await ours(owner, "init", gun);
    await addHello(owner, gun, "v1", "-p");
    assert.deepEqual(Object.keys(await tagsSeenByNotary(user("new"), gun)), ["v1"]);
  });
});

async function aliceKey(who: Client, gun: string): Promise<string> {
  const { stdout } = await who.notaryOk(["delegation", "list", gun]);
  return /targets\/alice\s+alice-\s+(\w{64})/u.exec(stdout)?.[1] ?? assert.fail(stdout);
}
