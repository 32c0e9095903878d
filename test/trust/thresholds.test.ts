/** Roles that several keys must sign: who can change them, with which keys here, and what readers and the server make of it. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { revokeTags } from "../../src/trust/publishing/revoke.ts";
import { initialiseCollection } from "../../src/trust/publishing/initialise.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { readCollection } from "../../src/trust/reading/collection-reading.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { renewCollection } from "../../src/trust/renewal/renew.ts";
import { rotateKey, type RotateOptions, type RotateResult } from "../../src/trust/rotation/rotate.ts";
import { purgeDelegationKeys, removeFromDelegation } from "../../src/trust/delegations/edit-delegations.ts";
import { addSigner, removeSigner } from "../../src/trust/signers/signer.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import type { BaseRole } from "../../src/tuf/metadata.ts";
import { digestOf, type Person, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();

/** A new repository whose `targets` is signed by two of three keys; all of them are the owner's. */
async function twoOfThree(path: string): Promise<{ owner: Person; context: TrustContext; keys: PrivateKey[] }> {
  const owner = await story.person();
  const context = await owner.open(path);
  await signTags(context, [tagOf("v1")]);
  const keys = [0, 1, 2].map(() => PrivateKey.generate("ecdsa"));
  for (const key of keys) await owner.keys.add(key, { role: "targets", gun: context.gun });
  await change(context, "targets", keys, { threshold: 2 });
  return { owner, context, keys };
}

async function change(
  context: TrustContext,
  role: BaseRole,
  keys: readonly (PrivateKey | PublicKey)[],
  options: RotateOptions = {},
): Promise<RotateResult> {
  const given = keys.map((key) => (key instanceof PublicKey ? key : key.publicKey));
  return await rotateKey(context, role, { ...options, keys: async () => await Promise.resolve(given) });
}

async function holding(path: string, ...keys: readonly PrivateKey[]): Promise<TrustContext> {
  const store = new MemoryKeyStore();
  const context = await (await story.person({ keys: store })).open(path);
  for (const key of keys) await store.add(key, { role: "targets", gun: context.gun });
  return context;
}

async function certificateOf(key: PrivateKey, gun: string): Promise<PublicKey> {
  return PublicKey.fromCertificatePem(await createRootCertificate(key, gun, new Date()));
}

async function roleIn(
  context: TrustContext,
  role: BaseRole,
): Promise<{ threshold: number; keyIds: readonly string[] }> {
  const { root } = await readCollection(context);
  const { threshold, keyIds } = root.body.roles.get(role) ?? { threshold: 0, keyIds: [] };
  return { threshold, keyIds: keyIds ?? [] };
}

test("targets of two in three: any two keys sign, and readers with warm and cold caches verify", async () => {
  const path = "threshold/targets";
  const { context, keys } = await twoOfThree(path);
  const [a, b, c] = keys as [PrivateKey, PrivateKey, PrivateKey];
  const warm = await (await story.person()).open(path);
  await verifyTag(warm, "v1");
  for (const [index, pair] of [
    [a, b],
    [b, c],
    [a, c],
  ].entries()) {
    const tag = `two-${index}`;
    await signTags(await holding(path, ...pair), [tagOf(tag)]);
    for (const reader of [warm, await (await story.person()).open(path)])
      equal((await verifyTag(reader, tag)).digest, digestOf(tag));
  }
  equal((await readCollection(context)).targets.signatures.length, 2);
});

test("I2: with one key of two nothing is sent, whatever would be signed, and the missing keys are named", async () => {
  const path = "threshold/alone";
  const { keys } = await twoOfThree(path);
  const proxy = await story.tamperingProxy();
  let posts = 0;
  proxy.tamper = async (asked, forward) => {
    if (asked.method === "POST" && asked.file === "") posts++;
    return await forward();
  };
  const [a, b, c] = keys as [PrivateKey, PrivateKey, PrivateKey];
  const store = new MemoryKeyStore();
  const alone = await (await story.person({ keys: store })).open(path, { via: proxy });
  await store.add(a, { role: "targets", gun: alone.gun });
  const missing = new RegExp(
    `^This machine has 1 of the 2 keys that must sign\\. .*: ${b.publicKey.keyId}, ${c.publicKey.keyId}\\.$`,
    "u",
  );
  const refusal = {
    code: "SIGNING_KEY_MISSING",
    message: /at least 2 of these keys must be available/u,
    hint: missing,
  };
  const alice = PrivateKey.generate("ecdsa").publicKey;
  await rejects(signTags(alone, [tagOf("v2")]), refusal);
  await rejects(revokeTags(alone, ["v1"]), refusal);
  await rejects(addSigner(alone, "alice", [alice]), refusal);
  equal(posts, 0);
  deepEqual((await renewCollection(alone)).renewed, []);
  deepEqual(
    (await listTags(alone)).map(({ tag }) => tag),
    ["v1"],
  );
});

