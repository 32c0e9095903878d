/**
 * I8: what bricked repositories of the reference, according to its audits, replayed with our commands: it is refused, or the next command
 * brings the repository back.
 */
import { deepEqual, equal, fail, match, ok, rejects } from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { canonicalJson, type JsonObject } from "../../src/encoding/json.ts";
import { startServer } from "../../src/server/run/start-server.ts";
import {
  addToDelegation,
  purgeDelegationKeys,
  removeFromDelegation,
} from "../../src/trust/delegations/edit-delegations.ts";
import { HeldKeys } from "../../src/trust/publishing/held-keys.ts";
import { publishChange } from "../../src/trust/publishing/publish.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { readCollection } from "../../src/trust/reading/collection-reading.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { handOver } from "../../src/trust/recovery/hand-over.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { addSigner, removeSigner } from "../../src/trust/signers/signer.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { nextVersion } from "../../src/tuf/collection-draft.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import { maxVersionStep } from "../../src/tuf/upload-form.ts";
import { digestOf, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();

/** A repository with `v1`, its owner, and a reader that knows it. */
async function published(repository: string) {
  const owner = await story.person();
  const context = await owner.open(repository);
  await signTags(context, [tagOf("v1")]);
  const warm = await (await story.person()).open(repository);
  await verifyTag(warm, "v1");
  return { owner, context, warm };
}

/** The owner publishes on, and readers, old and new ones, follow. */
async function goesOn(context: TrustContext, warm: TrustContext, tag = "v2"): Promise<void> {
  await signTags(context, [tagOf(tag)]);
  for (const reader of [warm, context]) equal((await verifyTag(reader, tag)).digest, digestOf(tag));
}

/** The next list of tags at a version of one's choice, signed by the real keys. */
async function atVersion(context: TrustContext, version: number): Promise<ReadonlyMap<string, Uint8Array>> {
  const current = await readCollection(context);
  const targets = { ...current.targets, body: { ...current.targets.body, version: version - 1 } };
  const editor = CollectionEditor.from({ ...current, targets });
  editor.witness("targets");
  return await editor.sign(new HeldKeys(context).signingKey, { now: new Date() });
}

test("I8: a huge version number, signed with a stolen key: beyond one step it is refused, and the new key publishes above the rest", async () => {
  const { context, warm } = await published("brick/version");
  const { version } = (await readCollection(context)).targets.body;
  for (const huge of [2 ** 31 - 1, version + maxVersionStep + 1])
    await rejects(context.repository.publish(await atVersion(context, huge)), { code: "TRUST_SERVER_REFUSED" });
  await context.repository.publish(await atVersion(context, version + maxVersionStep));
  equal((await verifyTag(warm, "v1")).digest, digestOf("v1"));
  await rotateKey(context, "targets");
  await goesOn(context, warm);
});

test("I8: where another server let the numbers be used up, the refusal names the only way on", () => {
  try {
    nextVersion("targets", 2 ** 31 - 1);
    fail("there is no such version");
  } catch (error) {
    match((error as { hint?: string }).hint ?? "", /tagseal trust delete --remote/u);
  }
});

test("I8: an extra member in a list of tags, well signed: refused, and the owner publishes on", async () => {
  const { owner, context, warm } = await published("brick/member");
  const { keyIds } = (await readCollection(context)).root.body.roles.get("targets") ?? fail("targets is a role");
  const key = (await owner.keys.signingKey(keyIds?.[0] ?? "")) ?? fail("the owner has the repository key");
  const files = await atVersion(context, (await readCollection(context)).targets.body.version + 1);
  const file = JSON.parse(Buffer.from(files.get("targets") ?? []).toString()) as { signed: JsonObject };
  const signed: JsonObject = { ...file.signed, extra: "member" };
  const { method, value } = await key.sign(canonicalJson(signed));
  const signatures = [{ keyid: key.publicKey.keyId, method, sig: Buffer.from(value).toString("base64") }];
  const bytes = Buffer.from(
    `{"signed":${canonicalJson(signed).toString()},"signatures":${JSON.stringify(signatures)}}`,
  );
  await rejects(context.repository.publish(new Map([["targets", bytes]])), { code: "TRUST_SERVER_REFUSED" });
  await goesOn(context, warm);
});

test("lost server keys: readers read on, and a hand-over with the root key brings publishing back", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "bricked-"));
  const start = (port: number) =>
    startServer({ host: "127.0.0.1", port, dataDir, upkeep: false, acceptLostKeys: true });
  let server = await start(0);
  try {
    const owner = await story.person();
    const via = { url: server.url };
    const context = await owner.open("brick/timestamp", { via });
    await signTags(context, [tagOf("v1")]);
    const warm = await (await story.person()).open("brick/timestamp", { via });
    await verifyTag(warm, "v1");
    const port = Number(new URL(server.url).port);
    await server.close();
    for (const ending of ["", "-wal", "-shm"]) await rm(join(dataDir, `signer.db${ending}`), { force: true });
    server = await start(port);
    equal((await verifyTag(warm, "v1")).digest, digestOf("v1"));
    await rejects(signTags(context, [tagOf("v2")]));
    deepEqual(await handOver(context), { roles: ["timestamp", "snapshot"] });
    await goesOn(context, warm);
  } finally {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test("I8: a revoked delegate can neither publish nor block, and comes back with another key", async () => {
  const { owner, context, warm } = await published("brick/delegate");
  const alice = await story.person();
  const first = PrivateKey.generate("ecdsa");
  await alice.keys.add(first, { role: "alice" });
  await addSigner(context, "alice", [first.publicKey]);
  const aliceOn = await alice.open("brick/delegate");
  await signTags(aliceOn, [tagOf("v2")]);
  const prepared = CollectionEditor.from(await readCollection(aliceOn));
  for (const role of ["targets/alice", "targets/releases"] as const) prepared.witness(role);
  const late = await prepared.sign(new HeldKeys(aliceOn).signingKey, { now: new Date() });
  await removeSigner(context, "alice", { confirmLastSigner: async () => true });
  await rejects(aliceOn.repository.publish(late), { code: "TRUST_SERVER_REFUSED" });
  await rejects(signTags(aliceOn, [tagOf("v3")]), { code: "SIGNING_KEY_MISSING" });
  deepEqual(
    (await listTags(warm)).map(({ tag }) => tag),
    ["v1"],
  );
  const second = PrivateKey.generate("ecdsa");
  await owner.keys.add(second, { role: "alice" });
  await addSigner(context, "alice", [second.publicKey]);
  await goesOn(context, warm, "v3");
});

test("I8: a delegation whose last key is purged does not stop the others, and gets a key again", async () => {
  const { owner, context, warm } = await published("brick/purged");
  const [alice, bob] = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ecdsa")];
  for (const [name, key] of [
    ["alice", alice],
    ["bob", bob],
  ] as const) {
    await owner.keys.add(key, { role: name });
    await addSigner(context, name, [key.publicKey]);
  }
  await goesOn(context, warm);
  await purgeDelegationKeys(context, [alice.publicKey.keyId], async () => true);
  await goesOn(context, warm, "v3");
  await addToDelegation(context, { role: "targets/alice", keys: [bob.publicKey], paths: [] });
  await goesOn(context, warm, "v4");
});

test("I2: one key listed twice, as two certificates, never makes two signatures: such a threshold is refused before it can block", async () => {
  const { owner, context, warm } = await published("brick/twice");
  const key = PrivateKey.generate("ecdsa");
  await owner.keys.add(key, { role: "dev" });
  const certificate = async (name: string) =>
    PublicKey.fromCertificatePem(await createRootCertificate(key, name, new Date()));
  const keys = [await certificate("one"), await certificate("two"), key.publicKey];
  await rejects(addToDelegation(context, { role: "targets/dev", keys, paths: [""], threshold: 2 }), { code: "USAGE" });
  await goesOn(context, warm);
  // What a tool without this check publishes cannot be signed; without it, everything can.
  await publishChange(
    context,
    new HeldKeys(context),
    {
      apply: async (editor) => {
        editor.addDelegation("targets/dev", { addKeys: keys, addPaths: [""], threshold: 2 });
        return true;
      },
      isIn: () => true,
    },
    { initialise: false },
  );
  ok(warningsOf(owner).some((text) => text.startsWith("role targets/dev has fewer keys than its threshold of 2")));
  await rejects(signTags(context, [tagOf("v3")]), { code: "SIGNING_KEY_MISSING" });
  equal((await verifyTag(warm, "v1")).digest, digestOf("v1"));
  await removeFromDelegation(
    context,
    { role: "targets/dev", keyIds: [], paths: [], allPaths: false },
    async () => true,
  );
  await goesOn(context, warm, "v3");
});
