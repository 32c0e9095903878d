/** I4: what has expired of a repository is repaired by every command that signs and holds the keys, and by no other. */
import { deepEqual, equal, fail, match, ok, rejects } from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { describe, test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { addToDelegation, purgeDelegationKeys } from "../../src/trust/delegations/edit-delegations.ts";
import { addTarget, removeTarget } from "../../src/trust/publishing/change-targets.ts";
import { currentSignature } from "../../src/trust/publishing/current-signature.ts";
import { revokeTags } from "../../src/trust/publishing/revoke.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { witnessRoles } from "../../src/trust/publishing/witness.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { addSigner, removeSigner } from "../../src/trust/signers/signer.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { expiryStatus } from "../../src/trust/renewal/expiry-status.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { peculiar } from "../support/x509-library.ts";
import { dayClock, dayMs } from "../support/day-clock.ts";
import { digestOf, type Person, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const { now, later } = dayClock(new Date("2026-01-01T00:00:00Z"));

const story = trustStory({ now });
let count = 0;

interface Scene {
  readonly owner: Person;
  readonly repository: string;
  readonly context: TrustContext;
  /** of a signer whose key the owner has */
  readonly alice: PublicKey;
}

/** A repository with a signer, `v1` and `old` signed, that the owner has all keys of. */
async function scene(): Promise<Scene> {
  const owner = await story.person();
  const repository = `repair/app${(count += 1)}`;
  const context = await owner.open(repository, { now });
  const key = PrivateKey.generate("ecdsa");
  await owner.keys.add(key, { role: "alice" });
  await addSigner(context, "alice", [key.publicKey]);
  await signTags(context, [tagOf("v1"), tagOf("old")]);
  return { owner, repository, context, alice: key.publicKey };
}

const target = { hashes: new Map([["sha256", Buffer.alloc(32, 1)]]), length: 1 };

/** A certificate for a root key by an authority, valid for ten years. */
async function issuedCertificate({ bytes }: PublicKey, gun: string): Promise<PublicKey> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const authority = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const { rawData } = await peculiar.X509CertificateGenerator.create({
    serialNumber: "01",
    subject: `CN=${gun}`,
    issuer: "CN=an authority",
    notBefore: now(),
    notAfter: new Date(now().getTime() + 3_650 * dayMs),
    signingAlgorithm: algorithm,
    publicKey: await webcrypto.subtle.importKey("spki", bytes, algorithm, true, ["verify"]),
    signingKey: authority.privateKey,
  });
  const pem = serialisePem({ label: "CERTIFICATE", headers: new Map(), bytes: new Uint8Array(rawData) });
  return PublicKey.fromCertificatePem(pem);
}

const commands: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  "sign, push": ({ context }) => signTags(context, [tagOf("v2")]),
  "sign, the same again": ({ context }) => signTags(context, [tagOf("v1")]),
  "trust sign": async ({ context }) => {
    const { signed } = await currentSignature(context, "v1");
    equal(signed?.digest, digestOf("v1"));
    await signTags(context, [tagOf("v1")], { initialise: false });
  },
  revoke: ({ context }) => revokeTags(context, ["old"]),
  "signer add": ({ context }) => addSigner(context, "bob", [PrivateKey.generate("ecdsa").publicKey]),
  "delegation add": ({ context }) =>
    addToDelegation(context, { role: "targets/dev", keys: [PrivateKey.generate("ecdsa").publicKey], paths: [""] }),
  "target add": ({ context }) => addTarget(context, { name: "file", roles: ["targets"] }, target),
  witness: ({ context }) => witnessRoles(context, ["targets"]),
  "key rotate targets": ({ context }) => rotateKey(context, "targets"),
  "key rotate root": ({ context }) => rotateKey(context, "root"),
  "key rotate timestamp": ({ context }) => rotateKey(context, "timestamp"),
};

describe("a repository whose root, certificate, targets, delegations and snapshot have all expired", () => {
  for (const [name, run] of Object.entries(commands)) {
    test(`is repaired by ${name}, for old readers and new ones`, async () => {
      const made = await scene();
      await rotateKey(made.context, "snapshot", { holder: "publisher" });
      const warm = await (await story.person()).open(made.repository, { now });
      await verifyTag(warm, "v1");
      later(3_700);
      await rejects(verifyTag(made.context, "v1"));
      await run(made);
      const cold = await (await story.person()).open(made.repository, { now });
      for (const reader of [warm, cold]) {
        const { digest, signers } = await verifyTag(reader, "v1");
        deepEqual([digest, signers], [digestOf("v1"), ["alice"]]);
      }
      const { endings } = await expiryStatus(made.context);
      deepEqual(
        endings.filter(({ state }) => state !== "ok"),
        [],
      );
    });
  }
});

test("the new certificate of a root key is named, for those who pin the old one", async () => {
  const { owner, context } = await scene();
  later(3_700);
  await signTags(context, [tagOf("v2")]);
  const { endings } = await expiryStatus(context);
  const id = endings.find(({ certificateId }) => certificateId !== undefined)?.certificateId;
  ok(warningsOf(owner).some((text) => text.startsWith(`the root key has a new certificate, ${id}`)));
});

