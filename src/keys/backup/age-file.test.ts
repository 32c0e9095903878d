import assert from "node:assert/strict";
import { test } from "node:test";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { hostileBytes } from "../../../test/support/fuzz.ts";
import { TagsealError } from "../../errors.ts";
import { armorAge, lockOf, openAge, parseAge, sealAge } from "./age-file.ts";

/** Cheap enough to be tried a hundred times. */
const workFactor = 4;
const malformed = { code: "BACKUP_MALFORMED" };
const text = "the keys\n".repeat(20_000);

test("what is sealed for a passphrase opens with it, armored or not, and with no other", async () => {
  const sealed = await sealAge(text, { passphrase: "a passphrase", workFactor });
  assert.equal(lockOf(sealed), "passphrase");
  assert.equal(await openAge(sealed, { passphrase: "a passphrase" }), text);
  await assert.rejects(openAge(sealed, { passphrase: "another one" }), { code: "PASSPHRASE_WRONG" });
  const armored = Buffer.from(`\n${await armorAge(sealed)}\n`);
  assert.deepEqual(await parseAge(armored), sealed);
  assert.deepEqual(await parseAge(sealed), sealed);
});

test("without a work factor, a guess at the passphrase costs 2^18 rounds of scrypt", async () => {
  const sealed = await sealAge("x", { passphrase: "a passphrase" });
  assert.match(Buffer.from(sealed).toString("latin1"), /^age-encryption\.org\/v1\n-> scrypt \S{22} 18\n/u);
});

test("what is sealed for recipients opens with the identity of each", async () => {
  const identities = [await generateX25519Identity(), await generateX25519Identity()];
  const recipients = await Promise.all(identities.map(async (identity) => identityToRecipient(identity)));
  const sealed = await sealAge(text, { recipients });
  assert.equal(lockOf(sealed), "identity");
  for (const identity of identities) assert.equal(await openAge(sealed, { identities: [identity] }), text);
  const stranger = await generateX25519Identity();
  await assert.rejects(openAge(sealed, { identities: [stranger] }), { code: "BACKUP_LOCKED" });
  assert.equal(await openAge(sealed, { identities: [stranger, identities[1] ?? ""] }), text);
});

test("the file has no stanza but those of its recipients", async () => {
  const recipient = await identityToRecipient(await generateX25519Identity());
  const sealed = Buffer.from(await sealAge("x", { recipients: [recipient] })).toString("latin1");
  assert.equal(sealed.match(/^-> /gmu)?.length, 1);
});

test("what is not a recipient is refused, and a secret identity is not repeated", async () => {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  for (const given of ["", "age1", `${recipient.slice(0, -1)}q`, "ssh-ed25519 AAAA", "a@example.com"])
    await assert.rejects(sealAge("x", { recipients: [recipient, given] }), { code: "USAGE" });
  await assert.rejects(sealAge("x", { recipients: [identity.toLowerCase()] }), (error: unknown) => {
    assert.ok(error instanceof TagsealError && error.code === "USAGE");
    assert.ok(!`${error.message} ${error.hint}`.toUpperCase().includes(identity.slice(20)));
    return true;
  });
});

test("anything else is no age file; a damaged or shortened one is said to be damaged", async () => {
  const identity = await generateX25519Identity();
  const sealed = await sealAge(text, { recipients: [await identityToRecipient(identity)] });
  assert.equal(await parseAge(Buffer.from("-----BEGIN ENCRYPTED PRIVATE KEY-----")), undefined);
  assert.equal(await parseAge(Buffer.alloc(0)), undefined);
  const end = sealed.length - 1;
  const flipped = sealed.map((byte, index) => (index === end ? byte ^ 1 : byte));
  for (const damaged of [flipped, sealed.subarray(0, end), sealed.subarray(0, 100), sealed.subarray(0, 22)])
    await assert.rejects(openAge(damaged, { identities: [identity] }), malformed);
  const armored = await armorAge(sealed);
  for (const cut of [armored.slice(0, 500), armored.replace("\n", "\n!")])
    await assert.rejects(parseAge(Buffer.from(cut)), malformed);
});

test("I1: a header without an end is not read further, and costs no time for its recipients", async () => {
  const stanza = `-> X25519 ${"A".repeat(43)}\n${"A".repeat(43)}\n`;
  const endless = Buffer.from(`age-encryption.org/v1\n${stanza.repeat(50_000)}--- ${"A".repeat(43)}\n`);
  const started = performance.now();
  await assert.rejects(openAge(endless, { identities: [await generateX25519Identity()] }), malformed);
  assert.ok(performance.now() - started < 1000);
});

test("I1: a file that asks for endless work is refused", async () => {
  const honest = Buffer.from(await sealAge("x", { passphrase: "a passphrase", workFactor })).toString("latin1");
  const costly = Buffer.from(honest.replace(/^(-> scrypt \S+) 4$/mu, "$1 30"), "latin1");
  assert.notDeepEqual(costly.toString("latin1"), honest);
  await assert.rejects(openAge(costly, { passphrase: "a passphrase" }), malformed);
});

test("I1: hostile bytes never open, and are refused in known words", async () => {
  const identity = await generateX25519Identity();
  const honest = Buffer.from(await sealAge("x", { recipients: [await identityToRecipient(identity)] }));
  await fc.assert(
    fc.asyncProperty(hostileBytes(honest, Buffer.from(await armorAge(honest))), async (bytes) => {
      try {
        const file = await parseAge(bytes);
        if (file !== undefined) assert.equal(await openAge(file, { identities: [identity] }), "x");
      } catch (error) {
        assert.ok(error instanceof TagsealError, String(error));
        assert.match(error.code, /^(?:BACKUP_MALFORMED|BACKUP_LOCKED)$/u);
      }
    }),
    { numRuns: 100 },
  );
});
