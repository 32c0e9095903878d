/** Initialise with a chosen root, delete, witness, and what other tools staged. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { deleteTrustData } from "../../src/trust/publishing/delete-collection.ts";
import { initialiseCollection } from "../../src/trust/publishing/initialise.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { witnessRoles } from "../../src/trust/publishing/witness.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import { discardStaged, listStaged, publishStaged } from "../../src/trust/staged/staged-changes.ts";
import { Changelist } from "../../src/trust/trust-directory/changelist.ts";
import { digestOf, type Person, tagOf, trustStory, warningsOf } from "./trust-story.ts";

const story = trustStory();

async function rootKey(person: Person): Promise<PrivateKey> {
  const key = PrivateKey.generate("ecdsa");
  await person.keys.add(key, { role: "root" });
  return key;
}

test("initialise uses the chosen root key, or its certificate, and refuses what readers would refuse", async () => {
  const person = await story.person();
  const [one, two] = [await rootKey(person), await rootKey(person)];
  for (const [index, key] of [one, two].entries()) {
    const made = await initialiseCollection(await person.open(`life/root-${index}`), { key: key.publicKey });
    equal(made.rootKeyId, key.publicKey.keyId);
  }
  const context = await person.open("life/certified");
  const pem = await createRootCertificate(two, context.gun, new Date());
  const certificate = PublicKey.fromCertificatePem(pem);
  const otherName = PublicKey.fromCertificatePem(await createRootCertificate(two, "localhost:5000/other", new Date()));
  await rejects(initialiseCollection(context, { certificate: otherName }), { code: "CERTIFICATE_INVALID" });
  await rejects(initialiseCollection(context, { certificate, key: one.publicKey }), { code: "CERTIFICATE_INVALID" });
  const stranger = await (await story.person()).open("life/certified");
  await rejects(initialiseCollection(stranger, { certificate }), { code: "KEY_NOT_FOUND" });
  equal((await initialiseCollection(context, { certificate })).rootCertificateId, certificate.keyId);
  await rejects(initialiseCollection(context), {
    code: "USAGE",
    hint: /trust delete --remote localhost:5000\/life\/certified$/u,
  });
  deepEqual(await listTags(context), []);
  await signTags(context, [tagOf("v1")]);
});

test("delete forgets one repository here, keeps its keys and the repository below it; remotely, it can be created again", async () => {
  const person = await story.person();
  const [app, below] = [await person.open("life/app", { access: "admin" }), await person.open("life/app/below")];
  for (const context of [app, below]) await signTags(context, [tagOf("v1")]);
  const directory = join(person.dockerConfigDir, "trust", "tuf", app.gun);
  mkdirSync(join(directory, "changelist"), { recursive: true });
  writeFileSync(join(directory, "changelist", "1.change"), "{}");
  const keys = await person.keys.list();
  const { keysKept } = await deleteTrustData(app, { remote: false });
  deepEqual(readdirSync(directory), ["below"]);
  deepEqual(keysKept.map(({ role }) => role).toSorted(), ["root", "targets"]);
  deepEqual(await person.keys.list(), keys);
  equal((await verifyTag(await person.open("life/app"), "v1")).digest, digestOf("v1"));
  const again = await person.open("life/app", { access: "admin" });
  await deleteTrustData(again, { remote: true });
  await deleteTrustData(again, { remote: true });
  await rejects(verifyTag(await person.open("life/app"), "v1"), { code: "REPOSITORY_NOT_SIGNED" });
  await initialiseCollection(await person.open("life/app"));
  await signTags(await person.open("life/app"), [tagOf("v2")]);
  deepEqual(
    (await listTags(await (await story.person()).open("life/app"))).map(({ tag }) => tag),
    ["v2"],
  );
  await deleteTrustData(below, { remote: false });
  await deleteTrustData(await person.open("life/app"), { remote: false });
  ok(!existsSync(join(person.dockerConfigDir, "trust", "tuf", "localhost:5000")));
});

test("witness lets what a former key signed count again, with the content it had", async () => {
  const [owner, alice] = [await story.person(), await story.person()];
  const [ownerOn, aliceOn] = [await owner.open("life/witness"), await alice.open("life/witness")];
  const [first, second] = [PrivateKey.generate("ecdsa"), PrivateKey.generate("ecdsa")];
  for (const key of [first, second]) await alice.keys.add(key, { role: "alice" });
  await addSigner(ownerOn, "alice", [first.publicKey]);
  await signTags(aliceOn, [tagOf("v1")]);
  await rotateKey(ownerOn, "targets/alice", { keys: async () => [second.publicKey], force: true });
  deepEqual(await listTags(ownerOn), []);
  await rejects(witnessRoles(ownerOn, ["targets/alice"]), { code: "SIGNING_KEY_MISSING" });
  const { roles } = await witnessRoles(aliceOn, ["targets/alice", "targets/releases"]);
  deepEqual(
    roles.map(({ role, tags }) => [role, tags]),
    [
      ["targets/alice", 1],
      ["targets/releases", 1],
    ],
  );
  equal((await verifyTag(ownerOn, "v1")).digest, digestOf("v1"));
  await rejects(witnessRoles(aliceOn, ["root"]), { code: "USAGE", hint: /trust key rotate --key KEYID / });
  await rejects(witnessRoles(aliceOn, ["targets/nobody"]), { code: "METADATA_ROLE_UNKNOWN" });
});

test("staged changes are listed, published once and whole, or dropped; a damaged one stops all", async () => {
  const person = await story.person();
  const context = await person.open("life/staged");
  await signTags(context, [tagOf("v1")]);
  const trust = join(person.dockerConfigDir, "trust");
  const directory = join(trust, "tuf", context.gun, "changelist");
  mkdirSync(directory);
  const stage = (name: string, change: object): void =>
    writeFileSync(join(directory, `${name}.change`), JSON.stringify(change));
  const data = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64");
  const sha256 = Buffer.from(digestOf("v2").slice("sha256:".length), "hex").toString("base64");
  const { publicKey } = PrivateKey.generate("ecdsa");
  stage("01", {
    action: "create",
    role: "targets",
    type: "target",
    path: "v2",
    data: data({ length: 2, hashes: { sha256 } }),
  });
  stage("02", { action: "delete", role: "targets", type: "target", path: "v1", data: null });
  stage("03", {
    action: "create",
    role: "targets/x",
    type: "delegation",
    path: "",
    data: data({ threshold: 1, add_keys: [publicKey.toJson()] }),
  });
  stage("04", { action: "update", role: "targets/x", type: "delegation", path: "", data: data({ add_paths: ["x"] }) });
  stage("05", { action: "update", role: "targets", type: "witness", path: "", data: null });
  writeFileSync(join(directory, "06.change"), "{");
  symlinkSync("/etc/passwd", join(directory, "07.change"));
  const files = new Changelist(trust, context.gun);
  const listed = (await listStaged(files)).map(({ change, problem }) => change?.type ?? problem?.slice(0, 9));
  const damaged = ["Cannot pa", "it is a l"];
  deepEqual(listed, ["target", "target", "delegation", "delegation", "witness", ...damaged]);
  await rejects(publishStaged(context, files), {
    code: "METADATA_MALFORMED",
    message: /^nothing was published: .*06\.change is not/,
  });
  await rejects(discardStaged(files, [9]), { code: "USAGE" });
  equal((await discardStaged(files, [5, 6])).length, 2);
  const { published } = await publishStaged(context, files);
  equal(published.length, 5);
  deepEqual(readdirSync(directory), []);
  deepEqual(
    (await listTags(context)).map(({ tag }) => tag),
    ["v2"],
  );
  deepEqual(warningsOf(person), []);
  deepEqual((await publishStaged(context, files)).published, []);
});

test("I7: staged changes whose publication is refused stay, and so do those that the server did not acknowledge", async () => {
  const person = await story.person();
  const proxy = await story.tamperingProxy();
  const context = await person.open("life/kept", { via: proxy });
  await signTags(context, [tagOf("v1")]);
  const trust = join(person.dockerConfigDir, "trust");
  const directory = join(trust, "tuf", context.gun, "changelist");
  mkdirSync(directory);
  writeFileSync(
    join(directory, "1.change"),
    JSON.stringify({ action: "delete", role: "targets", type: "target", path: "v1", data: null }),
  );
  const files = new Changelist(trust, context.gun);
  proxy.tamper = async (asked, forward) =>
    asked.method === "POST" ? { status: 400, body: Buffer.of() } : await forward();
  await rejects(publishStaged(context, files), { code: "TRUST_SERVER_REFUSED" });
  equal(readdirSync(directory).length, 1);
  proxy.tamper = async (_, forward) => await forward();
  await publishStaged(context, files);
  deepEqual(readdirSync(directory), []);
  match(String((await listTags(context)).length), /^0$/u);
});
