import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import fc from "fast-check";
import { modeOf } from "../../test/support/file-mode.ts";
import { writableKeyStoreContract } from "../../test/contract/key-store.ts";
import { mountingNeedsRoot, ownFileSystem } from "../../test/support/file-systems.ts";
import { fuzzRuns, hostileBytes } from "../../test/support/fuzz.ts";
import { scriptedPassphrases } from "../../test/support/scripted-passphrases.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { DerReader } from "../encoding/der.ts";
import { parsePem } from "../encoding/pem.ts";
import { TagsealError } from "../errors.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import { FileKeyStore } from "./file-key-store.ts";
import type { PassphraseSource } from "./passphrase.ts";

const parent = temporaryDirectory();
const gun = "localhost:5000/app";
/** Few rounds: these tests are about files, not about guessing passphrases. */
const iterations = 10;

let count = 0;
function freshDirectory(): string {
  return join(parent, String(count++), "trust", "private");
}

interface Opened {
  readonly store: FileKeyStore;
  readonly directory: string;
  readonly warnings: string[];
  readonly pathOf: (keyId: string) => string;
}

function open(
  passphrases: PassphraseSource = scriptedPassphrases("a good passphrase"),
  directory = freshDirectory(),
): Opened {
  const warnings: string[] = [];
  const store = new FileKeyStore({
    directory,
    passphrases,
    iterations,
    onWarning: (warning) => warnings.push(warning),
  });
  return { store, directory, warnings, pathOf: (keyId) => join(directory, `${keyId}.key`) };
}

writableKeyStoreContract("files", async () => open().store);

test("writes the file docker and notary write: name, headers, PBES2 by omission HMAC-SHA1, AES-256-CBC, version 1", async () => {
  const { store, pathOf } = open();
  const { keyId, location } = await store.add(PrivateKey.generate("ecdsa"), { role: "targets", gun });
  assert.equal(location, pathOf(keyId));
  const text = readFileSync(location, "utf8");
  assert.ok(text.startsWith(`-----BEGIN ENCRYPTED PRIVATE KEY-----\ngun: ${gun}\nrole: targets\n\nMI`), text);
  assert.ok(text.endsWith("\n-----END ENCRYPTED PRIVATE KEY-----\n"));
});

test("stretches passphrases of the keys it writes at least 600,000 times", async () => {
  const directory = freshDirectory();
  const store = new FileKeyStore({ directory, passphrases: scriptedPassphrases("a good passphrase") });
  const { location } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  const [block = assert.fail()] = parsePem(readFileSync(location, "utf8"));
  const algorithm = new DerReader(block.bytes, "test").enter().enter();
  algorithm.oid();
  const kdf = algorithm.enter().enter();
  kdf.oid();
  const parameters = kdf.enter();
  parameters.next();
  assert.ok(parameters.smallInteger() >= 600_000);
  assert.ok(parameters.done, "a prf field would make the file unreadable for docker and notary");
});

test("I6: files are 0600 and directories 0700 from the start, and no temporary file stays behind", async () => {
  const { store, directory } = open();
  const { location } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  assert.equal(modeOf(location), 0o600);
  for (const path of [directory, join(directory, "..")]) assert.equal(modeOf(path), 0o700);
  assert.deepEqual(readdirSync(directory).length, 1);
});

test("I6: the file never contains the key in the clear", async () => {
  const { store } = open();
  const key = PrivateKey.generate("ed25519");
  const { location } = await store.add(key, { role: "root" });
  const [block = assert.fail()] = parsePem(readFileSync(location, "utf8"));
  const secret = Buffer.from(key.toPkcs8()).subarray(-96, -32);
  assert.ok(!Buffer.from(block.bytes).includes(secret));
});

test("I6: warns about a file that other users may read and corrects its mode on the next write", async () => {
  const first = open();
  const { keyId, location } = await first.store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  chmodSync(location, 0o644);
  chmodSync(first.directory, 0o755);
  const { store, warnings } = open(undefined, first.directory);
  assert.ok(await store.find(keyId));
  assert.ok(await store.find(keyId));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /may be read or changed by others/);
  await store.add(PrivateKey.generate("ecdsa"), { role: "alice" });
  assert.deepEqual([modeOf(location), modeOf(first.directory)], [0o600, 0o700]);
});

