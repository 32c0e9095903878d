/** What every `KeyTable` must do. An implementation's own test calls this with a way to open an empty table. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import type { KeyAssignment } from "../../src/server/signer/key-assignments.ts";
import type { KeyTable, SealedKey } from "../../src/server/signer/key-table.ts";

const gun = "docker.io/library/alpine";
const createdAt = new Date("2026-11-23T04:00:00.123Z");
const later = new Date("2026-11-24T04:00:00Z");

/** Opens an empty table, which is closed when the test ends. */
type Open = (t: TestContext) => KeyTable | Promise<KeyTable>;

const firstSecret = { sealed: "one", alias: "a" };
const secondSecret = { sealed: "two", alias: "b" };

function idOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

function key(name: string, changes: Partial<SealedKey> = {}): SealedKey {
  const publicKey = new Uint8Array(Buffer.from(`public \u0000 ${name}`));
  const seal = { sealed: `eyJhbGciOi.${name}.x.y.z`, alias: "first" };
  return { keyId: idOf(name), gun, role: "timestamp", algorithm: "ecdsa", publicKey, createdAt, ...seal, ...changes };
}

function assignment(name: string, changes: Partial<KeyAssignment> = {}): KeyAssignment {
  const publicKey = new Uint8Array(Buffer.from(`public \u0000 ${name}`));
  const to = { gun, role: "timestamp", algorithm: "ecdsa" } as const;
  return { keyId: idOf(name), ...to, publicKey, assignedAt: createdAt, used: false, ...changes };
}

/** Runs the contract against tables made by `open`, which closes them when the test ends. */
export function keyTableContract(name: string, open: Open): void {
  describe(`${name} as a KeyTable`, () => {
    describeSecret(open);
    describeKeys(open);
    describeResealing(open);
    describeRemoving(open);
    describeDropping(open);
  });
  describe(`${name}'s assignments of keys`, () => {
    describeAssigning(open);
    describeForgetting(open);
  });
}

function describeSecret(open: Open): void {
  it("has no derivation secret at first, and then keeps the first one it is given", async (t) => {
    const table = await open(t);
    assert.equal(await table.derivationSecret(), undefined);
    assert.deepEqual(await table.keepDerivationSecret(firstSecret), firstSecret);
    assert.deepEqual(await table.keepDerivationSecret(secondSecret), firstSecret);
    assert.deepEqual(await table.derivationSecret(), firstSecret);
  });

  it("gives all of many racing first starts the same derivation secret", async (t) => {
    const table = await open(t);
    const offers = Array.from({ length: 8 }, (_, number) => ({ sealed: `secret ${number}`, alias: "a" }));
    const kept = await Promise.all(offers.map((offer) => table.keepDerivationSecret(offer)));
    assert.equal(new Set(kept.map(({ sealed }) => sealed)).size, 1);
  });

  it("replaces the derivation secret's seal only while it is the one named", async (t) => {
    const table = await open(t);
    await table.keepDerivationSecret(firstSecret);
    assert.equal(await table.resealDerivationSecret({ ...firstSecret, alias: "b" }, secondSecret), false);
    assert.equal(await table.resealDerivationSecret(firstSecret, secondSecret), true);
    assert.equal(await table.resealDerivationSecret(firstSecret, { sealed: "three", alias: "c" }), false);
    assert.deepEqual(await table.derivationSecret(), secondSecret);
  });
}

