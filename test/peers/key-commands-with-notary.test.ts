/** `tagseal trust key …` beside `notary key …` and docker: the same keys, exported, imported, locked again and removed by one and used by the other. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  client,
  missingPeers,
  passphrases,
  Scope,
  startTagsealServer,
  type Client,
  type TrustServer,
} from "../support/peers.ts";

const next = "the next passphrase";
/** What docker and notary unlock keys with after a change of passphrases. */
const nextForAll = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: next,
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: next,
  NOTARY_ROOT_PASSPHRASE: next,
  NOTARY_DELEGATION_PASSPHRASE: next,
};

interface Listing {
  readonly keys: readonly { readonly keyId: string; readonly role: string; readonly location: string }[];
}

const listed = async (user: Client): Promise<Listing["keys"]> =>
  (JSON.parse((await user.tagsealOk(["trust", "key", "list", "--json"])).stdout) as Listing).keys;

const rolesAndIds = async (user: Client): Promise<string[]> =>
  (await listed(user)).map(({ role, keyId }) => `${role} ${keyId}`).toSorted();

/** `notary key list`, as role and ID. */
async function notaryList(user: Client): Promise<string[]> {
  const { stdout } = await user.notaryOk(["key", "list"]);
  return [...stdout.matchAll(/^(\S+) .*?([0-9a-f]{64})/gmu)].map(([, role, keyId]) => `${role} ${keyId}`).toSorted();
}

const newPassphrase = ["--new-passphrase-command", `/bin/echo ${next}`];

describe("commands about keys, beside notary's", { skip: missingPeers(["notary"]) }, () => {
  const scope = new Scope("key-commands-with-notary");
  after(async () => scope.close());

  it("what notary exported is imported, and what we export notary imports and unlocks", async () => {
    const [theirs, ours, back] = ["theirs", "ours", "back"].map((name) => client(scope, { name }));
    assert.ok(theirs && ours && back);
    for (const role of ["root", "alice", "targets/bob"])
      await theirs.notaryOk(["key", "generate", "ecdsa", "-r", role]);
    const [fromNotary, fromUs] = [scope.path("notary.pem"), scope.path("tagseal.pem")];
    await theirs.notaryOk(["key", "export", "-o", fromNotary]);
    await ours.tagsealOk(["trust", "key", "import", fromNotary]);
    const expected = await notaryList(theirs);
    assert.equal(expected.length, 3);
    assert.deepEqual(await rolesAndIds(ours), expected);
    await ours.tagsealOk(["trust", "key", "export", "--all", "--to", fromUs]);
    await back.notaryOk(["key", "import", fromUs]);
    assert.deepEqual(await notaryList(back), expected);
    for (const line of expected) await back.notaryOk(["key", "passwd", line.split(" ")[1] ?? ""]);
  });

  it("a key file of notary is imported with its passphrase, and role", async () => {
    const [theirs, ours] = [client(scope, { name: "file-from" }), client(scope, { name: "file-to" })];
    await theirs.notaryOk(["key", "generate", "ecdsa", "-r", "alice"]);
    const directory = join(theirs.trustDirectory, "private");
    await ours.tagsealOk(["trust", "key", "import", join(directory, readdirSync(directory)[0] ?? "")]);
    assert.deepEqual(await notaryList(ours), await notaryList(theirs));
    for (const { keyId } of await listed(ours)) await ours.notaryOk(["key", "passwd", keyId]);
  });

  it("a root key that we make is notary's root key, and the one of its new repository", async () => {
    await using own = new Scope("root-for-notary");
    const user = client(own, { server: await startTagsealServer(own) });
    await user.tagsealOk(["trust", "key", "generate", "--role", "root", "--dir", own.directory, "later"]);
    const [root] = await listed(user);
    assert.deepEqual(await notaryList(user), [`root ${root?.keyId}`]);
    const repository = "localhost:5000/team/later";
    await user.notaryOk(["init", repository, "-p"]);
    const roots = (await rolesAndIds(user)).filter((line) => line.startsWith("root "));
    assert.deepEqual(roots, [`root ${root?.keyId}`], "notary made no root key");
    await user.tagsealOk(["list", repository]);
    const { stdout } = await user.tagsealOk(["trust", "key", "show", root?.keyId ?? ""]);
    assert.match(stdout, /^ {2}localhost:5000\/team\/later +root +[0-9a-f]{64}$/mu);
  });

  it("after we change the passphrase notary unlocks with the new one only; what we remove is gone for it", async () => {
    const user = client(scope, { name: "changed" });
    for (const role of ["root", "alice"]) await user.notaryOk(["key", "generate", "ecdsa", "-r", role]);
    await user.tagsealOk(["trust", "key", "passphrase", "--all", ...newPassphrase]);
    for (const { keyId } of await listed(user)) {
      assert.notEqual((await user.notary(["key", "passwd", keyId])).code, 0);
      await user.notaryOk(["key", "passwd", keyId], { env: nextForAll });
    }
    const [gone, kept] = await listed(user);
    await user.tagsealOk(["trust", "key", "remove", "--force", gone?.keyId.slice(0, 7) ?? ""]);
    assert.deepEqual(await notaryList(user), [`${kept?.role} ${kept?.keyId}`]);
  });
});

