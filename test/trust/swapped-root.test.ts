/** A root that was just published, and a server that presents another one in its place. */
import { equal, fail, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { handIn } from "../../src/trust/proposals/hand-in.ts";
import { makeProposal } from "../../src/trust/proposals/propose.ts";
import { HeldKeys } from "../../src/trust/publishing/held-keys.ts";
import { initialiseCollection } from "../../src/trust/publishing/initialise.ts";
import type { CollectionChange } from "../../src/trust/publishing/publish.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { readCollection } from "../../src/trust/reading/collection-reading.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { keysOf, baseRoleSigners } from "../../src/tuf/role-signers.ts";
import { makeSnapshot, makeTimestamp } from "../../src/tuf/server-signing.ts";
import type { Tampering } from "./tampering-proxy.ts";
import { digestOf, type Person, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();
/** What a hijacker presents under the same names. */
const hijacked = trustStory();
const honest: Tampering = async (_, forward) => await forward();

async function presented(gun: string, file: string): ReturnType<Tampering> {
  const answer = await fetch(`${hijacked.url}/v2/${gun}/_trust/tuf/${file}`);
  return { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) };
}

/** An owner whose trust server presents the hijacker's files as soon as something was published. */
async function ownerOf(
  repository: string,
): Promise<{ owner: Person; context: TrustContext; hijack: () => void; release: () => void }> {
  const owner = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await owner.open(repository, { via: proxy, access: "admin" });
  const hijack = (): void => {
    proxy.tamper = async ({ method }, forward) => {
      const answer = await forward();
      if (method === "POST") proxy.tamper = async ({ file }) => await presented(context.gun, file);
      return answer;
    };
  };
  return { owner, context, hijack, release: () => (proxy.tamper = honest) };
}

test("I3: the first root of a repository is remembered before the server is asked for it: another one is refused, now and later", async () => {
  const { context, hijack, release } = await ownerOf("swapped/new");
  await signTags(await (await hijacked.person()).open("swapped/new"), [tagOf("v1", "evil")]);
  hijack();
  await rejects(signTags(context, [tagOf("v1")]), { code: "PUBLISH_UNCONFIRMED" });
  await rejects(verifyTag(context, "v1"), { code: "ROOT_ROTATION_REFUSED" });
  release();
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

test("I3: a root that replaces a leaked key is remembered before the server is asked for it: one signed by the leaked key is refused", async () => {
  const { owner, context, hijack, release } = await ownerOf("swapped/leaked");
  await signTags(context, [tagOf("v1")]);
  const thief = await hijacked.person();
  const theirs = await thief.open("swapped/leaked");
  const [certificate = fail()] = keysOf(baseRoleSigners((await readCollection(context)).root, "root"));
  await thief.keys.add((await owner.keys.signingKey(certificate.bareKeyId ?? "")) as never, { role: "root" });
  await initialiseCollection(theirs, { certificate });
  await rotateKey(theirs, "root");
  await signTags(theirs, [tagOf("v1", "evil")]);
  hijack();
  await rejects(rotateKey(context, "root"), { code: "PUBLISH_UNCONFIRMED" });
  await rejects(verifyTag(context, "v1"), { code: "ROOT_ROTATION_REFUSED" });
  release();
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

test("I3: a root of other people that names the new repository key beside theirs is not taken for the one that was sent", async () => {
  const owner = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await owner.open("swapped/ours", { via: proxy, access: "admin" });
  const thief = await hijacked.person();
  const theirs = await thief.open("swapped/ours");
  await signTags(theirs, [tagOf("v1", "evil")]);
  proxy.tamper = async ({ method }, forward) => {
    if (method !== "POST") return await forward();
    const ours = (await owner.keys.list()).find(({ role }) => role === "targets") ?? fail("the owner made a key");
    const own = (await thief.keys.list()).find(({ role }) => role === "targets") ?? fail("the thief has a key");
    const [oursKey, ownKey] = [await owner.keys.signingKey(ours.keyId), await thief.keys.signingKey(own.keyId)];
    ok(oursKey !== undefined && ownKey !== undefined);
    await rotateKey(theirs, "targets", { keys: async () => [oursKey.publicKey, ownKey.publicKey] });
    proxy.tamper = async ({ file }) => await presented(context.gun, file);
    return { status: 500, body: Buffer.of() };
  };
  await rejects(initialiseCollection(context), { code: "USAGE", message: /has trust data already$/u });
});

test("I2: a server that says of a proposal without enough signatures that it is published does not make its root trusted", async () => {
  const { owner, context } = await ownerOf("swapped/proposed");
  await signTags(context, [tagOf("v1")]);
  const { root } = await readCollection(context);
  const colleague = PrivateKey.generate("ecdsa");
  const both = [...keysOf(baseRoleSigners(root, "root")), await certificateOf(colleague, context.gun)];
  await owner.keys.add(colleague, { role: "root" });
  await rotateKey(context, "root", { keys: async () => both, threshold: 2 });
  await owner.keys.remove(colleague.publicKey.keyId);
  const collection = await readCollection(context);

  const thief = PrivateKey.generate("ecdsa");
  const certificate = await certificateOf(thief, context.gun);
  await owner.keys.add(thief, { role: "root" });
  const held = new HeldKeys(context);
  const takeOver: CollectionChange = {
    apply: async (editor) => {
      editor.rotateKey("root", [certificate], 1);
      for (const role of ["targets", "snapshot", "timestamp"] as const) editor.rotateKey(role, [thief.publicKey]);
      return true;
    },
    isIn: () => true,
  };
  const proposal = (await makeProposal(context, held, takeOver)) ?? fail("there is a change");
  equal(proposal.isComplete, false);
  const fileOf = (role: string) => proposal.files.get(role) ?? fail(role);
  const keys = { find: async () => thief };
  const signersOf = (role: "snapshot" | "timestamp") => baseRoleSigners(fileOf("root") as typeof collection.root, role);
  const changed = new Map([...proposal.files].map(([role, { bytes }]) => [role, bytes]));
  const now = new Date();
  const snapshot = await makeSnapshot(collection.snapshot, changed, { signers: signersOf("snapshot"), keys, now });
  const signing = { signers: signersOf("timestamp"), keys, now };
  const timestamp = await makeTimestamp(collection.timestamp, snapshot.bytes, signing);
  const files = new Map([...changed, ["snapshot", snapshot.bytes], ["timestamp", timestamp.bytes]]);
  const repository = Object.assign(Object.create(context.repository) as typeof context.repository, {
    fetch: async (name: string) => files.get(name.split(".")[0] ?? "") ?? fail(name),
    proposals: { submit: async () => "published" },
  });
  await rejects(handIn({ ...context, repository }, collection, proposal), { code: "PUBLISH_UNCONFIRMED" });
  equal(Buffer.compare((await context.cache.load("root")) ?? fail("a root is remembered"), collection.root.bytes), 0);
});

async function certificateOf(key: PrivateKey, gun: string): Promise<PublicKey> {
  return PublicKey.fromCertificatePem(await createRootCertificate(key, gun, new Date()));
}
