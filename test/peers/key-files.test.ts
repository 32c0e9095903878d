/** One key directory, used by notary's client and by Tagseal in turn: each reads, unlocks and rewrites what the other wrote. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { verifySignature } from "../../src/crypto/signature.ts";
import { parsePem } from "../../src/encoding/pem.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { exportKeys, importKeys } from "../../src/keys/key-transfer.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { Scope, client, missingPeers } from "../support/peers.ts";
import type { Client } from "../support/peers.ts";

const gun = "localhost:5000/team/app";
const payload = Buffer.from("payload");
/** The passphrases after a change; notary reads them under the same names as before. */
const changed = {
  NOTARY_ROOT_PASSPHRASE: "another root passphrase",
  NOTARY_TARGETS_PASSPHRASE: "another targets passphrase",
  NOTARY_DELEGATION_PASSPHRASE: "another signer passphrase",
};

describe("key files shared with notary", { skip: missingPeers(["notary"]) }, () => {
  const scope = new Scope("key-files");
  after(async () => scope.close());

  const openStore = (user: Client, env = user.env) =>
    new FileKeyStore({ directory: join(user.trustDirectory, "private"), passphrases: fromEnvironment(env) });

  async function signs(store: FileKeyStore, keyId: string): Promise<boolean> {
    const key = (await store.signingKey(keyId)) ?? assert.fail(`no key ${keyId}`);
    return verifySignature(key.publicKey, { keyId, ...(await key.sign(payload)) }, payload);
  }

  it("notary lists and unlocks every kind of key we write, at our number of rounds", async () => {
    const user = client(scope, { name: "ours" });
    const store = openStore(user);
    const kept = [
      await store.add(PrivateKey.generate("ecdsa"), { role: "root" }),
      await store.add(PrivateKey.generate("ecdsa"), { role: "targets", gun }),
      await store.add(PrivateKey.generate("rsa"), { role: "alice" }),
      await store.add(PrivateKey.generate("ed25519"), { role: "targets/ed" }),
    ];
    const { stdout } = await user.notaryOk(["key", "list"]);
    for (const { keyId, role } of kept) assert.match(stdout, new RegExp(`^${role} .*${keyId}`, "mu"));
    assert.match(stdout, new RegExp(`^targets +${gun}`, "mu"));
    for (const { keyId } of kept) {
      const done = await user.notaryOk(["key", "passwd", keyId]);
      assert.match(done.stdout, new RegExp(`Successfully updated passphrase for key ID: ${keyId}`, "u"));
    }
    const again = openStore(user);
    assert.deepEqual(await again.list(), await store.list());
    for (const { keyId } of kept) assert.ok(await signs(again, keyId));
  });

  it("we list, unlock and rewrite keys notary made, and notary still opens them", async () => {
    const user = client(scope, { name: "theirs" });
    for (const role of ["root", "alice", "targets/alice"])
      await user.notaryOk(["key", "generate", "ecdsa", "-r", role]);
    const store = openStore(user);
    const listed = await store.list();
    assert.deepEqual(new Set(listed.map(({ role }) => role)), new Set(["root", "alice", "targets/alice"]));
    for (const { keyId } of listed) assert.ok(await signs(store, keyId));

    const writing = openStore(user, { ...user.env, ...dockerless, ...changed });
    const unlocking = openStore(user);
    for (const { keyId, role } of listed) {
      const key = (await unlocking.signingKey(keyId)) as PrivateKey;
      await writing.add(key, { role });
      await user.notaryOk(["key", "passwd", keyId], { env: changed });
    }
  });

  /** Docker's variables would come first. */
  const dockerless = {
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: undefined,
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: undefined,
  };

  it("notary calls a key locked by us under another passphrase just that: locked", async () => {
    const user = client(scope, { name: "locked" });
    const { keyId } = await openStore(user, { ...user.env, ...dockerless, ...changed }).add(
      PrivateKey.generate("ecdsa"),
      {
        role: "root",
      },
    );
    const refused = await user.notary(["key", "passwd", keyId]);
    assert.notEqual(refused.code, 0);
    await assert.rejects(openStore(user).signingKey(keyId), { code: "PASSPHRASE_WRONG" });
  });

  it("an export of ours is imported by notary, and one of notary's by us", async () => {
    const [from, to, back] = ["export", "import", "back"].map((name) => client(scope, { name }));
    assert.ok(from && to && back);
    const store = openStore(from);
    await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
    await store.add(PrivateKey.generate("ecdsa"), { role: "targets", gun });
    const file = scope.path("ours.pem");
    writeFileSync(file, await exportKeys(store), { mode: 0o600 });
    await to.notaryOk(["key", "import", file]);
    assert.deepEqual(filesOf(to), filesOf(from));

    const theirs = scope.path("theirs.pem");
    await to.notaryOk(["key", "export", "-o", theirs]);
    assert.deepEqual(sortedBlocks(readFileSync(theirs, "utf8")), sortedBlocks(readFileSync(file, "utf8")));
    const imported = openStore(back);
    const report = await importKeys(imported, readFileSync(theirs, "utf8"));
    assert.deepEqual(filesOf(back), filesOf(from));
    for (const { keyId } of report.imported) assert.ok(await signs(imported, keyId));
  });

  it("keys notary generates into files are imported, and their public half has the same ID", async () => {
    const user = client(scope, { name: "generated" });
    const prefix = scope.path("alice");
    await user.notaryOk(["key", "generate", "ecdsa", "-r", "alice", "-o", prefix]);
    const [publicBlock = assert.fail()] = parsePem(readFileSync(`${prefix}.pem`, "utf8"));
    const { keyId } = PublicKey.fromSpki(publicBlock.bytes);
    const store = openStore(user);
    const { imported } = await importKeys(store, readFileSync(`${prefix}-key.pem`, "utf8"));
    assert.deepEqual(
      imported.map((stored) => [stored.keyId, stored.role]),
      [[keyId, "alice"]],
    );
    assert.ok(await signs(store, keyId));
  });

  it("a key we remove is gone for notary, and the reverse", async () => {
    const user = client(scope, { name: "removal" });
    const store = openStore(user);
    const [one, two] = [
      await store.add(PrivateKey.generate("ecdsa"), { role: "alice" }),
      await store.add(PrivateKey.generate("ecdsa"), { role: "bob" }),
    ];
    await store.remove(one.keyId);
    const { stdout } = await user.notaryOk(["key", "list"]);
    assert.ok(!stdout.includes(one.keyId) && stdout.includes(two.keyId));
    rmSync(two.location);
    assert.equal(await store.signingKey(two.keyId), undefined);
  });

  /** Key files by name. */
  function filesOf(user: Client): Record<string, string> {
    const directory = join(user.trustDirectory, "private");
    const names = readdirSync(directory).toSorted((a, b) => (a < b ? -1 : 1));
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), "utf8")]));
  }

  function sortedBlocks(text: string): string[] {
    return text.split(/(?<=-----END ENCRYPTED PRIVATE KEY-----\n)/u).toSorted((a, b) => (a < b ? -1 : 1));
  }
});
