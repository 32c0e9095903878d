import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { handOver } from "../../src/trust/recovery/hand-over.ts";
import { readExpired } from "../../src/trust/reading/expired-reading.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { dayClock, dayMs } from "../support/day-clock.ts";
import { digestOf, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const { now, later } = dayClock(new Date("2026-01-01T00:00:00Z"));

const story = trustStory({ now });

test("I4: expired targets are refused to readers, and repaired by their owner's next signature", async () => {
  const owner = await story.person();
  const context = await owner.open("expired/app", { now });
  await signTags(context, [tagOf("v1")]);
  later(1_100);
  const reader = await (await story.person()).open("expired/app", { now });
  await rejects(verifyTag(reader, "v1"), { code: "METADATA_EXPIRED" });
  await rejects(verifyTag(context, "v1"), { code: "METADATA_EXPIRED" });
  await signTags(context, [tagOf("v2")]);
  ok(warningsOf(owner).some((text) => text.startsWith("targets expired at ") && text.includes("signing it again")));
  deepEqual(
    (await listTags(reader)).map(({ tag }) => tag),
    ["v1", "v2"],
  );
});

test("I9: expired targets are not repaired under a root that is not the pinned one", async () => {
  const context = await (await story.person()).open("expired-pinned/app", { now });
  await signTags(context, [tagOf("v1")]);
  later(1_100);
  const pinning = { certs: new Map([[context.gun, ["0".repeat(64)]]]) };
  const newcomer = await (await story.person()).open("expired-pinned/app", { now, pinning });
  await rejects(readExpired(newcomer, { timestamp: true }), { code: "ROOT_PINNING_MISMATCH" });
});

test("expired targets with signers below them are repaired by the owner; the signers' entries stay", async () => {
  const owner = await (await story.person()).open("expired-parent/app", { now });
  const alice = await story.person();
  const key = PrivateKey.generate("ecdsa");
  await alice.keys.add(key, { role: "alice" });
  await addSigner(owner, "alice", [key.publicKey]);
  later(500);
  await signTags(await alice.open("expired-parent/app", { now }), [tagOf("v1")]);
  later(1_100);
  await rejects(verifyTag(owner, "v1"), { code: "METADATA_EXPIRED" });
  await addSigner(owner, "bob", [PrivateKey.generate("ecdsa").publicKey]);
  deepEqual((await verifyTag(owner, "v1")).signers, ["alice"]);
});

test("signing the same tag again renews what expired", async () => {
  const context = await (await story.person()).open("renewed/app", { now });
  await signTags(context, [tagOf("v1")]);
  later(1_100);
  await signTags(context, [tagOf("v1")]);
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

test("signing the same tag again renews what is about to expire, and nothing once that is done", async () => {
  const owner = await story.person();
  const context = await owner.open("near/app", { now });
  await signTags(context, [tagOf("v1")]);
  later(1_095 - 91);
  owner.events.length = 0;
  await verifyTag(context, "v1");
  deepEqual(warningsOf(owner), [], "from 90 days before on");
  later(1_095 - 89);
  await verifyTag(context, "v1");
  ok(warningsOf(owner).some((text) => text.startsWith("targets is nearing expiry")));
  await signTags(context, [tagOf("v1")]);
  owner.events.length = 0;
  await verifyTag(context, "v1");
  deepEqual(warningsOf(owner), []);
});

test("an expired delegation is repaired by its signer, with everything it contains", async () => {
  const owner = await story.person();
  const context = await owner.open("expired-signer/app", { now });
  const key = PrivateKey.generate("ecdsa");
  const alice = await story.person();
  await alice.keys.add(key, { role: "alice" });
  await addSigner(context, "alice", [key.publicKey]);
  const signing = await alice.open("expired-signer/app", { now });
  await signTags(signing, [tagOf("v1")]);
  later(500);
  await addSigner(context, "bob", [PrivateKey.generate("ecdsa").publicKey]);
  later(1_200);
  await rejects(verifyTag(signing, "v1"), { code: "TAG_NOT_SIGNED" });
  await signTags(signing, [tagOf("v2")]);
  deepEqual(
    (await listTags(signing)).map(({ tag, signers }) => [tag, signers]),
    [
      ["v1", ["alice"]],
      ["v2", ["alice"]],
    ],
  );
});

test("I4: only the server can renew an expired timestamp: if it stops, readers refuse it", async () => {
  const context = await (await story.person()).open("frozen/app", { now });
  await signTags(context, [tagOf("v1")]);
  const proxy = await story.tamperingProxy();
  let frozen: { status: number; body: Uint8Array } | undefined;
  proxy.tamper = async (asked, forward) =>
    asked.file === "timestamp.json" ? (frozen ??= await forward()) : await forward();
  const reader = await (await story.person()).open("frozen/app", { now, via: proxy });
  equal((await verifyTag(reader, "v1")).digest, digestOf("v1"));
  later(13);
  equal((await verifyTag(reader, "v1")).digest, digestOf("v1"));
  later(15);
  await rejects(verifyTag(reader, "v1"), { code: "METADATA_EXPIRED" });
  await rejects(signTags(reader, [tagOf("v2")]), { code: "METADATA_EXPIRED" });
});

test("I4: the server's keys are replaced although the timestamp expired, and only on top of what this machine has seen", async () => {
  const owner = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await owner.open("replaced/app", { now, via: proxy });
  await signTags(context, [tagOf("v1")]);
  const old = await context.repository.fetch("timestamp", 1_000_000);
  await signTags(context, [tagOf("v2")]);
  const last = await context.repository.fetch("timestamp", 1_000_000);
  let presented = old;
  proxy.tamper = async (asked, forward) => {
    if (asked.method === "POST") presented = new Uint8Array();
    const isFrozen = asked.file === "timestamp.json" && presented.length > 0;
    return isFrozen ? { status: 200, body: presented } : await forward();
  };
  later(15);
  for (const role of ["timestamp", "snapshot"] as const)
    await rejects(rotateKey(context, role), { code: "METADATA_VERSION_ROLLBACK" });
  presented = last;
  await rejects(signTags(context, [tagOf("v3")]), { code: "METADATA_EXPIRED" });
  await rejects(rotateKey(context, "targets"), { code: "METADATA_EXPIRED" });
  await rejects(handOver(context), { code: "METADATA_EXPIRED" }, "the server has its keys");
  await rotateKey(context, "timestamp");
  ok(warningsOf(owner).some((text) => text.endsWith("it counts only for replacing the server's keys")));
  const reader = await (await story.person()).open("replaced/app", { now });
  equal((await verifyTag(reader, "v2")).digest, digestOf("v2"));
});

test("I4: a server that presents old files is refused after as long as the caller allows, and not only when they expire", async () => {
  const proxy = await story.tamperingProxy();
  const owner = await (await story.person()).open("old-files/app", { now });
  await signTags(owner, [tagOf("v1")]);
  let frozen: { status: number; body: Uint8Array } | undefined;
  proxy.tamper = async (asked, forward) =>
    asked.file === "timestamp.json" ? (frozen ??= await forward()) : await forward();
  const reader = await story.person();
  const newcomer = await story.person();
  const strict = await reader.open("old-files/app", { now, via: proxy, maxStalenessMs: dayMs });
  equal((await verifyTag(strict, "v1")).freshness.summary, "signed 0 s ago, valid until 2026-01-15T00:00:00.000Z");
  for (const days of [2, 7, 13, 13.5]) {
    later(days);
    await rejects(verifyTag(strict, "v1"), { code: "METADATA_STALE", message: /presents was signed \d+ d ago/ });
  }
  // Without a bound it counts until it expires, for all readers.
  equal((await verifyTag(await reader.open("old-files/app", { now, via: proxy }), "v1")).digest, digestOf("v1"));
  // Who has not seen it before can tell by its life of more than a day, or by the lifetime told; see the threat model.
  const bound = { now, via: proxy, maxStalenessMs: dayMs };
  later(12);
  await rejects(verifyTag(await newcomer.open("old-files/app", bound), "v1"), { code: "METADATA_STALE" });
  later(13.5);
  const told = await (await story.person()).open("old-files/app", { ...bound, timestampLifetimeMs: 14 * dayMs });
  await rejects(verifyTag(told, "v1"), { code: "METADATA_STALE" });
});

test("I4: without an answer the cached timestamp serves until it expires, or as long as the caller allows", async () => {
  const proxy = await story.tamperingProxy();
  const person = await story.person();
  const context = await person.open("silent/app", { now, via: proxy });
  await signTags(context, [tagOf("v1")]);
  proxy.tamper = async () => "cut";
  later(2);
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
  ok(
    warningsOf(person).some((text) =>
      text.startsWith("Error while downloading remote metadata, using cached timestamp"),
    ),
  );
  ok(warningsOf(person).some((text) => text.includes(`${proxy.url} did not answer (`)));
  ok(
    warningsOf(person).some((text) =>
      text.endsWith("last confirmed 2 d ago, signed 2 d ago, valid until 2026-01-15T00:00:00.000Z"),
    ),
  );
  const { cached, freshness } = await verifyTag(context, "v1");
  deepEqual([cached, freshness.cached, freshness.server], [true, true, proxy.url]);
  deepEqual(
    (await listTags(context)).map((listed) => listed.cached),
    [true],
  );
  const strict = await person.open("silent/app", { now, via: proxy, maxStalenessMs: dayMs });
  await rejects(verifyTag(strict, "v1"), { code: "METADATA_STALE" });
  const lenient = await person.open("silent/app", { now, via: proxy, maxStalenessMs: 3 * dayMs });
  equal((await verifyTag(lenient, "v1")).digest, digestOf("v1"));
  await rejects(signTags(lenient, [tagOf("v2")]), { code: "NETWORK_UNREACHABLE" });
  later(15);
  await rejects(verifyTag(context, "v1"), { code: "NETWORK_UNREACHABLE" });
});
