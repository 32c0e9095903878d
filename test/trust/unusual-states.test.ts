import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { HeldKeys } from "../../src/trust/publishing/held-keys.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { publishChange } from "../../src/trust/publishing/publish.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import { digestOf, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();

test("a collection initialised here and never published is carried on with, on its own keys", async () => {
  const person = await story.person();
  const context = await person.open("unpublished/app");
  const [root, targets] = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ecdsa")];
  await person.keys.add(root, { role: "root" });
  await person.keys.add(targets, { role: "targets", gun: context.gun });
  const certificate = await createRootCertificate(root, context.gun, new Date());
  const editor = CollectionEditor.create(context.gun, {
    rootKey: PublicKey.fromCertificatePem(certificate),
    targets: targets.publicKey,
    snapshot: await context.repository.getKey("snapshot"),
    timestamp: await context.repository.getKey("timestamp"),
  });
  const files = await editor.sign(new HeldKeys(context).signingKey, { now: new Date(), initial: true });
  for (const [role, bytes] of files) await context.cache.store(role, bytes);
  const { initialised } = await signTags(context, [tagOf("v1")]);
  ok(initialised);
  const event = person.events.find(({ kind }) => kind === "initialised");
  equal(event?.kind === "initialised" ? event.targetsKeyId : undefined, targets.publicKey.keyId);
  equal((await person.keys.list()).length, 2);
  equal((await verifyTag(await (await story.person()).open("unpublished/app"), "v1")).digest, digestOf("v1"));
});

test("when it stays unknown whether a first publish succeeded, its keys are kept, with a warning", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  let sent = false;
  proxy.tamper = async ({ method }, forward) => {
    if (method === "POST") sent = true;
    return sent ? "cut" : await forward();
  };
  await rejects(signTags(await person.open("limbo/app", { via: proxy }), [tagOf("v1")]), {
    code: "PUBLISH_UNCONFIRMED",
  });
  deepEqual((await person.keys.list()).map(({ role }) => role).sort(), ["root", "targets"]);
  equal(warningsOf(person).filter((text) => text.startsWith("it is not known whether")).length, 2);
});

test("entries that name no sha256 bind nothing: they are left out with a warning, and refused by name", async () => {
  const person = await story.person();
  const context = await person.open("weak/app");
  await signTags(context, [tagOf("v1")]);
  const weak = { hashes: new Map([["md5", Buffer.alloc(16)]]), length: 1 };
  await publishChange(
    context,
    new HeldKeys(context),
    { apply: async (editor) => editor.addTarget("targets", "weak", weak), isIn: () => true },
    { initialise: false },
  );
  deepEqual(
    (await listTags(context)).map(({ tag }) => tag),
    ["v1"],
  );
  ok(warningsOf(person).includes('Skipping target for "weak": it has no sha256'));
  await rejects(verifyTag(context, "weak"), { code: "TAG_NOT_SIGNED", message: /^no valid hash, expecting sha256/ });
});

test("an entry of a single signer that was never released is refused in docker's words", async () => {
  const person = await story.person();
  const context = await person.open("unreleased/app");
  const key = PrivateKey.generate("ecdsa");
  await person.keys.add(key, { role: "alice" });
  await addSigner(context, "alice", [key.publicKey]);
  const target = { hashes: new Map([["sha256", Buffer.alloc(32, 1)]]), length: 1 };
  await publishChange(
    context,
    new HeldKeys(context),
    { apply: async (editor) => editor.addTarget("targets/alice", "v1", target), isIn: () => true },
    { initialise: false },
  );
  await rejects(verifyTag(context, "v1"), { code: "TAG_NOT_SIGNED", message: "No trust data for v1" });
  deepEqual(await listTags(context), []);
});

test("a signer who may not release is warned that clients ignore its signature", async () => {
  const owner = await story.person();
  const context = await owner.open("noreleases/app");
  await signTags(context, [tagOf("v1")]);
  const key = PrivateKey.generate("ecdsa");
  await publishChange(
    context,
    new HeldKeys(context),
    {
      apply: async (editor) => {
        editor.addDelegation("targets/alice", { addKeys: [key.publicKey], addPaths: [""] });
        return true;
      },
      isIn: () => true,
    },
    { initialise: false },
  );
  const alice = await story.person();
  await alice.keys.add(key, { role: "alice" });
  await signTags(await alice.open("noreleases/app"), [tagOf("v2")]);
  ok(warningsOf(alice).some((text) => text.includes("clients do not take it from there")));
});

test("a delegation covers only the tags its paths begin", async () => {
  const owner = await story.person();
  const context = await owner.open("paths/app");
  await signTags(context, [tagOf("v1")]);
  const key = PrivateKey.generate("ecdsa");
  await owner.keys.add(key, { role: "nightly" });
  await publishChange(
    context,
    new HeldKeys(context),
    {
      apply: async (editor) => {
        for (const role of ["targets/nightly", "targets/releases"])
          editor.addDelegation(role, { addKeys: [key.publicKey], addPaths: ["nightly-"] });
        return true;
      },
      isIn: () => true,
    },
    { initialise: false },
  );
  await signTags(context, [tagOf("nightly-1")]);
  deepEqual((await verifyTag(context, "nightly-1")).signers, ["nightly"]);
  await rejects(signTags(context, [tagOf("v2")]), { code: "SIGNING_KEY_MISSING" });
});

test("keys are docker's own on disk unless others are given; without a prompt they stay locked", async () => {
  const { dockerConfigDir } = await story.person();
  const options = {
    reference: parseImageReference("localhost:5000/default/app"),
    dockerConfigDir,
    env: { DOCKER_CONTENT_TRUST_SERVER: story.url },
    allowPlainHttpLoopback: true,
  };
  const locked = await openTrustContext(options);
  await rejects(signTags(locked, [tagOf("v1")]), { code: "PASSPHRASE_UNAVAILABLE" });
  locked.close();
  const passphrases = fromEnvironment({
    DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: "root passphrase",
    DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: "repository passphrase",
  });
  const open = await openTrustContext({ ...options, passphrases });
  await signTags(open, [tagOf("v1")]);
  deepEqual((await open.keys.list()).map(({ role, gun }) => `${role} of ${gun}`).sort(), [
    "root of undefined",
    "targets of localhost:5000/default/app",
  ]);
  open.close();
});

test("digests other than sha256 are not signed", async () => {
  const context = await (await story.person()).open("sha512/app");
  const { digestFromHex } = await import("../../src/reference/digest.ts");
  const digest = digestFromHex("sha512", "0".repeat(128));
  await rejects(signTags(context, [{ tag: "v1", digest, length: 1 }]), { code: "REFERENCE_INVALID" });
});
