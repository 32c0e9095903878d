import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes } from "../../test/support/fuzz.ts";
import { needsOpenssl, openssl } from "../../test/support/openssl.ts";
import { scriptedPassphrases } from "../../test/support/scripted-passphrases.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { encryptPkcs8 } from "../crypto/pbes2.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import { parsePem, serialisePem } from "../encoding/pem.ts";
import { TagsealError } from "../errors.ts";
import { FileKeyStore } from "./file-key-store.ts";
import { exportKeys, importKeys } from "./key-transfer.ts";
import type { PassphraseSource } from "./passphrase.ts";

const parent = temporaryDirectory();
const gun = "localhost:5000/app";
const passphrase = "a good passphrase";

let count = 0;
function open(passphrases: PassphraseSource = scriptedPassphrases(passphrase)): FileKeyStore {
  return new FileKeyStore({ directory: join(parent, String(count++), "private"), passphrases, iterations: 10 });
}

async function filled(): Promise<FileKeyStore> {
  const store = open();
  for (const use of [
    { role: "root" },
    { role: "targets", gun },
    { role: "snapshot", gun: "other/app" },
    { role: "alice" },
  ]) {
    await store.add(PrivateKey.generate("ecdsa"), use);
  }
  return store;
}

const plain = (key: PrivateKey, headers: Record<string, string> = {}) =>
  serialisePem({ label: "PRIVATE KEY", headers: new Map(Object.entries(headers)), bytes: key.toPkcs8() });
const summary = async (store: FileKeyStore) =>
  (await store.list()).map(({ keyId, role, gun: of }) => ({ keyId, role, gun: of }));

test("an export of one store can be imported into another: same keys, roles and GUNs, same passphrase, no prompt", async () => {
  const from = await filled();
  const to = open(scriptedPassphrases());
  const { imported, skipped } = await importKeys(to, await exportKeys(from));
  assert.equal(imported.length, 4);
  assert.deepEqual(skipped, []);
  assert.deepEqual(await summary(to), await summary(from));
  const opened = new FileKeyStore({
    directory: join(imported[0]?.location ?? "", ".."),
    passphrases: scriptedPassphrases(passphrase),
  });
  for (const { keyId } of imported) assert.ok(await opened.signingKey(keyId));
});

test("I6: exports keys only encrypted, each with its ID as path, in order", async () => {
  const store = await filled();
  const blocks = parsePem(await exportKeys(store));
  assert.deepEqual(
    blocks.map(({ headers }) => headers.get("path")),
    (await store.list()).map(({ keyId }) => keyId),
  );
  assert.ok(blocks.every(({ label }) => label === "ENCRYPTED PRIVATE KEY"));
});

test("I6: encrypts a key stored in the clear before it is exported", async () => {
  const source = scriptedPassphrases(passphrase);
  const store = open(source);
  const key = PrivateKey.generate("ecdsa");
  const [block = assert.fail()] = parsePem(plain(key, { role: "alice" }));
  await store.putBlock(key.publicKey.keyId, block);
  const text = await exportKeys(store);
  assert.deepEqual(source.asked, ["new alice 1"]);
  assert.ok(text.startsWith(`-----BEGIN ENCRYPTED PRIVATE KEY-----\npath: ${key.publicKey.keyId}\nrole: alice\n`));
});

test("exports the selected keys, and those of every named GUN", async () => {
  const store = await filled();
  const [first = assert.fail()] = await store.list();
  const roles = async (selection: Parameters<typeof exportKeys>[1]) =>
    parsePem(await exportKeys(store, selection)).map(({ headers }) => headers.get("role"));
  assert.deepEqual(await roles({ keyIds: [first.keyId] }), [first.role]);
  assert.deepEqual(new Set(await roles({ guns: [gun, "other/app"] })), new Set(["snapshot", "targets"]));
  await assert.rejects(exportKeys(store, { keyIds: ["0".repeat(64)] }), { code: "KEY_NOT_FOUND" });
  await assert.rejects(exportKeys(store, { guns: ["none"] }), { code: "KEY_NOT_FOUND" });
  await assert.rejects(exportKeys(open()), { code: "KEY_NOT_FOUND" });
});

