import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { describe, test } from "node:test";
import { change, gun, later, names, now, publishedStory, target, warnings } from "../../test/support/editing-story.ts";
import type { HeldKeys } from "../../test/support/held-keys.ts";
import { PrivateKey } from "../crypto/private-key.ts";
import type { PublicKey } from "../crypto/public-key.ts";
import { KeyStoreError } from "../errors.ts";
import { CollectionEditor } from "./editor.ts";
import type { EditableCollection } from "./editor.ts";
import { parseMetadata } from "./notary-v1/parse.ts";

describe("expiry", () => {
  test("expired targets are repaired by the next publish, which the reference refuses", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, () => undefined, { now: later(1100) }), ["snapshot", "targets"]);
    equal(story.published.targets().body.expires, "2032-11-26T04:07:46.04Z");
    deepEqual(names(story.published.targets()), ["v1"]);
  });

  test("expired targets that cannot be signed here fail the publish", async () => {
    const story = await publishedStory();
    await rejects(
      change(story, () => undefined, { now: later(1100), held: story.held.without(story.keys.targets) }),
      { code: "SIGNING_KEY_MISSING" },
    );
  });

  test("an expired delegation keeps its content when a tag is added to it", async () => {
    const story = await publishedStory();
    const a = story.held.generate();
    await change(story, (editor) => {
      editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] });
      editor.addTarget("targets/a", "old", target("old"));
      editor.addDelegation("targets/a/b", { addKeys: [a], addPaths: [""] });
    });
    const editor = CollectionEditor.from(story.published.read(later(1100)));
    throws(() => editor.witness("targets/a/b"), { code: "METADATA_ROLE_UNKNOWN" });
    await change(story, (edit) => edit.addTarget("targets/a", "new", target("new")), { now: later(1100) });
    deepEqual(names(story.published.targets("targets/a")), ["new", "old"]);
    await change(story, (edit) => edit.addTarget("targets/a/b", "deep", target("deep")), { now: later(2200) });
    deepEqual(names(story.published.targets("targets/a/b")), ["deep"]);
  });

  test("what expires within six months is signed again if the keys are there", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, () => undefined, { now: later(900) }), ["snapshot"]);
    deepEqual(await change(story, () => undefined, { now: later(930) }), ["snapshot", "targets"]);
    deepEqual(await change(story, () => undefined, { now: later(3480) }), ["root", "snapshot", "targets"]);
    equal(story.published.root.body.version, 2);
  });

  test("an expired root is signed again by a publisher who holds its key", async () => {
    const story = await publishedStory();
    ok((await change(story, () => undefined, { now: later(3700) })).includes("root"));
  });

  test("without the keys, or with keys that cannot be unlocked, it stays with a warning and the publish continues", async () => {
    const story = await publishedStory();
    const a = story.held.generate();
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] }));
    const { list, onWarning } = warnings();
    const from = story.published.read();
    const held = story.held.without(story.keys.targets);
    deepEqual(await change(story, tagInA, { held, onWarning, now: later(1000), from }), ["snapshot", "targets/a"]);
    deepEqual(list, [], "users are told 90 days before");
    deepEqual(await change(story, tagInA, { held, onWarning, now: later(1010), from }), ["snapshot", "targets/a"]);
    deepEqual(list, [
      "targets expires at 2029-11-22T04:07:46.04Z, and the keys to sign it again are not available here",
    ]);
    const [proposal, proposing] = [CollectionEditor.from(from), warnings()];
    tagInA(proposal);
    const underSigned = { now: later(1010), underSigned: true, onWarning: proposing.onWarning };
    deepEqual([...(await proposal.sign(story.held.signingKeys, underSigned)).keys()], ["targets/a"]);
    deepEqual(proposing.list, ["targets expires at 2029-11-22T04:07:46.04Z, and this proposal does not sign it again"]);
    const locked = async (key: PublicKey): Promise<ReturnType<HeldKeys["find"]>> => {
      if (key.keyId === story.keys.targets.keyId) throw new KeyStoreError("PASSPHRASE_UNAVAILABLE", "no terminal");
      return await story.held.signingKeys(key);
    };
    const editor = CollectionEditor.from(from);
    tagInA(editor);
    deepEqual([...(await editor.sign(locked, { now: later(930) })).keys()], ["targets/a", "snapshot"]);
    editor.addTarget("targets", "v2", target("two"));
    await rejects(editor.sign(locked, { now: later(930) }), { code: "PASSPHRASE_UNAVAILABLE" });
  });

  test("a key store failure other than a missing passphrase ends the publish", async () => {
    const story = await publishedStory();
    await rejects(CollectionEditor.from(story.published.read()).sign(cancelled, { now: later(930) }), {
      code: "CANCELLED",
    });
  });

  test("everything held is signed again when asked", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, () => undefined, { resignAll: true }), ["root", "snapshot", "targets"]);
    deepEqual(await change(story, () => undefined, { resignAll: true, held: story.held.without(story.keys.rootKey) }), [
      "snapshot",
      "targets",
    ]);
  });
});