function describeKeys(open: Open): void {
  it("gives back a key as it was kept, by its ID and by what it is for", async (t) => {
    const table = await open(t);
    const kept = key("a", { sealed: "x".repeat(3000) });
    assert.equal(await table.insertKey(kept), true);
    assert.deepEqual(await table.keyById(kept.keyId), kept);
    assert.deepEqual(await table.findKey(gun, "timestamp", kept.keyId), kept);
    assert.equal(await table.keyById(idOf("b")), undefined);
  });

  it("finds a key only for the role and the collection it was made for, letter by letter", async (t) => {
    const table = await open(t);
    const { keyId } = key("a");
    await table.insertKey(key("a"));
    assert.equal(await table.findKey(gun, "snapshot", keyId), undefined);
    for (const other of [gun.toUpperCase(), `${gun} `, `${gun}/`, ""])
      assert.equal(await table.findKey(other, "timestamp", keyId), undefined);
    assert.equal(await table.findKey(gun, "timestamp", keyId.toUpperCase()), undefined);
  });

  it("keeps keys of a signer that did not note what they are for", async (t) => {
    const table = await open(t);
    const kept = key("a", { gun: "", role: "", algorithm: "ed25519" });
    await table.insertKey(kept);
    assert.deepEqual(await table.keyById(kept.keyId), kept);
    assert.equal(await table.findKey(gun, "timestamp", kept.keyId), undefined);
  });

  it("notes once what a key without a purpose is for", async (t) => {
    const table = await open(t);
    const kept = key("a", { gun: "", role: "", sealed: "pkcs11:token=server;object=a", alias: "" });
    await table.insertKey(kept);
    assert.equal(await table.keepFor(kept.keyId, gun, "snapshot"), true);
    assert.equal(await table.keepFor(kept.keyId, gun, "snapshot"), true);
    assert.equal(await table.keepFor(kept.keyId, gun, "timestamp"), false);
    assert.equal(await table.keepFor(kept.keyId, "docker.io/library/other", "snapshot"), false);
    assert.deepEqual(await table.findKey(gun, "snapshot", kept.keyId), { ...kept, gun, role: "snapshot" });
    assert.equal(await table.keepFor(idOf("b"), gun, "snapshot"), false);
    await table.removeKey(kept.keyId, later);
    assert.equal(await table.keepFor(kept.keyId, gun, "snapshot"), false);
  });

  it("keeps the first of two keys with one ID", async (t) => {
    const table = await open(t);
    await table.insertKey(key("a"));
    assert.equal(await table.insertKey(key("a", { sealed: "another" })), true);
    assert.deepEqual(await table.keyById(idOf("a")), key("a"));
    assert.equal(await table.countKeys(gun, "timestamp"), 1);
  });

  it("counts the keys of one role of one collection", async (t) => {
    const table = await open(t);
    for (const name of ["a", "b", "c"]) await table.insertKey(key(name));
    await table.insertKey(key("d", { role: "snapshot" }));
    await table.insertKey(key("e", { gun: "docker.io/library/other" }));
    assert.equal(await table.countKeys(gun, "timestamp"), 3);
    assert.equal(await table.countKeys("docker.io/library", "timestamp"), 0);
  });

  it("counts the keys there are", async (t) => {
    const table = await open(t);
    assert.equal(await table.count(), 0);
    for (const name of ["a", "b"]) await table.insertKey(key(name));
    await table.insertKey(key("e", { gun: "docker.io/library/other" }));
    await table.removeKey(idOf("a"), later);
    assert.equal(await table.count(), 2);
  });

  it("lists keys in the order of their IDs, a page at a time", async (t) => {
    const table = await open(t);
    const names = ["a", "b", "c", "d", "e"];
    await Promise.all(names.map((name) => table.insertKey(key(name))));
    const ids = names.map(idOf).sort();
    const first = await table.keys("", 3);
    const rest = await table.keys(first.at(-1)?.keyId ?? "", 3);
    assert.deepEqual(
      [...first, ...rest].map(({ keyId }) => keyId),
      ids,
    );
    assert.deepEqual(await table.keys(ids.at(-1) ?? "", 3), []);
  });

  it("shows one key of each alias in use", async (t) => {
    const table = await open(t);
    assert.deepEqual(await table.oneKeyPerAlias(), []);
    await table.insertKey(key("a"));
    await table.insertKey(key("b"));
    await table.insertKey(key("c", { alias: "second" }));
    const shown = await table.oneKeyPerAlias();
    assert.deepEqual(shown.map(({ alias }) => alias).sort(), ["first", "second"]);
  });

  it("is healthy", async (t) => {
    await (await open(t)).check();
  });
}