test("imports plain keys under a new passphrase, with the role and GUN given for them", async () => {
  const source = scriptedPassphrases(passphrase);
  const store = open(source);
  const [a, b, c] = [PrivateKey.generate("ecdsa"), PrivateKey.generate("rsa"), PrivateKey.generate("ed25519")];
  await importKeys(store, plain(a) + plain(b, { role: "bob" }), { role: "alice" });
  await importKeys(store, plain(c), { role: "targets", gun });
  const expected = [
    { keyId: a.publicKey.keyId, role: "alice", gun: undefined },
    { keyId: b.publicKey.keyId, role: "bob", gun: undefined },
    { keyId: c.publicKey.keyId, role: "targets", gun },
  ];
  assert.deepEqual(
    await summary(store),
    expected.toSorted((one, two) => (one.keyId < two.keyId ? -1 : 1)),
  );
  assert.deepEqual(source.asked, ["new alice 1", "new bob 1", "new targets 1"]);
});

test("imports a key without a role as a delegation key, and drops a GUN that does not belong", async () => {
  const store = open();
  await importKeys(store, plain(PrivateKey.generate("ecdsa"), { gun }));
  assert.deepEqual(
    (await summary(store)).map(({ role, gun: of }) => [role, of]),
    [["delegation", undefined]],
  );
});

test("replaces an existing key, so its role may change", async () => {
  const store = open();
  const key = PrivateKey.generate("ecdsa");
  await store.add(key, { role: "root" });
  await importKeys(store, plain(key, { role: "alice" }));
  assert.equal((await store.find(key.publicKey.keyId))?.role, "alice");
});

for (const [path, role, expectedGun] of [
  ["ID", "delegation", undefined],
  ["root_keys/ID_root", "root", undefined],
  [`tuf_keys/${gun}/ID_targets.key`, "targets", gun],
] as const) {
  test(`understands the path ${path} of an export`, async () => {
    const store = open(scriptedPassphrases());
    const key = PrivateKey.generate("ecdsa");
    const { keyId } = key.publicKey;
    const headers = new Map([["path", path.replace("ID", keyId)]]);
    const bytes = encryptPkcs8(key.toPkcs8(), passphrase, 10);
    await importKeys(store, serialisePem({ label: "ENCRYPTED PRIVATE KEY", headers, bytes }));
    assert.deepEqual(await summary(store), [{ keyId, role, gun: expectedGun }]);
  });
}

test("skips blocks without a usable key, reports which and why, and imports the rest", async () => {
  const store = open();
  const { publicKey } = PrivateKey.generate("ecdsa");
  const text = [
    serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: publicKey.bytes }),
    plain(PrivateKey.generate("ecdsa"), { role: "targets" }),
    plain(PrivateKey.generate("ecdsa"), { role: "alice" }),
    plain(PrivateKey.generate("ecdsa"), { role: "alice", path: "../../etc/passwd" }),
    serialisePem({ label: "PRIVATE KEY", headers: new Map(), bytes: Buffer.from("junk") }),
  ];
  const { imported, skipped } = await importKeys(store, text.join(""));
  assert.deepEqual(
    imported.map(({ role }) => role),
    ["alice"],
  );
  assert.deepEqual(
    skipped.map(({ block, error }) => [block, error.code]),
    [
      [1, "KEY_UNSUPPORTED"],
      [2, "KEY_MALFORMED"],
      [4, "KEY_MALFORMED"],
      [5, "DER_MALFORMED"],
    ],
  );
});

test("never claims success when nothing was imported", async () => {
  const store = open();
  for (const text of ["", "junk", serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: Buffer.of(1) })]) {
    await assert.rejects(importKeys(store, text), { code: "PEM_MALFORMED", message: /No key could be imported/ });
  }
  assert.deepEqual(await store.list(), []);
});

test("I1: refuses an import file of unreasonable size", async () => {
  await assert.rejects(importKeys(open(), "x".repeat(17 * 1024 * 1024)), { code: "TOO_LARGE" });
});

