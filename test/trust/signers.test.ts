import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { inspectTrust } from "../../src/trust/reading/inspect.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { revokeTags } from "../../src/trust/publishing/revoke.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { addSigner, checkSignerName, removeSigner } from "../../src/trust/signers/signer.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { digestOf, type Person, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();
const never = { confirmLastSigner: async (): Promise<boolean> => await Promise.reject(new Error("asked")) };
const always = { confirmLastSigner: async (): Promise<boolean> => true };

interface Signer extends Person {
  readonly key: PrivateKey;
}

async function signer(name: string): Promise<Signer> {
  const key = PrivateKey.generate("ecdsa");
  const person = await story.person();
  await person.keys.add(key, { role: name });
  return { ...person, key };
}

/** An owner, and signers who were added in this order. */
async function repositoryWith<const Name extends string>(
  repository: string,
  ...names: Name[]
): Promise<{ owner: TrustContext; ownerPerson: Person; signers: Record<Name, Signer> }> {
  const ownerPerson = await story.person();
  const owner = await ownerPerson.open(repository);
  const signers: [Name, Signer][] = [];
  for (const name of names) {
    const added = await signer(name);
    await addSigner(owner, name, [added.key.publicKey]);
    signers.push([name, added]);
  }
  return { owner, ownerPerson, signers: Object.fromEntries(signers) as Record<Name, Signer> };
}

test("adding a signer to a repository without trust data initialises it", async () => {
  const person = await story.person();
  const context = await person.open("added/app");
  deepEqual(await addSigner(context, "alice", [PrivateKey.generate("ecdsa").publicKey]), { initialised: true });
  deepEqual(await addSigner(context, "bob", [PrivateKey.generate("ecdsa").publicKey]), { initialised: false });
  deepEqual(
    (await inspectTrust(context)).signers.map(({ name }) => name),
    ["alice", "bob"],
  );
});

test("a signer signs as itself and for release, with nothing but its own key, and is named as the signer", async () => {
  const { signers } = await repositoryWith("alone/app", "alice", "bob");
  const { alice, bob } = signers;
  const { signed } = await signTags(await alice.open("alone/app"), [tagOf("v1")]);
  deepEqual(signed[0]?.roles, ["targets/alice", "targets/releases"]);
  await signTags(await bob.open("alone/app"), [tagOf("v1")]);
  const verified = await verifyTag(await (await story.person()).open("alone/app"), "v1");
  deepEqual([verified.role, verified.signers], ["targets/releases", ["alice", "bob"]]);
});

test("once there are signers the repository key signs no tag, as in docker", async () => {
  const { owner } = await repositoryWith("keyless/app", "alice");
  await rejects(signTags(owner, [tagOf("v1")]), {
    code: "SIGNING_KEY_MISSING",
    message: "no valid signing keys for delegation roles",
  });
});

test("a signer who signed another digest is not named", async () => {
  const { signers } = await repositoryWith("disagree/app", "alice", "bob");
  const { alice, bob } = signers;
  await signTags(await alice.open("disagree/app"), [tagOf("v1", "a")]);
  await signTags(await bob.open("disagree/app"), [tagOf("v1", "b")]);
  const context = await (await story.person()).open("disagree/app");
  const verified = await verifyTag(context, "v1");
  deepEqual([verified.digest, verified.signers], [digestOf("b"), ["bob"]]);
});

test("a tag signed differently before and after the first signer shows twice in an inspection, once in a list", async () => {
  const ownerPerson = await story.person();
  const owner = await ownerPerson.open("twice/app");
  await signTags(owner, [tagOf("v1", "by the repository key")]);
  const alice = await signer("alice");
  await addSigner(owner, "alice", [alice.key.publicKey]);
  await signTags(await alice.open("twice/app"), [tagOf("v1", "by alice")]);
  const rows = (await inspectTrust(owner)).tags.map(({ digest, role, signers }) => [digest, role, signers]);
  deepEqual(rows, [
    [digestOf("by alice"), "targets/releases", ["alice"]],
    [digestOf("by the repository key"), "targets", []],
  ]);
  deepEqual(
    (await listTags(owner)).map(({ digest }) => digest),
    [digestOf("by alice")],
  );
});

test("the first signature of a named publisher makes and adds its key", async () => {
  const person = await story.person();
  const context = await person.open("named/app");
  const result = await signTags(context, [tagOf("v1")], { initialise: { signer: "jeff" } });
  deepEqual(result.signed[0]?.roles, ["targets/jeff", "targets/releases"]);
  deepEqual((await person.keys.list()).map(({ role }) => role).sort(), ["jeff", "root", "targets"]);
  ok(person.events.some((event) => event.kind === "signer-added" && event.signer === "jeff"));
  await signTags(await person.open("named/two"), [tagOf("v1")], { initialise: { signer: "jeff" } });
  equal((await person.keys.list()).length, 4, "jeff's key is used again");
  await rejects(signTags(await person.open("named/three"), [tagOf("v1")], { initialise: { signer: "Jane.Doe" } }), {
    code: "SIGNER_NAME_INVALID",
  });
  equal((await person.keys.list()).length, 4, "a name that cannot be a role costs no key");
});

