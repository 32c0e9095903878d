import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import type { SigningKey } from "../../src/crypto/private-key.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { inspectTrust } from "../../src/trust/reading/inspect.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { digestOf, type Person, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();

/** An owner, a signer alice who signed v1 on another machine, and a reader who has seen it. */
async function signed(repository: string): Promise<{
  owner: Person;
  ownerOn: TrustContext;
  alice: Person;
  aliceOn: TrustContext;
  warm: TrustContext;
  first: SigningKey;
}> {
  const [owner, alice, reader] = [await story.person(), await story.person(), await story.person()];
  const [ownerOn, aliceOn, warm] = (await Promise.all(
    [owner, alice, reader].map((person) => person.open(repository)),
  )) as [TrustContext, TrustContext, TrustContext];
  const first = await made(alice);
  await addSigner(ownerOn, "alice", [first.publicKey]);
  await signTags(aliceOn, [tagOf("v1")]);
  await verifyTag(warm, "v1");
  return { owner, ownerOn, alice, aliceOn, warm, first };
}

async function made(person: Person): Promise<SigningKey> {
  const key = PrivateKey.generate("ecdsa");
  await person.keys.add(key, { role: "alice" });
  return key;
}

test("a signer's new key made by the owner signs again what the old one signed, in both roles", async () => {
  const { owner, ownerOn, aliceOn, warm, first } = await signed("signer/made");
  const result = await rotateKey(ownerOn, "targets/alice");
  deepEqual([result.holder, result.oldCanonicalIds], ["signer", [first.publicKey.keyId]]);
  const verified = await verifyTag(warm, "v1");
  deepEqual([verified.digest, verified.signers, verified.role], [digestOf("v1"), ["alice"], "targets/releases"]);
  deepEqual((await inspectTrust(warm)).signers, [{ name: "alice", keyIds: result.newCanonicalIds, threshold: 1 }]);
  await rejects(signTags(aliceOn, [tagOf("v2")]), { code: "SIGNING_KEY_MISSING" });
  deepEqual((await owner.keys.find(result.newCanonicalIds[0] ?? ""))?.role, "alice");
  await signTags(ownerOn, [tagOf("v2")]);
  equal((await verifyTag(warm, "v2")).digest, digestOf("v2"));
});

test("a new key elsewhere is refused while it would cost readers the signer's tags, with the way on, which works", async () => {
  const { owner, ownerOn, alice, aliceOn, warm, first } = await signed("signer/elsewhere");
  const next = await made(alice);
  const keys = async () => [next.publicKey];
  await rejects(
    rotateKey(ownerOn, "targets/alice", { keys }),
    (error: { code: string; message: string; hint: string }) => {
      equal(error.code, "SIGNING_KEY_MISSING");
      match(
        error.message,
        /^targets\/alice of localhost:5000\/signer\/elsewhere is signed by the old key, .* lose the 1 tags/u,
      );
      match(error.hint, /trust signer add --key KEY\.pub alice .*trust witness .* targets\/alice targets\/releases\./u);
      return true;
    },
  );
  equal((await verifyTag(warm, "v1")).digest, digestOf("v1"));
  await addSigner(ownerOn, "alice", [next.publicKey]);
  await signTags(aliceOn, [tagOf("v2")]);
  const { oldCanonicalIds } = await rotateKey(ownerOn, "targets/alice", { keys, replace: [first.publicKey.keyId] });
  deepEqual(oldCanonicalIds, [first.publicKey.keyId]);
  deepEqual((await inspectTrust(warm)).signers, [{ name: "alice", keyIds: [next.publicKey.keyId], threshold: 1 }]);
  deepEqual(
    (await listTags(warm)).map(({ tag }) => tag),
    ["v1", "v2"],
  );
  equal((await owner.keys.list()).length, 2, "no key was made");
});

test("forced, a leaked key counts no longer at once, and readers are told of nothing that it signed", async () => {
  const { owner, ownerOn, alice, aliceOn, warm } = await signed("signer/forced");
  const next = await made(alice);
  await rotateKey(ownerOn, "targets/alice", { keys: async () => [next.publicKey], force: true });
  deepEqual(await listTags(warm), []);
  ok(
    warningsOf(owner).some((text) =>
      text.includes("readers lose the 1 tags of targets/alice until alice signs it again"),
    ),
  );
  await signTags(aliceOn, [tagOf("v2")]);
  deepEqual(
    (await listTags(warm)).map(({ tag }) => tag),
    ["v2"],
  );
});

test("a key that two signers share stays released for the other one", async () => {
  const { owner, ownerOn, aliceOn, warm, first } = await signed("signer/shared");
  await addSigner(ownerOn, "bob", [first.publicKey]);
  await signTags(aliceOn, [tagOf("v2")]);
  await rotateKey(ownerOn, "targets/bob");
  deepEqual(
    (await listTags(warm)).map(({ tag }) => tag),
    ["v1", "v2"],
  );
  await signTags(aliceOn, [tagOf("v3")]);
  equal((await verifyTag(warm, "v3")).digest, digestOf("v3"));
  ok((await owner.keys.list()).some(({ role }) => role === "bob"));
});

test("without the repository key, for an unknown signer, and for the list of releases it is refused before a key is made", async () => {
  const { alice, aliceOn, ownerOn } = await signed("signer/refused");
  await rejects(rotateKey(aliceOn, "targets/alice"), { code: "SIGNING_KEY_MISSING" });
  equal((await alice.keys.list()).length, 1);
  await rejects(rotateKey(ownerOn, "targets/bob"), {
    code: "SIGNER_UNKNOWN",
    hint: "It has targets/alice, targets/releases.",
  });
  await rejects(rotateKey(ownerOn, "targets/repository"), { hint: "The role of the repository key is targets." });
  await rejects(rotateKey(ownerOn, "targets/releases"), { code: "USAGE" });
});

test("of several keys of a signer, none is replaced unless it is named", async () => {
  const { ownerOn, alice, first } = await signed("signer/several");
  const second = await made(alice);
  await addSigner(ownerOn, "alice", [second.publicKey]);
  await rejects(rotateKey(ownerOn, "targets/alice"), { code: "USAGE", message: /has 2 keys: / });
  await rejects(rotateKey(ownerOn, "targets/alice", { replace: ["0".repeat(64)] }), { code: "KEY_NOT_FOUND" });
  const { newCanonicalIds } = await rotateKey(ownerOn, "targets/alice", { replace: [first.publicKey.keyId] });
  deepEqual((await inspectTrust(ownerOn)).signers, [
    { name: "alice", keyIds: [second.publicKey.keyId, ...newCanonicalIds], threshold: 1 },
  ]);
});