const key = PrivateKey.fromPkcs8(
  generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ type: "pkcs8", format: "der" }),
);
const encryptedForms: readonly [what: string, command: readonly string[]][] = [
  ["openssl's PBES2 with SHA-256", ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:theirs"]],
  ["legacy DEK-Info encryption", ["pkey", "-traditional", "-aes256", "-passout", "pass:theirs"]],
];
for (const [what, command] of encryptedForms) {
  test(`imports a key under ${what}, really, given its passphrase`, { skip: needsOpenssl }, async () => {
    const source = scriptedPassphrases("a guess", "theirs", passphrase);
    const store = open(source);
    await importKeys(store, openssl(command, plain(key)).toString(), { role: "alice" });
    assert.deepEqual(source.asked, ["unlock encrypted 1", "unlock encrypted 2 wrong", "new alice 1"]);
    assert.deepEqual(await summary(store), [{ keyId: key.publicKey.keyId, role: "alice", gun: undefined }]);
    assert.ok(await store.signingKey(key.publicKey.keyId));
  });

  test(`says so when the passphrase for ${what} is wrong, and stores nothing`, { skip: needsOpenssl }, async () => {
    const store = open(scriptedPassphrases("a guess"));
    await assert.rejects(importKeys(store, openssl(command, plain(key)).toString()), { code: "PASSPHRASE_WRONG" });
    assert.deepEqual(await store.list(), []);
  });
}

test("imports what openssl makes: SEC1, PKCS#1, PKCS#8 and standard Ed25519", { skip: needsOpenssl }, async () => {
  const store = open();
  for (const command of [
    ["ecparam", "-genkey", "-name", "prime256v1", "-noout"],
    ["genrsa", "-traditional", "2048"],
    ["genpkey", "-algorithm", "rsa"],
    ["genpkey", "-algorithm", "ed25519"],
  ]) {
    const { imported } = await importKeys(store, openssl(command).toString(), { role: "alice" });
    assert.ok(await store.signingKey(imported[0]?.keyId ?? ""));
  }
  assert.equal((await store.list()).length, 4);
});

test("a block stored unchanged must match its ID: signing with another key is refused", async () => {
  const store = open();
  const bytes = encryptPkcs8(PrivateKey.generate("ecdsa").toPkcs8(), passphrase, 10);
  const headers = new Map([
    ["path", "0".repeat(64)],
    ["role", "root"],
  ]);
  await importKeys(store, serialisePem({ label: "ENCRYPTED PRIVATE KEY", headers, bytes }));
  await assert.rejects(store.signingKey("0".repeat(64)), { code: "KEY_MALFORMED" });
  await assert.rejects(store.putBlock("../x", { label: "PRIVATE KEY", headers, bytes }), { code: "KEY_MALFORMED" });
});

test("an existing key is not replaced by a block that only claims to be that key", async () => {
  const store = open();
  const key = PrivateKey.generate("ecdsa");
  const { keyId } = await store.add(key, { role: "root" });
  const claiming = (bytes: Uint8Array, role: string) =>
    serialisePem({
      label: "ENCRYPTED PRIVATE KEY",
      headers: new Map([
        ["path", keyId],
        ["role", role],
      ]),
      bytes,
    });
  const foreign = encryptPkcs8(PrivateKey.generate("ecdsa").toPkcs8(), passphrase, 10);
  await assert.rejects(importKeys(store, claiming(foreign, "root")), { code: "PEM_MALFORMED" });
  await assert.rejects(importKeys(store, claiming(Buffer.from("not a key at all"), "root")), { code: "PEM_MALFORMED" });
  assert.deepEqual((await store.signingKey(keyId))?.publicKey.keyId, keyId);
  const same = encryptPkcs8(key.toPkcs8(), passphrase, 10);
  await importKeys(store, claiming(same, "alice"));
  assert.equal((await store.find(keyId))?.role, "alice");
});

test("fuzz: refuses or imports hostile files, with documented errors only", async () => {
  const seeds = [await exportKeys(await filled()), plain(PrivateKey.generate("ecdsa"), { role: "root" })].map((text) =>
    Buffer.from(text),
  );
  const store = open();
  await fc.assert(
    fc.asyncProperty(hostileBytes(...seeds), async (hostile) => {
      await importKeys(store, hostile.toString("latin1")).catch((error: unknown) => {
        if (!(error instanceof TagsealError)) throw error;
      });
    }),
    { numRuns: Math.ceil(fuzzRuns / 3) },
  );
});