test("I6: refuses a file that all users may write, and omits it from the list", async () => {
  const { store, directory, warnings } = open();
  const { keyId, location } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  chmodSync(location, 0o602);
  const unsafe = { code: "KEY_FILE_UNSAFE", message: /all users may write/ };
  await assert.rejects(store.find(keyId), unsafe);
  await assert.rejects(store.signingKey(keyId), unsafe);
  assert.deepEqual(await open(undefined, directory).store.list(), []);
  assert.deepEqual(await store.list(), []);
  assert.ok(warnings.some((warning) => warning.includes("all users may write")));
  assert.equal(modeOf(location), 0o602, "nobody may have changed it, so it is the owner who decides");
});

test("I6: refuses a directory that all users may write to: any of them could put a key there", async () => {
  const { store, directory } = open();
  const { keyId } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  for (const mode of [0o777, 0o1777]) {
    chmodSync(directory, mode);
    const unsafe = { code: "KEY_FILE_UNSAFE" };
    await assert.rejects(store.list(), unsafe);
    await assert.rejects(store.find(keyId), unsafe);
    await assert.rejects(store.add(PrivateKey.generate("ecdsa"), { role: "alice" }), unsafe);
  }
});

test("ignores symbolic links, to files and to directories", async () => {
  const elsewhere = open();
  const { keyId } = await elsewhere.store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  const { store, directory, pathOf } = open();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  symlinkSync(elsewhere.pathOf(keyId), pathOf(keyId));
  symlinkSync(elsewhere.directory, join(directory, "linked"));
  assert.equal(await store.find(keyId), undefined);
  assert.deepEqual(await store.list(), []);
});