test("I2: with one key of two no signer, no delegation and no key of one is removed; with two they are", async () => {
  const path = "threshold/removal";
  const { owner, context, keys } = await twoOfThree(path);
  const [a, b] = keys as [PrivateKey, PrivateKey, PrivateKey];
  const alice = PrivateKey.generate("ecdsa");
  await owner.keys.add(alice, { role: "alice" });
  await addSigner(context, "alice", [alice.publicKey]);
  await signTags(context, [tagOf("v2")]);
  const proxy = await story.tamperingProxy();
  const posts = (): number => proxy.requests.filter((request) => request.startsWith("POST")).length;
  const store = new MemoryKeyStore();
  const alone = await (await story.person({ keys: store })).open(path, { via: proxy });
  await store.add(a, { role: "targets", gun: alone.gun });
  const { targets } = await readCollection(alone);
  const { keyId } = alice.publicKey;
  const confirm = async (): Promise<boolean> => true;
  const whole = { keyIds: [], paths: [], allPaths: false };
  const refusal = { code: "SIGNING_KEY_MISSING" };
  await rejects(removeSigner(alone, "alice", { confirmLastSigner: confirm }), refusal);
  for (const role of ["targets/alice", "targets/releases"]) {
    await rejects(removeFromDelegation(alone, { ...whole, role }, confirm), refusal);
    await rejects(removeFromDelegation(alone, { ...whole, role, allPaths: true }, confirm), refusal);
  }
  await rejects(removeFromDelegation(alone, { ...whole, role: "targets/releases", keyIds: [keyId] }, confirm), refusal);
  await rejects(purgeDelegationKeys(alone, [keyId], confirm), refusal);
  equal(posts(), 0);
  deepEqual((await readCollection(alone)).targets.bytes, targets.bytes);
  equal((await verifyTag(await (await story.person()).open(path), "v2")).digest, digestOf("v2"));
  await store.add(b, { role: "targets", gun: alone.gun });
  equal(await removeSigner(alone, "alice", { confirmLastSigner: confirm }), true);
  equal(posts(), 1);
  equal((await readCollection(alone)).targets.signatures.length, 2);
});

test("no key is unlocked for what cannot be signed", async () => {
  const path = "threshold/locked";
  const { keys } = await twoOfThree(path);
  let unlocked = 0;
  const store = new (class extends MemoryKeyStore {
    override async signingKey(keyId: string): Promise<Awaited<ReturnType<MemoryKeyStore["signingKey"]>>> {
      unlocked++;
      return await super.signingKey(keyId);
    }
  })();
  const alone = await (await story.person({ keys: store })).open(path);
  await store.add(keys[0] as PrivateKey, { role: "targets", gun: alone.gun });
  await rejects(signTags(alone, [tagOf("v2")]), { code: "SIGNING_KEY_MISSING" });
  equal(unlocked, 0);
});

test("root of two: each change is signed by both, also at the threshold before, and sleepers follow", async () => {
  const path = "threshold/root";
  const owner = await story.person();
  const context = await owner.open(path);
  await signTags(context, [tagOf("v1")]);
  const sleeper = await (await story.person()).open(path);
  await verifyTag(sleeper, "v1");
  const first = (await owner.keys.list()).find(({ role }) => role === "root");
  const firstKey = await owner.keys.signingKey(first?.keyId ?? "");
  const before = await roleIn(context, "root");
  const second = PrivateKey.generate("ecdsa");
  await owner.keys.add(second, { role: "root" });
  ok(firstKey !== undefined);
  const result = await change(context, "root", [firstKey.publicKey, second], { threshold: 2 });
  deepEqual([result.threshold, result.keyCount, result.oldKeyIds], [2, 2, []]);
  const after = await roleIn(context, "root");
  equal(after.keyIds[0], before.keyIds[0], "the certificate that readers may have pinned stays");
  match(warningsOf(owner).join("\n"), /all 2 keys of root must sign: if one is lost, no key of this repository/u);
  await rotateKey(context, "timestamp");
  equal((await readCollection(context)).root.signatures.length, 2);
  await owner.keys.remove(second.publicKey.keyId);
  await rejects(rotateKey(context, "targets"), {
    code: "SIGNING_KEY_MISSING",
    message: /fewer than 2 root keys are on this machine/u,
    hint: new RegExp(`1 of the 2 keys that must sign.*: ${second.publicKey.keyId}\\.$`, "u"),
  });
  await rejects(rotateKey(context, "root", { threshold: 1 }), { code: "SIGNING_KEY_MISSING" });
  await owner.keys.add(second, { role: "root" });
  await rotateKey(context, "root", { threshold: 1 });
  deepEqual(await roleIn(context, "root"), { ...after, threshold: 1 });
  equal((await verifyTag(sleeper, "v1")).digest, digestOf("v1"));
});

