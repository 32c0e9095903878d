import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { modeOf } from "../../test/support/file-mode.ts";
import { scriptedPassphrases } from "../../test/support/scripted-passphrases.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { encryptPkcs8 } from "../crypto/pbes2.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import { serialisePem } from "../encoding/pem.ts";
import { FileKeyStore } from "./file-key-store.ts";

const parent = temporaryDirectory();
const passphrase = "a good passphrase";
const gun = "docker.io/library/alpine";

let count = 0;
function freshDirectory(): string {
  return join(parent, String(count++), "private");
}

function oldFile(directory: string, name: string, headers: Record<string, string> = {}): string {
  const key = PrivateKey.generate("ecdsa");
  const { keyId } = key.publicKey;
  const path = join(directory, name.replace("ID", keyId));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const bytes = encryptPkcs8(key.toPkcs8(), passphrase, 10);
  writeFileSync(
    path,
    serialisePem({ label: "ENCRYPTED PRIVATE KEY", headers: new Map(Object.entries(headers)), bytes }),
    {
      mode: 0o600,
    },
  );
  return keyId;
}

function open(directory: string, warnings: string[] = []): FileKeyStore {
  const onWarning = (warning: string) => warnings.push(warning);
  return new FileKeyStore({ directory, passphrases: scriptedPassphrases(passphrase), onWarning });
}

const places: readonly [name: string, headers: Record<string, string>, role: string, gun: string | undefined][] = [
  ["root_keys/ID_root.key", {}, "root", undefined],
  [`tuf_keys/${gun}/ID_targets.key`, {}, "targets", gun],
  [`tuf_keys/${gun}/ID_snapshot.key`, {}, "snapshot", gun],
  ["tuf_keys/ID_alice.key", {}, "alice", undefined],
  ["root_keys/ID.key", { role: "root" }, "root", undefined],
  [`tuf_keys/${gun}/ID.key`, { role: "targets" }, "targets", gun],
];
for (const [name, headers, role, expectedGun] of places) {
  test(`moves ${name} to where current clients look`, async () => {
    const directory = freshDirectory();
    const keyId = oldFile(directory, name, headers);
    const store = open(directory);
    const location = join(directory, `${keyId}.key`);
    assert.deepEqual(
      (await store.list()).map((key) => [key.keyId, key.role, key.gun, key.location]),
      [[keyId, role, expectedGun, location]],
    );
    assert.ok(await store.signingKey(keyId), "the passphrase is still the same");
    assert.deepEqual(readdirSync(directory), [`${keyId}.key`], "the old directories are gone");
    assert.equal(modeOf(location), 0o600);
  });
}

test("does not encrypt again: the key bytes are kept unchanged", async () => {
  const directory = freshDirectory();
  const keyId = oldFile(directory, "root_keys/ID_root.key");
  const body = readFileSync(join(directory, "root_keys", `${keyId}_root.key`), "utf8")
    .split("\n")
    .slice(1, -2);
  await open(directory).list();
  const moved = readFileSync(join(directory, `${keyId}.key`), "utf8");
  assert.ok(moved.includes(body.join("\n")));
  assert.ok(moved.startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----\nrole: root\n\n"));
});

test("keeps a newer file under the same key ID", async () => {
  const directory = freshDirectory();
  const keyId = oldFile(directory, "root_keys/ID_root.key");
  const old = readFileSync(join(directory, "root_keys", `${keyId}_root.key`), "utf8");
  const newer = old.replace("-----\n", "-----\nrole: kept\n\n");
  writeFileSync(join(directory, `${keyId}.key`), newer, { mode: 0o600 });
  assert.equal((await open(directory).find(keyId))?.role, "kept");
  assert.equal(existsSync(join(directory, "root_keys")), false);
});

test("keeps what it cannot read in place, reports it, and moves the rest", async () => {
  const directory = freshDirectory();
  const keyId = oldFile(directory, `tuf_keys/${gun}/ID_targets.key`);
  const junk = join(directory, "tuf_keys", gun, "junk.key");
  writeFileSync(junk, "junk", { mode: 0o600 });
  oldFile(directory, `tuf_keys/${gun}/not-an-id_targets.key`);
  writeFileSync(join(directory, "tuf_keys", "notes.txt"), "mine");
  const warnings: string[] = [];
  assert.deepEqual(
    (await open(directory, warnings).list()).map((stored) => stored.keyId),
    [keyId],
  );
  assert.ok(existsSync(junk));
  assert.equal(readFileSync(join(directory, "tuf_keys", "notes.txt"), "utf8"), "mine");
  assert.equal(warnings.filter((warning) => warning.includes("left in place")).length, 2);
});

test("removes cached certificates of even older clients, but only those among the keys", async () => {
  const directory = freshDirectory();
  oldFile(directory, "root_keys/ID_root.key");
  for (const place of [join(directory, "trusted_certificates"), join(directory, "..", "trusted_certificates")]) {
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "a.crt"), "old");
  }
  await open(directory).list();
  assert.equal(existsSync(join(directory, "trusted_certificates")), false);
  assert.equal(existsSync(join(directory, "..", "trusted_certificates")), true);
});

test("several processes may migrate at once", async () => {
  const directory = freshDirectory();
  const keyIds = Array.from({ length: 6 }, () => oldFile(directory, `tuf_keys/${gun}/ID_targets.key`)).toSorted();
  const lists = await Promise.all(Array.from({ length: 4 }, async () => open(directory).list()));
  for (const list of lists)
    assert.deepEqual(
      list.map((stored) => stored.keyId),
      keyIds,
    );
  assert.equal(existsSync(join(directory, "tuf_keys")), false);
});

test("does nothing without old keys", async () => {
  const directory = freshDirectory();
  assert.deepEqual(await open(directory).list(), []);
  assert.equal(existsSync(directory), false);
});
