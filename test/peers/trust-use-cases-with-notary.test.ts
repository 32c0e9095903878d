/** The library's use cases on the reference server and signer, beside the notary client on the same trust directory. */
import { deepEqual, equal, match, ok, fail } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { PublicKey } from "../../src/crypto/public-key.ts";
import { createRootCertificate } from "../../src/crypto/root-certificate.ts";
import { serialisePem } from "../../src/encoding/pem.ts";
import { FileKeyStore } from "../../src/keys/file-key-store.ts";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { digestFromHex } from "../../src/reference/digest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { inspectTrust } from "../../src/trust/reading/inspect.ts";
import { listTags } from "../../src/trust/reading/list.ts";
import { revokeTags } from "../../src/trust/publishing/revoke.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { initialiseCollection } from "../../src/trust/publishing/initialise.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { renewCollection } from "../../src/trust/renewal/renew.ts";
import { addSigner, removeSigner } from "../../src/trust/signers/signer.ts";
import type { TrustEvent } from "../../src/trust/trust-event.ts";
import { openTrustContext } from "../../src/trust/open-trust-context.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { addHello, helloSha256 } from "../support/notary-words.ts";
import { passphraseEnvironment, type Client } from "../support/peers.ts";
import { onEachServer, type ServerStory } from "./on-each-server.ts";

const digest = digestFromHex("sha256", helloSha256);

