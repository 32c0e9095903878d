/** A key store, backed up and restored: `make-backup.ts`, `backup-contents.ts` and `restore-backup.ts` together. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes } from "../../../test/support/fuzz.ts";
import { scriptedPassphrases } from "../../../test/support/scripted-passphrases.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { PrivateKey } from "../../crypto/private-key.ts";
import { parsePem, serialisePem } from "../../encoding/pem.ts";
import { TagsealError } from "../../errors.ts";
import { FileKeyStore } from "../file-key-store.ts";
import { importKeys } from "../key-transfer.ts";
import type { PassphraseSource } from "../passphrase.ts";
import { openAge } from "./age-file.ts";
import { type BackupContents, contentsText, parseContents } from "./backup-contents.ts";
import { listingOf, listingText, parseListing } from "./backup-listing.ts";
import { collectKeys, sealBackup } from "./make-backup.ts";
import { restoreKeys } from "./restore-backup.ts";

const parent = temporaryDirectory();
const passphrase = "a good passphrase";
const now = new Date("2026-11-29T10:00:00Z");
const malformed = { code: "BACKUP_MALFORMED" };

let count = 0;
function open(passphrases: PassphraseSource = scriptedPassphrases(passphrase)): FileKeyStore {
  return new FileKeyStore({ directory: join(parent, String(count++), "private"), passphrases, iterations: 10 });
}

const uses = [
  { role: "root" },
  { role: "targets", gun: "localhost:5000/app" },
  { role: "snapshot", gun: "other/app" },
  { role: "alice" },
  { role: "targets/bob" },
];

async function filled(): Promise<FileKeyStore> {
  const store = open();
  for (const use of uses) await store.make(use, "ecdsa");
  return store;
}

const request = { selection: {}, bringPassphrase: false, elsewhere: [], now };
const summary = async (store: FileKeyStore) =>
  (await store.list()).map(({ keyId, role, gun }) => ({ keyId, role, gun }));

async function reopened(contents: BackupContents) {
  const file = await sealBackup(contents, { passphrase: "backup", workFactor: 4 }, { armored: false });
  return parseContents(await openAge(file, { passphrase: "backup" }));
}

test("a restored store has the same keys for the same uses, under the same passphrases, and no passphrase of a key was asked for", async () => {
  const from = await filled();
  const silent = scriptedPassphrases();
  const to = open(silent);
  const contents = await reopened(await collectKeys(from, request));
  const restored = await restoreKeys(to, { contents, dryRun: false });
  assert.deepEqual(await summary(to), await summary(from));
  assert.ok(restored.every(({ result }) => result === "added"));
  assert.deepEqual(silent.asked, []);
  for (const { keyId } of restored) assert.deepEqual(await to.block(keyId), await from.block(keyId));
});

test("with a passphrase inside, the backup alone opens every key, and they are kept under the passphrases of the new store", async () => {
  const from = await filled();
  const contents = await reopened(await collectKeys(from, { ...request, bringPassphrase: true }));
  assert.match(contents.passphrase ?? "", /^[\w-]{22}$/u);
  const to = open(scriptedPassphrases("another passphrase"));
  const restored = await restoreKeys(to, { contents, dryRun: false });
  const directory = join((await to.list())[0]?.location ?? "", "..");
  const later = new FileKeyStore({ directory, passphrases: scriptedPassphrases("another passphrase") });
  for (const { keyId } of restored) assert.equal((await later.signingKey(keyId))?.publicKey.keyId, keyId);
  const old = new FileKeyStore({ directory, passphrases: scriptedPassphrases(contents.passphrase ?? "") });
  await assert.rejects(old.signingKey(restored[0]?.keyId ?? ""), { code: "PASSPHRASE_WRONG" });
});

test("a chosen key or repository is all that is in the backup", async () => {
  const from = await filled();
  const alice = (await from.list()).find(({ role }) => role === "alice")?.keyId ?? assert.fail();
  const some = await collectKeys(from, { ...request, selection: { keyIds: [alice], guns: ["other/app"] } });
  assert.deepEqual(some.keys.map(({ role }) => role).toSorted(), ["alice", "snapshot"]);
  await assert.rejects(collectKeys(open(), request), { code: "KEY_NOT_FOUND" });
});

test("a second restoration adds nothing, and one that was interrupted is continued", async () => {
  const from = await filled();
  const to = open();
  const contents = await collectKeys(from, request);
  await restoreKeys(to, { contents: { keys: contents.keys.slice(0, 2) }, dryRun: false });
  const results = async () => (await restoreKeys(to, { contents, dryRun: false })).map(({ result }) => result);
  assert.deepEqual(await results(), ["here", "here", "added", "added", "added"]);
  assert.deepEqual(
    await results(),
    uses.map(() => "here"),
  );
});

test("a key that is here stays as it is: under another passphrase, and for another role or repository", async () => {
  const from = await filled();
  const contents = await collectKeys(from, request);
  const to = open(scriptedPassphrases("another passphrase"));
  const moved = new Map([
    ["root", { role: "alice" }],
    ["targets", { role: "targets", gun: "elsewhere/app" }],
    ["alice", { role: "alice" }],
  ]);
  for (const { keyId, role } of await from.list()) {
    const use = moved.get(role);
    const key = await from.signingKey(keyId);
    if (use !== undefined && key !== undefined) await to.add(key, use);
  }
  const before = new Map((await to.list()).map(({ keyId, location }) => [keyId, readFileSync(location, "utf8")]));
  const restored = await restoreKeys(to, { contents, dryRun: false });
  const results = Object.fromEntries(restored.map(({ role, result }) => [role, result]));
  assert.deepEqual(results, {
    root: "conflict",
    targets: "conflict",
    snapshot: "added",
    alice: "here",
    "targets/bob": "added",
  });
  assert.equal(restored.find(({ role }) => role === "targets")?.stored?.gun, "elsewhere/app");
  for (const { keyId, location } of await to.list())
    if (before.has(keyId)) assert.equal(readFileSync(location, "utf8"), before.get(keyId));
});

test("a dry run says the same, changes nothing and asks for nothing", async () => {
  const contents = await collectKeys(await filled(), { ...request, bringPassphrase: true });
  const to = open(scriptedPassphrases());
  const restored = await restoreKeys(to, { contents, dryRun: true });
  assert.deepEqual(
    restored.map(({ result }) => result),
    uses.map(() => "added"),
  );
  assert.deepEqual(await to.list(), []);
});

test("a key that is not the one the backup says is not stored", async () => {
  const contents = await collectKeys(await filled(), { ...request, bringPassphrase: true });
  const [first, second] = contents.keys;
  assert.ok(first && second);
  const to = open();
  const swapped = { ...contents, keys: [{ ...first, block: second.block }] };
  await assert.rejects(restoreKeys(to, { contents: swapped, dryRun: false }), { code: "KEY_MALFORMED" });
  assert.deepEqual(await to.list(), []);
});

test("what is inside can be imported as exported keys", async () => {
  const from = await filled();
  const to = open(scriptedPassphrases());
  await importKeys(to, contentsText(await collectKeys(from, request)));
  assert.deepEqual(await summary(to), await summary(from));
});

test("keys of other stores are listed as not contained, inside and beside", async () => {
  const elsewhere = [{ keyId: "ab".repeat(32), role: "root", gun: undefined, location: "YubiKey 7" }];
  const contents = await collectKeys(await filled(), { ...request, elsewhere });
  assert.match(contentsText(contents), /^Not contained: (?:ab){32} root \(YubiKey 7\)$/mu);
  const listing = listingOf(contents, ["a passphrase"], Buffer.from("file"));
  assert.deepEqual(listing.notContained, [`${"ab".repeat(32)} root (YubiKey 7)`]);
  assert.equal(parseContents(contentsText(contents)).keys.length, uses.length);
});

test("the list beside a backup reads back, and has no secret", async () => {
  const contents = await collectKeys(await filled(), { ...request, bringPassphrase: true });
  const listing = listingOf(contents, ["a passphrase", "the identity of age1xyz"], Buffer.from("file"));
  const text = listingText(listing);
  assert.deepEqual(parseListing(text), listing);
  assert.deepEqual(parseListing(text.replaceAll("\n", "\r\n").replace("\r\n", "\n")), listing);
  assert.ok(!text.includes(contents.passphrase ?? "-") && !text.includes("BEGIN"));
  for (const bad of ["", text.slice(5), text.replace(/^SHA.*$/mu, ""), text.replace(/^Key: .*$/mu, "Key: x")])
    assert.throws(() => parseListing(bad), malformed);
});

test("hand-made backups of exported keys are taken, and anything else refused", async () => {
  const contents = await collectKeys(await filled(), request);
  const text = contentsText(contents);
  const blocks = text.slice(text.indexOf("-----BEGIN"));
  assert.equal(parseContents(blocks).keys.length, uses.length);
  const clear = {
    label: "PRIVATE KEY",
    headers: new Map([
      ["path", "ab".repeat(32)],
      ["role", "root"],
    ]),
    bytes: PrivateKey.generate("ecdsa").toPkcs8(),
  };
  const [first] = parsePem(blocks);
  assert.ok(first);
  const changed = (name: string, value: string) =>
    serialisePem({ ...first, headers: new Map([...first.headers, [name, value]]) });
  for (const bad of [
    "",
    "hello",
    text.replace("version 1", "version 2"),
    serialisePem(clear),
    serialisePem({ ...first, headers: new Map() }),
    changed("path", "../../etc/passwd"),
    changed("role", "x".repeat(300)),
    blocks + blocks,
    blocks.slice(0, -10),
  ])
    assert.throws(() => parseContents(bad), malformed);
  assert.throws(() => parseContents("x".repeat(16 * 1024 * 1024 + 1)), { code: "TOO_LARGE" });
});

test("I1: hostile contents are refused in known words", async () => {
  const honest = Buffer.from(contentsText(await collectKeys(await filled(), request)));
  fc.assert(
    fc.property(hostileBytes(honest), (bytes) => {
      try {
        parseContents(bytes.toString("utf8"));
      } catch (error) {
        assert.ok(error instanceof TagsealError && error.code === "BACKUP_MALFORMED", String(error));
      }
    }),
    { numRuns: fuzzRuns },
  );
});

test("a backup whose proof does not open it is not made", async () => {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const contents = await collectKeys(await filled(), request);
  const recipients = [await identityToRecipient(await generateX25519Identity())];
  const proof = { identities: [await generateX25519Identity()] };
  await assert.rejects(sealBackup(contents, { recipients }, { proof, armored: false }), { code: "BACKUP_LOCKED" });
});