test("ignores everything but regular files, and does not wait for a pipe", async (t) => {
  const { store, directory, pathOf } = open();
  mkdirSync(pathOf("1".repeat(64)), { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  if (!madePipe(t, pathOf("2".repeat(64)))) return;
  for (const digit of ["1", "2"]) assert.equal(await store.find(digit.repeat(64)), undefined);
  assert.deepEqual(await store.list(), []);
});

/** POSIX has it; Windows has no such files. */
const pipeMaker = "mkfifo";

function madePipe(t: TestContext, path: string): boolean {
  try {
    execFileSync(pipeMaker, [path]);
    return true;
  } catch {
    t.skip("needs mkfifo");
    return false;
  }
}

test("I1: refuses a key file of unreasonable size without reading it all", async () => {
  const { store, directory, pathOf } = open();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const keyId = "3".repeat(64);
  writeFileSync(pathOf(keyId), "x".repeat(100_000), { mode: 0o600 });
  await assert.rejects(store.find(keyId), { code: "TOO_LARGE" });
});

test("a damaged file affects neither the list nor the other keys", async () => {
  const { store, pathOf, warnings } = open();
  const { keyId } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  const damaged = [
    "",
    "junk",
    "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n",
    readFileSync(pathOf(keyId), "utf8").repeat(2),
  ];
  for (const [index, text] of damaged.entries()) {
    const other = String(index).repeat(64);
    writeFileSync(pathOf(other), text, { mode: 0o600 });
    await assert.rejects(store.find(other), { code: "PEM_MALFORMED" });
  }
  assert.deepEqual(
    (await store.list()).map((stored) => stored.keyId),
    [keyId],
  );
  assert.equal(warnings.length, damaged.length);
});

test("I9: refuses a file with another key than its name says", async () => {
  const { store, pathOf } = open();
  const { keyId } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  const other = "4".repeat(64);
  renameSync(pathOf(keyId), pathOf(other));
  const { store: again } = open(undefined, join(pathOf(keyId), ".."));
  await assert.rejects(again.signingKey(other), { code: "KEY_MALFORMED", message: /holds another key/ });
});

test("finds keys in directories below, and removes every copy", async () => {
  const { store, directory, pathOf } = open();
  const { keyId } = await store.add(PrivateKey.generate("ecdsa"), { role: "alice" });
  const below = join(directory, "from", "elsewhere");
  mkdirSync(below, { recursive: true, mode: 0o700 });
  writeFileSync(join(below, `${keyId}.key`), readFileSync(pathOf(keyId)), { mode: 0o600 });
  rmSync(pathOf(keyId));
  assert.equal((await store.find(keyId))?.location, join(below, `${keyId}.key`));
  await store.add(PrivateKey.generate("ecdsa"), { role: "alice" });
  await store.remove(keyId);
  assert.equal(await store.find(keyId), undefined);
});

test("a key from before roles stood in headers counts as a delegation key", async () => {
  const { store, directory, pathOf } = open();
  const key = PrivateKey.generate("ecdsa");
  const { keyId } = await store.add(key, { role: "x" });
  writeFileSync(pathOf(keyId), readFileSync(pathOf(keyId), "utf8").replace("role: x\n\n", ""));
  assert.equal((await open(undefined, directory).store.find(keyId))?.role, "delegation");
});

test("reads a key stored in the clear under an empty passphrase, without asking", async () => {
  const { store, pathOf, directory } = open(scriptedPassphrases());
  const key = PrivateKey.generate("ecdsa");
  const { keyId } = key.publicKey;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const body = Buffer.from(key.toPkcs8())
    .toString("base64")
    .match(/.{1,64}/g)
    ?.join("\n");
  writeFileSync(pathOf(keyId), `-----BEGIN PRIVATE KEY-----\nrole: alice\n\n${body}\n-----END PRIVATE KEY-----\n`, {
    mode: 0o600,
  });
  assert.equal((await store.signingKey(keyId))?.publicKey.keyId, keyId);
});

test("I6: never writes a key under an empty passphrase", async () => {
  const { store, directory } = open(scriptedPassphrases(""));
  await assert.rejects(store.add(PrivateKey.generate("ecdsa"), { role: "root" }), { code: "PASSPHRASE_TOO_SHORT" });
  assert.deepEqual(await open(undefined, directory).store.list(), []);
});

test("warns about a short passphrase that was not typed, but accepts it as docker does", async () => {
  const { store, warnings } = open(scriptedPassphrases("short"));
  await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  assert.match(warnings.join(), /fewer than 8 bytes/);
});

test("asks three times for a passphrase, saying why, then calls it wrong", async () => {
  const first = open();
  const { keyId } = await first.store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  const source = scriptedPassphrases("guess 1", "guess 2", "guess 3", "a good passphrase");
  const { store } = open(source, first.directory);
  await assert.rejects(store.signingKey(keyId), {
    code: "PASSPHRASE_WRONG",
    message: /Wrong passphrase for root key .{7}, given 3 times/,
  });
  assert.deepEqual(source.asked, ["unlock root 1", "unlock root 2 wrong", "unlock root 3 wrong"]);
  assert.ok(await store.signingKey(keyId), "and asks again the next time");
});

test("unlocks a key once, also when asked twice at the same time", async () => {
  const first = open();
  const { keyId } = await first.store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  const source = scriptedPassphrases("a good passphrase");
  const { store } = open(source, first.directory);
  const keys = await Promise.all([store.signingKey(keyId), store.signingKey(keyId)]);
  assert.equal(keys[0], keys[1]);
  assert.equal(await store.signingKey(keyId), keys[0]);
  assert.deepEqual(source.asked, ["unlock root 1"]);
});

test("tries the passphrase that worked for a role on the role's next key, silently", async () => {
  const first = open(scriptedPassphrases("one passphrase"));
  const [a, b] = [
    await first.store.add(PrivateKey.generate("ecdsa"), { role: "alice" }),
    await first.store.add(PrivateKey.generate("ecdsa"), { role: "alice" }),
  ];
  const other = open(scriptedPassphrases("other passphrase"), first.directory);
  const c = await other.store.add(PrivateKey.generate("ecdsa"), { role: "alice" });
  const source = scriptedPassphrases("one passphrase", "other passphrase");
  const { store } = open(source, first.directory);
  for (const { keyId } of [a, b, c]) assert.ok(await store.signingKey(keyId));
  assert.deepEqual(source.asked, ["unlock alice 1", "unlock alice 1"]);
});

test("changes a passphrase, keeping role and GUN, and the old one no longer opens the key", async () => {
  const { store, directory } = open(scriptedPassphrases("old passphrase", "new passphrase"));
  const { keyId } = await store.add(PrivateKey.generate("ecdsa"), { role: "targets", gun });
  await store.changePassphrase(keyId);
  assert.equal((await store.find(keyId))?.gun, gun);
  assert.ok(await open(scriptedPassphrases("new passphrase"), directory).store.signingKey(keyId));
  const old = open(scriptedPassphrases("old passphrase"), directory);
  await assert.rejects(old.store.signingKey(keyId), { code: "PASSPHRASE_WRONG" });
  await assert.rejects(store.changePassphrase("5".repeat(64)), { code: "KEY_NOT_FOUND" });
});

test("says which key file cannot be removed, and why", async (t) => {
  const disk = ownFileSystem(t);
  if (disk === undefined) return t.skip(mountingNeedsRoot);
  const { store, pathOf } = open(undefined, join(disk.directory, "private"));
  const { keyId } = await store.add(PrivateKey.generate("ecdsa"), { role: "alice" });
  disk.makeReadOnly();
  await assert.rejects(store.remove(keyId), (error: TagsealError) => {
    assert.deepEqual([error.code, error.message], ["FILE_UNWRITABLE", `Cannot remove key file ${pathOf(keyId)}`]);
    assert.match(error.hint ?? "", /read-only file system/u);
    return true;
  });
  disk.makeWritable();
  await store.remove(keyId);
  assert.deepEqual(await store.list(), []);
  return undefined;
});

test("sees keys other processes add and remove", async () => {
  const one = open();
  const two = open(undefined, one.directory);
  const { keyId } = await one.store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  assert.ok(await two.store.signingKey(keyId));
  await one.store.remove(keyId);
  assert.equal(await two.store.signingKey(keyId), undefined);
});

test("eight writers at once lose nothing", async () => {
  const { directory } = open();
  const roles = Array.from({ length: 8 }, (_, index) => `signer${index}`);
  await Promise.all(
    roles.map(async (role) => open(undefined, directory).store.add(PrivateKey.generate("ecdsa"), { role })),
  );
  const listed = await open(undefined, directory).store.list();
  assert.deepEqual(listed.map(({ role }) => role).toSorted(), roles);
  assert.equal(readdirSync(directory).length, 8);
});

test("reports which file could not be written, and no partial file stays behind", async () => {
  const { store, directory, pathOf } = open();
  const key = PrivateKey.generate("ecdsa");
  const path = pathOf(key.publicKey.keyId);
  mkdirSync(join(path, "in the way"), { recursive: true });
  chmodSync(directory, 0o700);
  await assert.rejects(store.add(key, { role: "root" }), {
    code: "FILE_UNWRITABLE",
    message: `Cannot write key file ${path}`,
  });
  assert.equal(readdirSync(directory).length, 1);
});

test("a directory that cannot be created is reported", async () => {
  const blocked = join(parent, "a-file");
  writeFileSync(blocked, "");
  const { store } = open(undefined, join(blocked, "private"));
  await assert.rejects(store.add(PrivateKey.generate("ecdsa"), { role: "root" }), { code: "FILE_UNWRITABLE" });
});

test("refuses a role that would smuggle headers into the file", async () => {
  const { store } = open();
  await assert.rejects(store.add(PrivateKey.generate("ecdsa"), { role: "x\nrole: root" }), { code: "PEM_MALFORMED" });
});

test("fuzz: refuses or reads hostile key files, with documented errors only", async () => {
  const { store, pathOf } = open(scriptedPassphrases("a good passphrase"));
  const { keyId, location } = await store.add(PrivateKey.generate("ecdsa"), { role: "root" });
  const seed = readFileSync(location);
  await fc.assert(
    fc.asyncProperty(hostileBytes(seed), async (hostile) => {
      writeFileSync(pathOf(keyId), hostile);
      await store.find(keyId).catch(onlyOurs);
      await store.list();
    }),
    { numRuns: Math.ceil(fuzzRuns / 3) },
  );
});

function onlyOurs(error: unknown): void {
  if (!(error instanceof TagsealError)) throw error;
}