test("only the threshold changes, and a second run has nothing to do", async () => {
  const { owner, context } = await twoOfThree("threshold/only");
  const before = await roleIn(context, "targets");
  for (const outcome of ["rotated", "unchanged"] as const) {
    const result = await rotateKey(context, "targets", { threshold: 3 });
    deepEqual([result.outcome, result.newKeyIds, result.oldKeyIds, result.threshold], [outcome, [], [], 3]);
  }
  deepEqual(await roleIn(context, "targets"), { ...before, threshold: 3 });
  match(warningsOf(owner).join("\n"), /all 3 keys of targets must sign: if one is lost, it cannot be signed until/u);
  await rejects(rotateKey(context, "targets", { threshold: 4 }), {
    code: "USAGE",
    message: "targets would have 3 of the 4 keys that must sign",
  });
  for (const role of ["snapshot", "timestamp", "targets/alice"])
    await rejects(rotateKey(context, role, { threshold: 2 }), { code: "USAGE", message: /cannot be changed/u });
});

test("one key of several is replaced, and the others stay with the threshold", async () => {
  const { owner, context, keys } = await twoOfThree("threshold/replace");
  const [a, b, c] = keys.map(({ publicKey }) => publicKey.keyId) as [string, string, string];
  await rejects(rotateKey(context, "targets"), { code: "USAGE", hint: /--replace/u });
  const colleague = PrivateKey.generate("ecdsa").publicKey;
  await rejects(change(context, "targets", [colleague]), { code: "USAGE", hint: /--key keeps one/u });
  await change(context, "targets", [colleague], { replace: [a] });
  deepEqual(await roleIn(context, "targets"), { threshold: 2, keyIds: [b, c, colleague.keyId] });
  const { newKeyIds } = await rotateKey(context, "targets", { replace: [b] });
  deepEqual(await roleIn(context, "targets"), { threshold: 2, keyIds: [c, colleague.keyId, ...newKeyIds] });
  await signTags(context, [tagOf("v2")]);
  await owner.keys.remove(c);
  await rejects(change(context, "targets", [PrivateKey.generate("ecdsa").publicKey], { replace: [c] }), {
    code: "SIGNING_KEY_MISSING",
    message: /the new keys sign as well, and fewer than 2 of them are on this machine/u,
  });
});

test("I2: two certificates of one root key are one key", async () => {
  const owner = await story.person();
  const key = PrivateKey.generate("ecdsa");
  await owner.keys.add(key, { role: "root" });
  const context = await owner.open("threshold/certificates");
  const twice = [await certificateOf(key, context.gun), await certificateOf(key, context.gun)];
  const [certificate, other] = twice as [PublicKey, PublicKey];
  await rejects(initialiseCollection(context, { certificate, more: [{ certificate: other }], threshold: 2 }), {
    code: "USAGE",
    message: "root would have 1 of the 2 keys that must sign",
  });
  await initialiseCollection(context, { certificate });
  await rejects(change(context, "root", twice, { threshold: 2 }), { code: "USAGE" });
});

test("a colleague's root key comes as a public key: the present root key, or the first one, issues its certificate", async () => {
  const owner = await story.person();
  const context = await owner.open("threshold/issued");
  const own = PrivateKey.generate("ecdsa");
  await owner.keys.add(own, { role: "root" });
  const [one, two] = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ecdsa")];
  await initialiseCollection(context, { key: own.publicKey, more: [{ key: one.publicKey }] });
  await rejects(change(context, "root", [own, one, two], { threshold: 2 }), { code: "SIGNING_KEY_MISSING" });
  await owner.keys.add(two, { role: "root" });
  await change(context, "root", [own, one, two], { threshold: 2 });
  await signTags(context, [tagOf("v1")]);
  const colleague = await story.person();
  for (const key of [one, two]) await colleague.keys.add(key, { role: "root" });
  await rotateKey(await colleague.open("threshold/issued"), "timestamp");
  await verifyTag(await (await story.person()).open("threshold/issued"), "v1");
});

test("a repository begins with several root keys, a colleague's among them", async () => {
  const owner = await story.person();
  const keys = [0, 1].map(() => PrivateKey.generate("ecdsa"));
  for (const key of keys) await owner.keys.add(key, { role: "root" });
  const context = await owner.open("threshold/begin");
  const colleague = await certificateOf(PrivateKey.generate("ecdsa"), context.gun);
  const [one, two] = keys.map(({ publicKey }) => ({ key: publicKey }));
  ok(one !== undefined && two !== undefined);
  await rejects(initialiseCollection(context, { ...one, more: [{ certificate: colleague }], threshold: 2 }), {
    code: "SIGNING_KEY_MISSING",
    hint: new RegExp(`: ${colleague.bareKeyId}\\.$`, "u"),
  });
  const made = await initialiseCollection(context, { ...one, more: [two, { certificate: colleague }], threshold: 2 });
  const { threshold, keyIds } = await roleIn(context, "root");
  equal(threshold, 2);
  deepEqual(keyIds, [made.rootCertificateId, ...(made.moreRootCertificateIds ?? [])]);
  equal(keyIds[2], colleague.keyId);
  await signTags(context, [tagOf("v1")]);
  await verifyTag(await (await story.person()).open("threshold/begin"), "v1");
});