function stories({ scope, server, user: newUser }: ServerStory): void {
  const contexts: TrustContext[] = [];
  const told: TrustEvent[] = [];

  async function open(user: Client, gun: string): Promise<TrustContext> {
    const context = await openTrustContext({
      reference: parseImageReference(gun),
      dockerConfigDir: user.dockerConfig,
      env: { DOCKER_CONTENT_TRUST_SERVER: server().url },
      access: "admin",
      notify: (event) => told.push(event),
      // as few rounds as notary itself uses, so that the suite does not spend its time on them
      keys: new FileKeyStore({
        directory: join(user.trustDirectory, "private"),
        passphrases: fromEnvironment(passphraseEnvironment),
        iterations: 2048,
      }),
    });
    contexts.push(context);
    scope.defer(() => context.close());
    return context;
  }

  async function seenByNotary(gun: string): Promise<string[]> {
    const { stdout } = await newUser(`reader-${contexts.length}-${Math.random()}`).notaryOk(["list", gun]);
    const lines = stdout.split("\n").slice(2).filter(Boolean);
    return lines
      .map((line) => line.trim().split(/\s+/))
      .map(([name = "", hash = "", , role = ""]) => {
        equal(hash, helloSha256);
        return `${name} in ${role}`;
      });
  }

  it("notary and docker read what we initialise and sign", async () => {
    const gun = "localhost:5000/ours/app";
    const context = await open(newUser("ours"), gun);
    await signTags(context, [{ tag: "v1", digest, length: 6 }]);
    await signTags(context, [{ tag: "v2", digest, length: 6 }]);
    deepEqual(await seenByNotary(gun), ["v1 in targets", "v2 in targets"]);
    const inspected = await newUser("docker-reader").docker(["trust", "inspect", gun]);
    if (inspected.code === 0)
      match(inspected.stdout, new RegExp(`"SignedTag": "v2",\\s+"Digest": "${helloSha256}"`, "u"));
  });

  it("notary follows our renewal of a root certificate that ends, with a warm and a cold cache, and publishes after it", async () => {
    const gun = "localhost:5000/renewed/certificate";
    const user = newUser("renewal");
    const warm = newUser("renewal-reader");
    const context = await open(user, gun);
    const key = await context.keys.make({ role: "root" }, "ecdsa");
    ok(key !== undefined);
    const eightYearsAgo = new Date(Date.now() - 8 * 365 * 86_400_000);
    const certificate = PublicKey.fromCertificatePem(await createRootCertificate(key, gun, eightYearsAgo));
    await initialiseCollection(context, { certificate });
    await signTags(context, [{ tag: "v1", digest, length: 6 }]);
    await warm.notaryOk(["lookup", gun, "v1"]);
    const renewal = await renewCollection(context);
    equal(renewal.newRootCertificates.length, 1);
    await warm.notaryOk(["lookup", gun, "v1"]);
    deepEqual(await seenByNotary(gun), ["v1 in targets"]);
    await addHello(user, gun, "v2", "-p");
    equal((await verifyTag(context, "v2")).digest, digest);
    deepEqual((await renewCollection(context)).newRootCertificates, [], "the new one lasts");
  });

  for (const role of ["targets", "snapshot", "timestamp", "root"] as const) {
    it(`notary follows our rotation of the ${role} key, with a warm and a cold cache, and publishes after it`, async () => {
      const gun = `localhost:5000/rotated/${role}`;
      const user = newUser(`rotate-${role}`);
      const warm = newUser(`rotate-reader-${role}`);
      const context = await open(user, gun);
      await signTags(context, [{ tag: "v1", digest, length: 6 }]);
      await warm.notaryOk(["lookup", gun, "v1"]);
      await rotateKey(context, role);
      await warm.notaryOk(["lookup", gun, "v1"]);
      deepEqual(await seenByNotary(gun), ["v1 in targets"]);
      await addHello(user, gun, "v2", "-p");
      equal((await verifyTag(context, "v2")).digest, digest);
    });

    it(`we follow notary's rotation of the ${role} key, and sign after it`, async () => {
      const gun = `localhost:5000/followed/${role}`;
      const user = newUser(`follow-${role}`);
      const context = await open(user, gun);
      await signTags(context, [{ tag: "v1", digest, length: 6 }]);
      const reader = await open(newUser(`follow-reader-${role}`), gun);
      await verifyTag(reader, "v1");
      const remote = role === "snapshot" || role === "timestamp" ? ["-r"] : [];
      await user.notaryOk(["key", "rotate", gun, role, ...remote], { input: "yes\n" });
      equal((await verifyTag(reader, "v1")).digest, digest);
      await signTags(context, [{ tag: "v2", digest, length: 6 }]);
      deepEqual(await seenByNotary(gun), ["v1 in targets", "v2 in targets"]);
    });
  }

  it("we sign in a repository notary made, whose snapshot key its publisher holds", async () => {
    const gun = "localhost:5000/notarys/app";
    const user = newUser("notarys");
    await user.notaryOk(["init", "-p", gun]);
    await addHello(user, gun, "v1", "-p");
    const context = await open(user, gun);
    await signTags(context, [{ tag: "v2", digest, length: 6 }]);
    deepEqual(await seenByNotary(gun), ["v1 in targets", "v2 in targets"]);
    await rotateKey(context, "snapshot", { holder: "server" });
    await signTags(context, [{ tag: "v3", digest, length: 6 }]);
    deepEqual(await seenByNotary(gun), ["v1 in targets", "v2 in targets", "v3 in targets"]);
  });

  it("we carry on with a repository notary initialised and did not publish, and leave what it staged alone", async () => {
    const gun = "localhost:5000/unpublished/app";
    const user = newUser("unpublished");
    await user.notaryOk(["init", gun]);
    await addHello(user, gun, "staged");
    const keysBefore = (await user.notaryOk(["key", "list"])).stdout;
    const context = await open(user, gun);
    const { initialised } = await signTags(context, [{ tag: "v1", digest, length: 6 }]);
    ok(initialised);
    ok(told.some((event) => event.kind === "warning" && event.message.startsWith("another tool staged 1 change for")));
    deepEqual(await seenByNotary(gun), ["v1 in targets"]);
    equal((await user.notaryOk(["key", "list"])).stdout, keysBefore);
    match((await user.notaryOk(["status", gun])).stdout, /create\s+targets\s+target\s+staged/u);
    await user.notaryOk(["publish", gun]);
    deepEqual(await seenByNotary(gun), ["staged in targets", "v1 in targets"]);
  });

  it("signers: ours are notary's delegations, and a returning signer signs on without a witness", async () => {
    const gun = "localhost:5000/signers/app";
    const owner = await open(newUser("owner"), gun);
    const alice = await open(newUser("alice"), gun);
    const first = (await alice.keys.make({ role: "alice" }, "ecdsa")) ?? fail("the store makes keys");
    await addSigner(owner, "alice", [first.publicKey]);
    await signTags(alice, [{ tag: "v1", digest, length: 6 }]);
    deepEqual(
      await seenByNotary(gun),
      ["v1 in targets/alice"].map((line) => line.replace("/alice", "/alice")),
    );
    await removeSigner(owner, "alice", { confirmLastSigner: async () => true });
    deepEqual(await listTags(owner), []);
    const second = (await alice.keys.make({ role: "alice" }, "ecdsa")) ?? fail("the store makes keys");
    await addSigner(owner, "alice", [second.publicKey]);
    await signTags(alice, [{ tag: "v2", digest, length: 6 }]);
    deepEqual(
      (await listTags(owner)).map(({ tag, signers }) => [tag, signers]),
      [["v2", ["alice"]]],
    );
    deepEqual((await inspectTrust(owner)).signers, [{ name: "alice", keyIds: [second.publicKey.keyId], threshold: 1 }]);
    deepEqual((await revokeTags(alice, ["v2"])).stillReleased, []);
    match((await newUser("delegation-reader").notaryOk(["delegation", "list", gun])).stdout, /targets\/releases/u);
  });

  it("a delegation notary added and signed is listed by us as a signer", async () => {
    const gun = "localhost:5000/delegated/app";
    const user = newUser("delegated");
    const context = await open(user, gun);
    await signTags(context, [{ tag: "v1", digest, length: 6 }]);
    const key = (await context.keys.make({ role: "bob" }, "ecdsa")) ?? fail("the store makes keys");
    const pem = scope.path("bob.pub");
    await writeFile(pem, serialisePem({ label: "PUBLIC KEY", headers: new Map(), bytes: key.publicKey.bytes }));
    for (const role of ["targets/bob", "targets/releases"]) {
      await user.notaryOk(["delegation", "add", "-p", gun, role, pem, "--all-paths"]);
    }
    await user.notaryOk([
      "addhash",
      "-p",
      gun,
      "v2",
      "6",
      "--sha256",
      helloSha256,
      "-r",
      "targets/bob",
      "-r",
      "targets/releases",
    ]);
    const verified = await verifyTag(context, "v2");
    deepEqual([verified.role, verified.signers], ["targets/releases", ["bob"]]);
    await signTags(context, [{ tag: "v3", digest, length: 6 }]);
    equal((await verifyTag(context, "v3")).role, "targets/releases");
  });
}

onEachServer("use cases", { name: "use-cases", peers: ["notary"] }, stories);
