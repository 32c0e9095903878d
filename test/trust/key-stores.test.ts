/** Key stores like future tokens: their keys never leave them, they make the keys that they can, and several are used in order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { MemoryKeyStore } from "../../src/keys/memory-key-store.ts";
import { OrderedKeyStores } from "../../src/keys/ordered-key-stores.ts";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { TokenKeyStore } from "../support/token-key-store.ts";
import { digestOf, tagOf, trustStory } from "./trust-story.ts";

const story = trustStory();

test("a repository is made, signed and rotated with keys that never leave a token; what it does not make the next store makes", async () => {
  const token = new TokenKeyStore("token", ({ role }) => role !== "targets");
  const rest = new MemoryKeyStore();
  const person = await story.person();
  const context = await person.open("token/app", { keys: new OrderedKeyStores([token, rest]) });
  await signTags(context, [tagOf("v1")], { initialise: { signer: "alice" } });
  assert.deepEqual((await token.list()).map(({ role }) => role).toSorted(), ["alice", "root"]);
  assert.deepEqual(
    (await rest.list()).map(({ role }) => role),
    ["targets"],
  );
  assert.ok(token.used.includes("root") && token.used.includes("alice"));
  await rotateKey(context, "root");
  await rotateKey(context, "targets");
  await signTags(context, [tagOf("v2")]);
  const reader = await (await story.person()).open("token/app");
  assert.equal((await verifyTag(reader, "v2")).digest, digestOf("v2"));
});

test("a key that its chosen store does not make ends the operation: nothing is published, and no key stays in another store", async () => {
  const files = new MemoryKeyStore();
  const full = new TokenKeyStore("full", () => false);
  const keys = new OrderedKeyStores([files], new Map([["targets", full]]));
  const context = await (await story.person()).open("token/none", { keys });
  await assert.rejects(signTags(context, [tagOf("v1")]), {
    code: "KEY_UNSUPPORTED",
    message: "no key store here makes ecdsa keys for targets",
  });
  await assert.rejects(context.repository.fetch("root", 1_000_000), { code: "METADATA_MISSING" });
  assert.deepEqual(
    (await files.list()).map(({ role }) => role),
    ["root"],
    "a new root key is kept for the next attempt",
  );
});

test("a new repository gets the root key of the store that was chosen, although another store has one", async () => {
  const [token, files] = [new TokenKeyStore("token"), new MemoryKeyStore()];
  await files.make({ role: "root" }, "ecdsa");
  const keys = new OrderedKeyStores([files], new Map([["root", token]]));
  const context = await (await story.person()).open("token/chosen", { keys });
  await signTags(context, [tagOf("v1")]);
  assert.deepEqual(
    (await token.list()).map(({ role }) => role),
    ["root"],
  );
  assert.deepEqual(token.used.includes("root"), true);
  const again = await (await story.person()).open("token/second", { keys });
  await signTags(again, [tagOf("v1")]);
  assert.equal((await token.list()).length, 1, "one root key serves both");
});

test("an RSA key signs as a signer's", async () => {
  const [owner, signer] = [await story.person(), new MemoryKeyStore()];
  await signer.add(PrivateKey.generate("rsa"), { role: "alice" });
  const context = await owner.open("token/rsa", { keys: new OrderedKeyStores([signer, owner.keys]) });
  await signTags(context, [tagOf("v1")], { initialise: { signer: "alice" } });
  const reader = await (await story.person()).open("token/rsa");
  assert.deepEqual((await verifyTag(reader, "v1")).signers, ["alice"]);
});