test("signer names are checked in docker's words", async () => {
  for (const name of ["alice", "a", "0", "a-b_c"]) checkSignerName(name);
  for (const name of ["Alice", "-a", "", "a b", "a/b", "a.b", "ü", "a".repeat(248)]) {
    await rejects(async () => checkSignerName(name), { code: "SIGNER_NAME_INVALID" }, name);
  }
  await rejects(async () => checkSignerName("releases"), {
    message: "releases is a reserved keyword, use a different signer name",
  });
});

test("removing a signer removes it, without a question while another signature stands", async () => {
  const { owner, signers } = await repositoryWith("removed/app", "alice", "bob");
  await signTags(await signers.alice.open("removed/app"), [tagOf("v1")]);
  await signTags(await signers.bob.open("removed/app"), [tagOf("v2")]);
  equal(await removeSigner(owner, "alice", never), true);
  const inspection = await inspectTrust(owner);
  deepEqual(
    inspection.signers.map(({ name }) => name),
    ["bob"],
  );
  deepEqual(
    inspection.tags.map(({ tag, signers: by }) => [tag, by]),
    [
      ["v1", []],
      ["v2", ["bob"]],
    ],
  );
  await rejects(signTags(await signers.alice.open("removed/app"), [tagOf("v3")]), { code: "SIGNING_KEY_MISSING" });
});

test("a signer can be removed while nothing is released", async () => {
  const { owner } = await repositoryWith("nothing-released/app", "alice", "bob");
  equal(await removeSigner(owner, "alice", never), true);
  deepEqual(
    (await inspectTrust(owner)).signers.map(({ name }) => name),
    ["bob"],
  );
});

test("removing the signer that alone keeps the released tags valid is asked about; no changes nothing, yes does it", async () => {
  const { owner, signers } = await repositoryWith("last/app", "alice", "bob");
  await signTags(await signers.alice.open("last/app"), [tagOf("v1")]);
  equal(await removeSigner(owner, "alice", { confirmLastSigner: async () => false }), false);
  equal((await verifyTag(owner, "v1")).digest, digestOf("v1"));
  equal(await removeSigner(owner, "alice", always), true);
  await rejects(verifyTag(owner, "v1"), { code: "TAG_NOT_SIGNED" });
});

test("a signer with a certificate is noticed to be the last", async () => {
  const alice = await signer("alice");
  const owner = await (await story.person()).open("certified/app");
  const certificate = PublicKey.fromCertificatePem(await createRootCertificate(alice.key, "alice", new Date()));
  await addSigner(owner, "alice", [certificate]);
  await signTags(await alice.open("certified/app"), [tagOf("v1")]);
  let asked = 0;
  await removeSigner(owner, "alice", { confirmLastSigner: async () => asked++ > 0 });
  equal(asked, 1);
});

test("a key that two signers share stays for the other one", async () => {
  const { owner, signers } = await repositoryWith("shared/app", "alice");
  const alice = signers.alice;
  await addSigner(owner, "bob", [alice.key.publicKey]);
  await signTags(await alice.open("shared/app"), [tagOf("v1")]);
  equal(await removeSigner(owner, "alice", never), true);
  deepEqual((await verifyTag(owner, "v1")).signers, ["bob"]);
});

test("an unknown signer and the reserved name are refused in docker's words", async () => {
  const { owner } = await repositoryWith("unknown-signer/app", "alice");
  await rejects(removeSigner(owner, "dave", never), {
    code: "SIGNER_UNKNOWN",
    message: "no signer dave for repository localhost:5000/unknown-signer/app",
  });
  await rejects(removeSigner(owner, "releases", never), {
    message: "releases is a reserved keyword and cannot be removed",
  });
  const nobody = await (await story.person()).open("no-such/app");
  await rejects(removeSigner(nobody, "alice", never), { code: "REPOSITORY_NOT_SIGNED" });
});

test("a signer who comes back with another key signs on, above the version the server has", async () => {
  const { owner, ownerPerson, signers } = await repositoryWith("newkey/app", "alice");
  await signTags(await signers.alice.open("newkey/app"), [tagOf("v1"), tagOf("v2")]);
  await removeSigner(owner, "alice", always);
  const again = await signer("alice");
  await addSigner(owner, "alice", [again.key.publicKey]);
  deepEqual(
    warningsOf(ownerPerson).filter((text) => text.includes("counts again")),
    [],
  );
  await signTags(await again.open("newkey/app"), [tagOf("v3")]);
  deepEqual(
    (await listTags(owner)).map(({ tag }) => tag),
    ["v3"],
    "what the old key signed stays gone",
  );
  ok(warningsOf(again).some((text) => text.includes("starts empty, without the 2 entries")));
});

