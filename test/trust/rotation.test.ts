import { deepEqual, equal, fail, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { inspectTrust } from "../../src/trust/reading/inspect.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { digestOf, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();

for (const role of ["targets", "snapshot", "timestamp", "root"] as const) {
  test(`after rotating the ${role} key a reader with a warm cache follows, one with a cold cache verifies, the owner signs on`, async () => {
    const owner = await (await story.person()).open(`rotate/${role}`);
    await signTags(owner, [tagOf("v1")]);
    const warm = await (await story.person()).open(`rotate/${role}`);
    await verifyTag(warm, "v1");
    const { newKeyIds, oldKeyIds } = await rotateKey(owner, role);
    ok(newKeyIds.length === 1 && oldKeyIds.length === 1 && newKeyIds[0] !== oldKeyIds[0]);
    for (const reader of [warm, await (await story.person()).open(`rotate/${role}`)]) {
      equal((await verifyTag(reader, "v1")).digest, digestOf("v1"));
    }
    await signTags(owner, [tagOf("v2")]);
    equal((await verifyTag(warm, "v2")).digest, digestOf("v2"));
  });
}

test("a new repository gets the root key that others have after a rotation, although the old one is still here", async () => {
  const person = await story.person();
  const first = await person.open("rotate/first");
  await signTags(first, [tagOf("v1")]);
  const { keyId: old } = (await person.keys.keptFor(["root"])) ?? fail("the owner has a root key");
  let next = PrivateKey.generate("ecdsa");
  // The one that docker would not take.
  while (next.publicKey.keyId < old) next = PrivateKey.generate("ecdsa");
  await person.keys.add(next, { role: "root" });
  await rotateKey(first, "root", { keys: async () => [next.publicKey] });
  equal((await person.keys.keptFor(["root"]))?.keyId, old);
  const { initialised } = await signTags(await person.open("rotate/second"), [tagOf("v1")]);
  ok(initialised);
  const event = person.events.findLast(({ kind }) => kind === "initialised");
  equal(event?.kind === "initialised" ? event.rootKeyId : undefined, next.publicKey.keyId);
  ok(
    warningsOf(person).some((text) => text.includes(`gets ${next.publicKey.keyId}, which most repositories here have`)),
  );
});

test("a reader who slept through several rotations of every key follows them all", async () => {
  const owner = await (await story.person()).open("rotate/often");
  await signTags(owner, [tagOf("v1")]);
  const sleeper = await (await story.person()).open("rotate/often");
  await verifyTag(sleeper, "v1");
  for (const role of ["root", "targets", "root", "timestamp", "root"] as const) await rotateKey(owner, role);
  equal((await verifyTag(sleeper, "v1")).digest, digestOf("v1"));
});

test("the keys shown are the new ones, and old private keys are kept", async () => {
  const person = await story.person();
  const owner = await person.open("rotate/shown");
  await signTags(owner, [tagOf("v1")]);
  const before = await person.keys.list();
  const { newKeyIds } = await rotateKey(owner, "targets");
  deepEqual((await inspectTrust(owner)).repositoryKeyIds, newKeyIds);
  const after = (await person.keys.list()).map(({ keyId }) => keyId);
  ok(before.every(({ keyId }) => after.includes(keyId)));
});

test("a rotation that is refused leaves the owner able to sign, and no unneeded key", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const owner = await person.open("rotate/refused", { via: proxy });
  await signTags(owner, [tagOf("v1")]);
  proxy.tamper = async (asked, forward) =>
    asked.method === "POST" ? { status: 400, body: Buffer.of() } : await forward();
  await rejects(rotateKey(owner, "targets"), { code: "TRUST_SERVER_REFUSED" });
  equal((await person.keys.list()).length, 2);
  proxy.tamper = async (_, forward) => await forward();
  await signTags(owner, [tagOf("v2")]);
});

test("without the root key nothing is rotated", async () => {
  const person = await story.person();
  await signTags(await person.open("rotate/rootless"), [tagOf("v1")]);
  const keys = new MemoryKeyStore();
  await rejects(rotateKey(await person.open("rotate/rootless", { keys }), "timestamp"), {
    code: "SIGNING_KEY_MISSING",
  });
  await rejects(rotateKey(await person.open("rotate/none", { keys }), "timestamp"), { code: "REPOSITORY_NOT_SIGNED" });
});

test("another publisher's change during a rotation is kept", async () => {
  const { person, honest, proxy } = await story.contested("rotate/race");
  let posts = 0;
  proxy.tamper = async (asked, forward) => {
    if (asked.method === "POST" && asked.file === "" && posts++ === 0)
      await signTags({ ...honest, exclusively: async (work) => await work() }, [tagOf("v2")]);
    return await forward();
  };
  await rotateKey(await person.open("rotate/race", { via: proxy }), "targets");
  equal((await verifyTag(honest, "v2")).digest, digestOf("v2"));
  equal(
    (await person.keys.list()).filter(({ role }) => role === "targets").length,
    2,
    "one new key, not one an attempt",
  );
});