describe("key rotation", () => {
  test("targets: root names the new key only, and targets is signed by it", async () => {
    const story = await publishedStory();
    const key = story.held.generate();
    deepEqual(await change(story, (editor) => editor.rotateKey("targets", [key])), ["root", "snapshot", "targets"]);
    deepEqual(story.published.root.body.roles.get("targets"), { keyIds: [key.keyId], threshold: 1 });
    equal(story.published.root.body.keys.has(story.keys.targets.keyId), false);
    deepEqual(
      story.published.targets().signatures.map((signature) => signature.keyId),
      [key.keyId],
    );
    story.published.read();
  });

  test("snapshot to the server: root alone is sent; back to the client: root and snapshot", async () => {
    const story = await publishedStory();
    const server = PrivateKey.generate("ed25519").publicKey;
    deepEqual(await change(story, (editor) => editor.rotateKey("snapshot", [server])), ["root"]);
    const own = story.held.generate();
    deepEqual(await change(story, (editor) => editor.rotateKey("snapshot", [own])), ["root", "snapshot"]);
    equal(story.published.snapshot.body.version, 2);
  });

  test("timestamp: root and the snapshot that lists it", async () => {
    const story = await publishedStory();
    const key = PrivateKey.generate("ed25519").publicKey;
    deepEqual(
      await change(story, (editor) => editor.rotateKey("timestamp", [key]), {
        held: story.held.without(story.keys.snapshot),
      }),
      ["root"],
    );
    equal(story.published.root.body.keys.has(story.keys.timestamp.keyId), false);
  });

  test("root: signed by the old key and the new one; the old certificate stays listed", async () => {
    const story = await publishedStory();
    const next = await story.held.generateRoot(gun, now);
    deepEqual(await change(story, (editor) => editor.rotateKey("root", [next])), ["root", "snapshot"]);
    const { body, signatures } = story.published.root;
    deepEqual(
      signatures.map((signature) => signature.keyId),
      [next.keyId, story.keys.rootKey.keyId],
    );
    deepEqual(body.roles.get("root")?.keyIds, [next.keyId]);
    ok(body.keys.has(story.keys.rootKey.keyId));
    equal(body.version, 2);
    await change(story, (editor) => editor.rotateKey("timestamp", [PrivateKey.generate("ed25519").publicKey]));
    deepEqual(
      story.published.root.signatures.map((signature) => signature.keyId),
      [next.keyId],
      "the old key has done its part",
    );
  });

  test("root: needs the old key as well as the new one", async () => {
    const story = await publishedStory();
    const next = await story.held.generateRoot(gun, now);
    const rotate = (editor: CollectionEditor): void => editor.rotateKey("root", [next]);
    for (const lost of [story.keys.rootKey, next]) {
      await rejects(change(story, rotate, { held: story.held.without(lost) }), {
        code: "SIGNING_KEY_MISSING",
        message: /could not sign root/,
      });
    }
  });

  test("I2: the old threshold counts for the old keys", async () => {
    const story = await publishedStory();
    const [a, b] = [await story.held.generateRoot(gun, now), await story.held.generateRoot(gun, now)];
    const editor = CollectionEditor.from(withRootThreshold(story.published.read(), [a, b], 2));
    editor.rotateKey("root", [a, b]);
    editor.rotateKey("timestamp", [PrivateKey.generate("ed25519").publicKey]);
    await rejects(editor.sign(story.held.without(a).signingKeys, { now }), {
      code: "SIGNING_KEY_MISSING",
      message: /at least 2 of these keys/,
    });
    const files = await editor.sign(story.held.signingKeys, { now });
    equal(parseMetadata("root", files.get("root") ?? new Uint8Array()).signatures.length, 2);
    throws(() => editor.rotateKey("root", [a]), { code: "USAGE" });
    throws(() => editor.rotateKey("root", [a, a]), { code: "USAGE" });
    throws(() => editor.rotateKey("targets", []), { code: "USAGE" });
  });

  test("legacy roots: their keys sign too where held, and are not required", async () => {
    const story = await publishedStory();
    const firstRoot = story.published.root;
    const next = await story.held.generateRoot(gun, now);
    await change(story, (editor) => editor.rotateKey("root", [next]));
    deepEqual(await change(story, () => undefined, { legacyRoots: [firstRoot] }), ["root", "snapshot"]);
    deepEqual(
      story.published.root.signatures.map((signature) => signature.keyId),
      [next.keyId, story.keys.rootKey.keyId],
    );
    await change(story, () => undefined, { legacyRoots: [firstRoot], held: story.held.without(story.keys.rootKey) });
    deepEqual(
      story.published.root.signatures.map((signature) => signature.keyId),
      [next.keyId],
    );
  });

  test("some but not enough snapshot keys is an error, none is not", async () => {
    const story = await publishedStory();
    const other = PrivateKey.generate("ed25519").publicKey;
    const from = story.published.read();
    const roles = new Map(from.root.body.roles).set("snapshot", {
      keyIds: [story.keys.snapshot.keyId, other.keyId],
      threshold: 2,
    });
    const keys = new Map(from.root.body.keys).set(other.keyId, other);
    const twoKeys = { ...from, root: { ...from.root, body: { ...from.root.body, roles, keys } } };
    await rejects(
      change(story, () => undefined, { from: twoKeys }),
      { code: "SIGNING_KEY_MISSING", message: /could not sign snapshot/ },
    );
    deepEqual(
      await change(story, () => undefined, { from: twoKeys, held: story.held.without(story.keys.snapshot) }),
      [],
    );
  });
});