test("a signer who comes back with the same key starts with nothing when its key is here", async () => {
  const ownerPerson = await story.person();
  const owner = await ownerPerson.open("samekey/app");
  const key = PrivateKey.generate("ecdsa");
  await ownerPerson.keys.add(key, { role: "alice" });
  await addSigner(owner, "alice", [key.publicKey]);
  await signTags(owner, [tagOf("v1")]);
  await removeSigner(owner, "alice", always);
  await addSigner(owner, "alice", [key.publicKey]);
  deepEqual((await inspectTrust(owner)).tags, []);
  await signTags(owner, [tagOf("v2")]);
  deepEqual(
    (await inspectTrust(owner)).tags.map(({ tag, signers }) => [tag, signers]),
    [["v2", ["alice"]]],
  );
});

test("when the returning key is elsewhere, what comes back with it is said", async () => {
  const { owner, ownerPerson, signers } = await repositoryWith("elsewhere/app", "alice", "bob");
  await signTags(await signers.alice.open("elsewhere/app"), [tagOf("v1")]);
  await signTags(await signers.bob.open("elsewhere/app"), [tagOf("v2")]);
  await removeSigner(owner, "alice", never);
  await addSigner(owner, "alice", [signers.alice.key.publicKey]);
  const said = warningsOf(ownerPerson).filter((text) => text.includes("counts again"));
  deepEqual(said, [
    "what was signed in targets/alice of localhost:5000/elsewhere/app before counts again with these keys: v1",
  ]);
});

test("adding the keys a signer has already publishes nothing", async () => {
  const { owner, signers } = await repositoryWith("idempotent/app", "alice");
  await signTags(await signers.alice.open("idempotent/app"), [tagOf("v1")]);
  const before = (await verifyTag(owner, "v1")).freshUntil;
  await addSigner(owner, "alice", [signers.alice.key.publicKey]);
  deepEqual((await verifyTag(owner, "v1")).freshUntil, before);
});

test("revoking removes a tag from every role whose key is here, the repository key's too", async () => {
  const person = await story.person();
  const context = await person.open("revoked/app");
  await signTags(context, [tagOf("v1"), tagOf("v2")]);
  const key = PrivateKey.generate("ecdsa");
  await person.keys.add(key, { role: "alice" });
  await addSigner(context, "alice", [key.publicKey]);
  await signTags(context, [tagOf("v1", "again")]);
  deepEqual(await revokeTags(context, ["v1"]), {
    removed: ["targets", "targets/alice", "targets/releases"].map((role) => ({ tag: "v1", role })),
    remaining: [],
    stillReleased: [],
  });
  await rejects(verifyTag(context, "v1"), { code: "TAG_NOT_SIGNED" });
  equal((await verifyTag(context, "v2")).digest, digestOf("v2"));
});

test("a signature in a role without keys here is named, and the tag reported as still released", async () => {
  const ownerPerson = await story.person();
  const owner = await ownerPerson.open("remaining/app");
  await signTags(owner, [tagOf("v1")]);
  const alice = await signer("alice");
  await addSigner(owner, "alice", [alice.key.publicKey]);
  const context = await alice.open("remaining/app");
  await signTags(context, [tagOf("v1")]);
  deepEqual(await revokeTags(context, ["v1"]), {
    removed: ["targets/alice", "targets/releases"].map((role) => ({ tag: "v1", role })),
    remaining: [{ tag: "v1", role: "targets" }],
    stillReleased: ["v1"],
  });
});

test("revoking all takes every tag; then there is nothing to revoke", async () => {
  const context = await (await story.person()).open("all/app");
  await signTags(context, [tagOf("v1"), tagOf("v2")]);
  equal((await revokeTags(context, "all")).removed.length, 2);
  await rejects(revokeTags(context, "all"), { code: "TAG_NOT_SIGNED", message: "no signed tags to remove" });
  await rejects(revokeTags(context, ["v1"]), { code: "TAG_NOT_SIGNED", message: "No valid trust data for v1" });
  await rejects(revokeTags(await (await story.person()).open("all/none"), "all"), { code: "REPOSITORY_NOT_SIGNED" });
});

test("revoking without any of the keys changes nothing and says so", async () => {
  const owner = await (await story.person()).open("keyless-revoke/app");
  await signTags(owner, [tagOf("v1")]);
  await rejects(revokeTags(await (await story.person()).open("keyless-revoke/app"), ["v1"]), {
    code: "SIGNING_KEY_MISSING",
  });
  equal((await verifyTag(owner, "v1")).digest, digestOf("v1"));
});
