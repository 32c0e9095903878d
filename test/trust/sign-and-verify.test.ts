import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { initialiseCollection } from "../../src/trust/publishing/initialise.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { digestOf, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();

test("the first signature initialises the repository, and readers verify it, pinning the root once", async () => {
  const publisher = await story.person();
  const context = await publisher.open("first/app");
  const result = await signTags(context, [tagOf("v1")]);
  deepEqual(result, { initialised: true, signed: [{ tag: "v1", digest: digestOf("v1"), roles: ["targets"] }] });
  const kinds = publisher.events.map(({ kind }) => kind);
  deepEqual(kinds, ["key-created", "key-created", "signing", "initialised", "signed"]);

  const reader = await story.person();
  const verified = await verifyTag(await reader.open("first/app"), "v1");
  deepEqual([verified.digest, verified.length, verified.role, verified.signers], [digestOf("v1"), 2, "targets", []]);
  equal(verified.pinnedOnFirstUse, true);
  const initialised = publisher.events.find((event) => event.kind === "initialised");
  deepEqual(reader.events, [
    { kind: "pinned-root", gun: "localhost:5000/first/app", rootKeyIds: [initialised?.rootCertificateId] },
  ]);
  equal((await verifyTag(await reader.open("first/app"), "v1")).pinnedOnFirstUse, false);
});

test("a tag can be moved; a reader sees the new digest and no other", async () => {
  const publisher = await (await story.person()).open("moved/app");
  await signTags(publisher, [tagOf("stable", "old")]);
  const reader = await (await story.person()).open("moved/app");
  equal((await verifyTag(reader, "stable")).digest, digestOf("old"));
  await signTags(publisher, [tagOf("stable", "new")]);
  equal((await verifyTag(reader, "stable")).digest, digestOf("new"));
});

test("several tags are signed in one publish, and listed in natural order", async () => {
  const publisher = await (await story.person()).open("several/app");
  await signTags(
    publisher,
    ["v10", "v2", "latest", "v1"].map((tag) => tagOf(tag)),
  );
  const reader = await (await story.person()).open("several/app");
  const listed = await listTags(reader);
  deepEqual(
    listed.map(({ tag }) => tag),
    ["latest", "v1", "v2", "v10"],
  );
  deepEqual(listed[1], { tag: "v1", digest: digestOf("v1"), length: 2, role: "targets", signers: [], cached: false });
});

test("signing what is signed already publishes nothing", async () => {
  const publisher = await (await story.person()).open("again/app");
  await signTags(publisher, [tagOf("v1")]);
  const before = await verifyTag(publisher, "v1");
  deepEqual((await signTags(publisher, [tagOf("v1")])).signed, [
    { tag: "v1", digest: digestOf("v1"), roles: ["targets"] },
  ]);
  deepEqual((await verifyTag(publisher, "v1")).freshUntil, before.freshUntil);
});

test("the event before signing shows what was signed until now", async () => {
  const person = await story.person();
  const context = await person.open("existing/app");
  await signTags(context, [tagOf("v1", "a")]);
  await signTags(context, [tagOf("v1", "b")]);
  const signing = person.events.filter((event) => event.kind === "signing");
  equal(signing[0]?.existing, undefined);
  equal(signing[1]?.existing?.digest, digestOf("a"));
});

test("an unsigned tag and an unsigned repository are different errors", async () => {
  const publisher = await (await story.person()).open("known/app");
  await signTags(publisher, [tagOf("v1")]);
  const reader = await story.person();
  await rejects(verifyTag(await reader.open("known/app"), "v2"), {
    code: "TAG_NOT_SIGNED",
    message: "No valid trust data for v2",
  });
  const { host } = new URL(story.url);
  await rejects(verifyTag(await reader.open("unknown/app"), "v1"), {
    code: "REPOSITORY_NOT_SIGNED",
    message: `${host} does not have trust data for localhost:5000/unknown/app`,
  });
  await rejects(signTags(await reader.open("unknown/app"), [tagOf("v1")], { initialise: false }), {
    code: "REPOSITORY_NOT_SIGNED",
  });
});

test("I5: name:tag@digest holds only if the tag is signed for that very digest", async () => {
  const publisher = await (await story.person()).open("digest/app");
  await signTags(publisher, [tagOf("v1")]);
  equal((await verifyTag(publisher, "v1", digestOf("v1"))).digest, digestOf("v1"));
  await rejects(verifyTag(publisher, "v1", digestOf("another")), { code: "TAG_DIGEST_MISMATCH" });
});

test("initialising makes an empty repository once, and no second root key", async () => {
  const person = await story.person();
  const made = await initialiseCollection(await person.open("empty/one"));
  const second = await initialiseCollection(await person.open("empty/two"));
  equal(made.rootKeyId, second.rootKeyId);
  ok(made.rootCertificateId !== second.rootCertificateId && made.targetsKeyId !== second.targetsKeyId);
  deepEqual(await listTags(await person.open("empty/one")), []);
  await rejects(initialiseCollection(await person.open("empty/one")), { code: "USAGE" });
  equal((await person.keys.list()).length, 3);
});

test("of several root keys the lexicographically first is used, as docker does", async () => {
  const person = await story.person();
  const { PrivateKey } = await import("../../src/crypto/private-key.ts");
  const keys = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ecdsa"), PrivateKey.generate("ecdsa")];
  for (const key of keys) await person.keys.add(key, { role: "root" });
  const { rootKeyId } = await initialiseCollection(await person.open("roots/app"));
  equal(rootKeyId, keys.map(({ publicKey }) => publicKey.keyId).sort()[0]);
});