function describeResealing(open: Open): void {
  it("replaces a key's seal only while it is the one named, and nothing else of it", async (t) => {
    const table = await open(t);
    const kept = key("a");
    await table.insertKey(kept);
    const seal = { sealed: "resealed", alias: "second" };
    assert.equal(await table.resealKey(kept.keyId, { ...kept, alias: "second" }, seal), false);
    assert.equal(await table.resealKey(kept.keyId, { ...kept, sealed: "other" }, seal), false);
    assert.equal(await table.resealKey(idOf("b"), kept, seal), false);
    assert.deepEqual(await table.keyById(kept.keyId), kept);
    assert.equal(await table.resealKey(kept.keyId, kept, seal), true);
    assert.deepEqual(await table.keyById(kept.keyId), { ...kept, ...seal });
    assert.deepEqual(await table.findKey(gun, "timestamp", kept.keyId), { ...kept, ...seal });
  });

  it("lets one of many that reseal at once win", async (t) => {
    const table = await open(t);
    const kept = key("a");
    await table.insertKey(kept);
    const seals = Array.from({ length: 8 }, (_, number) => ({ sealed: `resealed ${number}`, alias: "second" }));
    const won = await Promise.all(seals.map((seal) => table.resealKey(kept.keyId, kept, seal)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal((await table.keyById(kept.keyId))?.sealed, seals[won.indexOf(true)]?.sealed);
  });
}

function describeRemoving(open: Open): void {
  it("neither finds nor lists a removed key, nor reseals it", async (t) => {
    const table = await open(t);
    const [gone, left] = [key("a", { alias: "gone" }), key("b")];
    await table.insertKey(gone);
    await table.insertKey(left);
    assert.equal(await table.removeKey(gone.keyId, later), true);
    assert.equal(await table.removeKey(gone.keyId, later), false);
    assert.equal(await table.removeKey(idOf("c"), later), false);
    assert.equal(await table.keyById(gone.keyId), undefined);
    assert.equal(await table.findKey(gun, "timestamp", gone.keyId), undefined);
    assert.deepEqual(await table.keys("", 10), [left]);
    assert.deepEqual(await table.oneKeyPerAlias(), [left]);
    assert.equal(await table.resealKey(gone.keyId, gone, { sealed: "x", alias: "y" }), false);
  });

  it("still counts a removed key, and does not take it back", async (t) => {
    const table = await open(t);
    await table.insertKey(key("a"));
    await table.removeKey(idOf("a"), later);
    assert.equal(await table.countKeys(gun, "timestamp"), 1);
    assert.equal(await table.insertKey(key("a")), false);
    assert.equal(await table.keyById(idOf("a")), undefined);
  });
}

function describeDropping(open: Open): void {
  it("lists removed keys, for a table that is to know them, too", async (t) => {
    const table = await open(t);
    for (const name of ["a", "b", "c"]) await table.insertKey(key(name));
    for (const name of ["a", "b"]) await table.removeKey(idOf(name), later);
    const removed = [key("a", { sealed: "" }), key("b", { sealed: "" })].toSorted((a, b) =>
      a.keyId < b.keyId ? -1 : 1,
    );
    assert.deepEqual(await table.removedKeys("", 9), removed);
    assert.deepEqual(await table.removedKeys(removed[0]?.keyId ?? "", 9), removed.slice(1));
    assert.deepEqual(await table.removedKeys("", 1), removed.slice(0, 1));
  });

  it("drops a key that is what the caller has seen, and takes it back", async (t) => {
    const table = await open(t);
    await table.insertKey(key("a"));
    assert.equal(await table.dropKey(idOf("a"), { sealed: "another", alias: "first" }), false);
    assert.equal(await table.dropKey(idOf("a"), key("a")), true);
    assert.equal(await table.dropKey(idOf("a"), key("a")), false);
    assert.deepEqual([await table.countKeys(gun, "timestamp"), await table.removedKeys("", 9)], [0, []]);
    assert.equal(await table.insertKey(key("a")), true);
    await table.scrub();
    assert.deepEqual(await table.keyById(idOf("a")), key("a"));
  });

  it("drops the derivation secret, and takes another", async (t) => {
    const table = await open(t);
    await table.keepDerivationSecret(firstSecret);
    assert.equal(await table.dropDerivationSecret(secondSecret), false);
    assert.equal(await table.dropDerivationSecret(firstSecret), true);
    assert.equal(await table.derivationSecret(), undefined);
    assert.deepEqual(await table.keepDerivationSecret(secondSecret), secondSecret);
  });
}

function describeAssigning(open: Open): void {
  it("gives back what a key was assigned to, by its ID and by what it is pending for", async (t) => {
    const { assignments } = await open(t);
    const made = assignment("a");
    assert.equal(await assignments.assign(made), true);
    assert.deepEqual(await assignments.find(made.keyId), made);
    assert.deepEqual(await assignments.pending(made), made);
    assert.equal(await assignments.find(idOf("b")), undefined);
    for (const other of [{ gun: gun.toUpperCase() }, { role: "snapshot" as const }, { algorithm: "ed25519" }])
      assert.equal(await assignments.pending({ ...made, ...other }), undefined);
  });

  it("assigns a key once", async (t) => {
    const { assignments } = await open(t);
    await assignments.assign(assignment("a"));
    assert.equal(await assignments.assign(assignment("a", { gun: "docker.io/library/other" })), false);
    assert.equal(await assignments.assign(assignment("a", { gun: "docker.io/library/other", used: true })), false);
    assert.deepEqual(await assignments.find(idOf("a")), assignment("a"));
  });

  it("of many that promise a key to one role lets exactly one win", async (t) => {
    const { assignments } = await open(t);
    const offers = Array.from({ length: 8 }, (_, number) => assignment(`offer ${number}`));
    const won = await Promise.all(offers.map((offer) => assignments.assign(offer)));
    assert.equal(won.filter(Boolean).length, 1);
    assert.deepEqual(await assignments.pending(assignment("any")), offers[won.indexOf(true)]);
    assert.equal(await assignments.countPending(), 1);
  });

  it("uses a key only for the role and the collection it is assigned to", async (t) => {
    const { assignments } = await open(t);
    await assignments.assign(assignment("a"));
    for (const other of [{ gun: `${gun}2` }, { gun: gun.toUpperCase() }, { role: "snapshot" as const }])
      assert.equal(await assignments.use({ ...assignment("a"), ...other }), false);
    assert.equal((await assignments.find(idOf("a")))?.used, false);
    await assignments.use(assignment("a"));
    assert.equal(await assignments.use(assignment("a", { gun: `${gun}2` })), false);
  });

  it("promises another key once one is used, and keeps any number of used ones", async (t) => {
    const { assignments } = await open(t);
    await assignments.assign(assignment("a"));
    assert.equal(await assignments.use(assignment("a")), true);
    assert.equal(await assignments.use(assignment("a")), true);
    assert.equal(await assignments.use(assignment("unknown")), false);
    assert.deepEqual(await assignments.find(idOf("a")), assignment("a", { used: true }));
    assert.equal(await assignments.pending(assignment("a")), undefined);
    assert.equal(await assignments.assign(assignment("b", { used: true })), true);
    assert.equal(await assignments.assign(assignment("c")), true);
    assert.equal(await assignments.assign(assignment("d", { used: true })), true);
    assert.equal((await assignments.pending(assignment("any")))?.keyId, idOf("c"));
    assert.equal(await assignments.countPending(), 1);
  });
}

function describeForgetting(open: Open): void {
  it("forgets a pending key, which can then be assigned again", async (t) => {
    const { assignments } = await open(t);
    await assignments.assign(assignment("a"));
    assert.equal(await assignments.forget(idOf("a")), true);
    assert.equal(await assignments.forget(idOf("a")), false);
    assert.equal(await assignments.find(idOf("a")), undefined);
    const other = assignment("a", { gun: "docker.io/library/other", assignedAt: later });
    assert.equal(await assignments.assign(other), true);
    assert.deepEqual(await assignments.find(idOf("a")), other);
  });

  it("never forgets a used key", async (t) => {
    const { assignments } = await open(t);
    await assignments.assign(assignment("a"));
    await assignments.use(assignment("a"));
    assert.equal(await assignments.forget(idOf("a")), false);
    assert.deepEqual(await assignments.find(idOf("a")), assignment("a", { used: true }));
  });

  it("lets a key be either forgotten or used when both are asked for at once", async (t) => {
    const { assignments } = await open(t);
    await assignments.assign(assignment("a"));
    const [used, ...forgotten] = await Promise.all([
      assignments.use(assignment("a")),
      ...Array.from({ length: 4 }, () => assignments.forget(idOf("a"))),
    ]);
    assert.equal([used, ...forgotten].filter(Boolean).length, 1);
    assert.equal((await assignments.find(idOf("a")))?.used, used ? true : undefined);
  });

  it("names the pending key that has waited longest", async (t) => {
    const { assignments } = await open(t);
    assert.equal(await assignments.oldestPending(), undefined);
    await assignments.assign(assignment("b", { gun: "two", assignedAt: later }));
    await assignments.assign(assignment("a", { gun: "one" }));
    await assignments.assign(assignment("c", { gun: "three", assignedAt: new Date(0), used: true }));
    assert.deepEqual(await assignments.oldestPending(), assignment("a", { gun: "one" }));
    assert.equal(await assignments.countPending(), 2);
  });
}