test("other commands that remove repair, too", async () => {
  for (const run of [
    ({ context }: Scene) => removeSigner(context, "bob", { confirmLastSigner: async () => true }),
    ({ context }: Scene) => removeTarget(context, { name: "file", roles: ["targets"] }),
    async ({ context }: Scene, bob: string) => await purgeDelegationKeys(context, [bob], async () => true),
  ]) {
    const made = await scene();
    const bob = PrivateKey.generate("ecdsa").publicKey;
    await addSigner(made.context, "bob", [bob]);
    await addTarget(made.context, { name: "file", roles: ["targets"] }, target);
    later(3_700);
    await run(made, bob.keyId);
    equal((await verifyTag(made.context, "v1")).digest, digestOf("v1"));
    later(0);
  }
});

test("I9: without the root key nothing is published under a root that has expired, and the hint names the key and the command", async () => {
  const { owner, repository, context } = await scene();
  const root = (await owner.keys.keptFor(["root"]))?.keyId ?? "";
  const other = await story.person();
  for (const { keyId, role, gun } of await owner.keys.list()) {
    const key = role === "root" ? undefined : await owner.keys.signingKey(keyId);
    if (key instanceof PrivateKey) await other.keys.add(key, { role, ...(gun === undefined ? {} : { gun }) });
  }
  later(3_700);
  const before = await context.repository.fetch("targets", 1_000_000);
  await rejects(signTags(await other.open(repository, { now }), [tagOf("v2")]), (error: Error & { hint?: string }) => {
    match(error.message, /^root of .* has expired, and the keys to sign it again are not here/u);
    ok(error.hint?.includes(`tagseal trust renew ${context.gun}`) && error.hint.includes(root));
    return true;
  });
  deepEqual(await context.repository.fetch("targets", 1_000_000), before);
});

test("a lost repository key and expired targets: a rotation is the way on", async () => {
  const { owner, context } = await scene();
  for (const { keyId, role } of await owner.keys.list()) if (role === "targets") await owner.keys.remove(keyId);
  later(1_200);
  await rejects(signTags(context, [tagOf("v2")]), { code: "SIGNING_KEY_MISSING" });
  await rotateKey(context, "targets");
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

test("an expired certificate of an authority is replaced by a rotation to the next one only", async () => {
  const { owner, context } = await scene();
  const kept = (await owner.keys.keptFor(["root"]))?.keyId ?? "";
  const rootKey = (await owner.keys.signingKey(kept)) ?? fail("the owner has a root key");
  const issued = async (): Promise<PublicKey> => await issuedCertificate(rootKey.publicKey, context.gun);
  const first = await issued();
  await rotateKey(context, "root", { keys: async () => [first] });
  later(3_700);
  await rejects(signTags(context, [tagOf("v2")]), { code: "SIGNING_KEY_MISSING" });
  const next = await issued();
  await rotateKey(context, "root", { keys: async () => [next] });
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

test("a signer's expired delegation is repaired by a command that is about something else, if the key is here", async () => {
  const { owner, repository, context } = await scene();
  later(500);
  await witnessRoles(context, ["targets"]);
  later(1_200);
  await rejects(verifyTag(context, "v1"), { code: "TAG_NOT_SIGNED" });
  const other = await story.person();
  for (const { keyId, role, gun } of await owner.keys.list()) {
    const key = role === "alice" ? undefined : await owner.keys.signingKey(keyId);
    if (key instanceof PrivateKey) await other.keys.add(key, { role, ...(gun === undefined ? {} : { gun }) });
  }
  const withoutAlice = await other.open(repository, { now });
  await witnessRoles(withoutAlice, ["targets"]);
  ok(warningsOf(other).some((text) => text.startsWith("targets/alice expired at ")));
  await rejects(verifyTag(context, "v1"), { code: "TAG_NOT_SIGNED" });
  await witnessRoles(context, ["targets"]);
  equal((await verifyTag(context, "v1")).digest, digestOf("v1"));
});

for (const [state, days] of [
  ["about to expire", 1_000],
  ["expired", 1_200],
] as const) {
  test(`I9: what a removed signer alone signed, ${state}, is not signed again on the way by another signer's key`, async () => {
    const { owner, context, alice } = await scene();
    const bob = PrivateKey.generate("ecdsa");
    await addSigner(context, "bob", [bob.publicKey]);
    await owner.keys.remove(alice.keyId);
    await owner.keys.add(bob, { role: "bob" });
    later(days);
    await removeSigner(context, "alice", { confirmLastSigner: async () => true });
    await rejects(verifyTag(context, "v1"), { code: "TAG_NOT_SIGNED" });
    await signTags(context, [tagOf("v2")]);
    equal((await verifyTag(context, "v2")).digest, digestOf("v2"));
    await rejects(verifyTag(context, "v1"), { code: "TAG_NOT_SIGNED" });
  });
}

test("revoking a tag removes it from an expired role, too, which is signed again", async () => {
  const { context } = await scene();
  later(500);
  await addTarget(
    context,
    { name: "v1", roles: ["targets"] },
    { hashes: new Map([["sha256", Buffer.alloc(32)]]), length: 1 },
  );
  later(1_200);
  const { removed, stillReleased } = await revokeTags(context, ["v1"]);
  deepEqual(removed.map(({ role }) => role).toSorted(), ["targets", "targets/alice", "targets/releases"]);
  deepEqual(stillReleased, []);
  await rejects(verifyTag(context, "v1"), { code: "TAG_NOT_SIGNED" });
  equal((await verifyTag(context, "old")).digest, digestOf("old"));
});