test("a version that cannot be raised is refused rather than wrapped", async () => {
  const story = await publishedStory();
  const from = story.published.read();
  const last = { ...from, targets: { ...from.targets, body: { ...from.targets.body, version: 2 ** 31 - 1 } } };
  await rejects(
    change(story, (editor) => editor.witness("targets"), { from: last }),
    { code: "METADATA_MALFORMED", message: /2147483647 is the highest/ },
  );
});

test("a key store that returns the wrong key is detected before anything is sent", async () => {
  const story = await publishedStory();
  const wrong = PrivateKey.generate("ecdsa");
  await rejects(
    CollectionEditor.create(gun, story.keys).sign(async () => wrong, { now }),
    { code: "SIGNING_KEY_MISSING" },
  );
});

function withRootThreshold(
  collection: EditableCollection,
  rootKeys: readonly PublicKey[],
  threshold: number,
): EditableCollection {
  const { root } = collection;
  const keys = new Map(root.body.keys);
  for (const key of rootKeys) keys.set(key.keyId, key);
  const roles = new Map(root.body.roles).set("root", { keyIds: rootKeys.map((key) => key.keyId), threshold });
  return { ...collection, root: { ...root, body: { ...root.body, keys, roles } } };
}

function tagInA(editor: CollectionEditor): void {
  editor.addTarget("targets/a", "v2", target("two"));
}

async function cancelled(): Promise<never> {
  return await Promise.reject(new KeyStoreError("CANCELLED", "Ctrl-C"));
}