describe("commands about keys, beside docker 28", { skip: missingPeers(["docker", "openssl"]) }, () => {
  const scope = new Scope("key-commands-with-docker");
  let server: TrustServer;
  before(async () => {
    server = await startTagsealServer(scope);
  });
  after(async () => scope.close());

  it("docker's keys move to another machine, get another passphrase, and docker publishes with them there", async () => {
    const [first, second] = ["first", "second"].map((name) => client(scope, { server, name }));
    assert.ok(first && second);
    const repository = "localhost:5000/team/app";
    await first.dockerOk(["trust", "key", "generate", "carol"]);
    await first.dockerOk(["trust", "signer", "add", "--key", "carol.pub", "carol", repository]);
    await first.tagsealOk(["list", repository]);
    const table = (await first.tagsealOk(["trust", "key", "list"])).stdout;
    assert.match(table, /^\w{12} +root +localhost:5000\/team\/app +root \w{12} +2,048 rounds/mu);
    assert.match(table, /^\w{12} +signer carol +localhost:5000\/team\/app +targets\/carol, targets\/releases/mu);
    const file = scope.path("docker.pem");
    await first.tagsealOk(["trust", "key", "export", "--all", "--to", file]);
    await second.tagsealOk(["trust", "key", "import", file]);
    assert.deepEqual(await rolesAndIds(second), await rolesAndIds(first));
    await second.tagsealOk(["trust", "key", "passphrase", "--all", ...newPassphrase]);
    await second.dockerOk(["trust", "key", "generate", "dave"], { env: nextForAll });
    const add = ["trust", "signer", "add", "--key", "dave.pub", "dave", repository];
    assert.notEqual((await second.docker(add)).code, 0, `opened with ${passphrases.repository}`);
    await second.dockerOk(add, { env: nextForAll });
    const { stdout } = await first.tagsealOk(["trust", "inspect", repository]);
    assert.deepEqual(
      (JSON.parse(stdout) as [{ Signers: readonly { Name: string }[] }])[0].Signers.map(({ Name }) => Name),
      ["dave", "carol"],
    );
  });

  it("docker adds a signer by the public key that we print", async () => {
    const [owner, signer] = ["owner", "signer"].map((name) => client(scope, { server, name }));
    assert.ok(owner && signer);
    await signer.dockerOk(["trust", "key", "generate", "erin"]);
    const [key] = await listed(signer);
    const file = scope.path("erin.pub");
    await signer.tagsealOk(["trust", "key", "export", "--public", key?.keyId ?? "", "--to", file]);
    const repository = "localhost:5000/team/public";
    await owner.dockerOk(["trust", "signer", "add", "--key", file, "erin", repository]);
    const { stdout } = await owner.tagsealOk(["trust", "inspect", repository]);
    assert.ok(stdout.includes(key?.keyId ?? "no key"));
  });
});
