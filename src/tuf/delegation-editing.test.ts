import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { describe, test } from "node:test";
import { change, names, now, publishedStory, target, warnings } from "../../test/support/editing-story.ts";
import type { EditingStory } from "../../test/support/editing-story.ts";
import { nextFiles, serverStory } from "../../test/support/validating-server.ts";
import { PublicKey } from "../crypto/public-key.ts";
import { CollectionEditor } from "./editor.ts";

describe("delegations", () => {
  test("a new one is in its parent with keys in order, once each, and threshold 1", async () => {
    const story = await publishedStory();
    const [a, b] = [story.held.generate(), story.held.generate()];
    const sent = await change(story, (editor) => {
      editor.addDelegation("targets/releases", { addKeys: [b, a, b], addPaths: ["", ""] });
    });
    deepEqual(sent, ["snapshot", "targets"]);
    deepEqual(story.published.targets().body.delegations.roles, [
      { name: "targets/releases", keyIds: [b.keyId, a.keyId], paths: [""], threshold: 1 },
    ]);
    equal(story.published.targets().body.delegations.keys.size, 2);
  });

  test("adding one that exists appends its keys and paths", async () => {
    const story = await publishedStory();
    const [a, b] = [story.held.generate(), story.held.generate()];
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a], addPaths: ["x"] }));
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a, b], addPaths: ["x", "y"] }));
    deepEqual(story.published.targets().body.delegations.roles, [
      { name: "targets/a", keyIds: [a.keyId, b.keyId], paths: ["x", "y"], threshold: 1 },
    ]);
  });

  test("a threshold is set on an existing one too, and stays where none is given", async () => {
    const story = await publishedStory();
    const [a, b] = [story.held.generate(), story.held.generate()];
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a, b], threshold: 2 }));
    const threshold = (): number | undefined => story.published.targets().body.delegations.roles?.[0]?.threshold;
    equal(threshold(), 2);
    await change(story, (editor) => editor.addDelegation("targets/a", { addPaths: [""] }));
    equal(threshold(), 2);
    await change(story, (editor) => editor.addDelegation("targets/a", { threshold: 1 }));
    equal(threshold(), 1);
    const editor = CollectionEditor.from(story.published.read());
    throws(() => editor.addDelegation("targets/a", { threshold: 0 }), { code: "METADATA_MALFORMED" });
  });

  test("paths without keys on a new role are refused", async () => {
    const story = await publishedStory();
    const editor = CollectionEditor.from(story.published.read());
    throws(() => editor.addDelegation("targets/a", { addPaths: [""] }), {
      code: "METADATA_MALFORMED",
      message: /^tuf: invalid role targets\/a\./,
    });
    const keys = [story.held.generate()];
    throws(() => editor.addDelegation("targets/a", { addKeys: keys, threshold: 0 }), { code: "METADATA_MALFORMED" });
  });

  test("a role that is not there cannot be updated", async () => {
    const story = await publishedStory();
    const editor = CollectionEditor.from(story.published.read());
    for (const role of ["targets/a", "targets/a/b", "targets", "targets/A"]) {
      throws(() => editor.updateDelegation(role, { addPaths: [""] }), {
        code: "METADATA_ROLE_UNKNOWN",
        message: /no valid delegated role exists/,
      });
      throws(
        () => editor.addDelegation(role === "targets/a" ? "targets/x/y" : role, { addKeys: [story.keys.targets] }),
        { code: "METADATA_ROLE_UNKNOWN" },
      );
    }
  });

  test("an unknown key to remove removes nothing, and the parent is signed again", async () => {
    const story = await publishedStory();
    const a = story.held.generate();
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] }));
    const sent = await change(story, (editor) =>
      editor.updateDelegation("targets/a", { removeKeys: ["0".repeat(64)] }),
    );
    deepEqual(sent, ["snapshot", "targets"]);
    deepEqual(story.published.targets().body.delegations.roles?.[0]?.keyIds, [a.keyId]);
  });

  test("a certificate is removed by its canonical ID", async () => {
    const story = await publishedStory();
    const certificate = await story.held.generateRoot("alice", now);
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [certificate, story.keys.targets] }));
    await change(story, (editor) => editor.updateDelegation("targets/a", { removeKeys: [certificate.canonicalKeyId] }));
    deepEqual(story.published.targets().body.delegations.roles?.[0]?.keyIds, [story.keys.targets.keyId]);
    equal(story.published.targets().body.delegations.keys.has(certificate.keyId), false);
  });

  test("an unreadable certificate can still be removed, by the ID it has", async () => {
    const story = await publishedStory();
    const broken = new PublicKey("ecdsa-x509", Buffer.from("no certificate"));
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [broken, story.keys.targets] }));
    await change(story, (editor) => editor.purgeKeys(["f".repeat(64)]));
    equal(story.published.targets().body.delegations.keys.has(broken.keyId), true);
    await change(story, (editor) => editor.purgeKeys([broken.keyId]));
    equal(story.published.targets().body.delegations.keys.has(broken.keyId), false);
  });

  test("paths are added, removed and cleared", async () => {
    const story = await publishedStory();
    await change(story, (editor) =>
      editor.addDelegation("targets/a", { addKeys: [story.keys.targets], addPaths: ["x", "y"] }),
    );
    await change(story, (editor) => editor.updateDelegation("targets/a", { removePaths: ["x"], addPaths: ["z"] }));
    deepEqual(story.published.targets().body.delegations.roles?.[0]?.paths, ["y", "z"]);
    await change(story, (editor) => editor.updateDelegation("targets/a", { clearPaths: true }));
    equal(story.published.targets().body.delegations.roles?.[0]?.paths, undefined);
  });

  test("removing the last key keeps the role, unusable, and warns", async () => {
    const story = await publishedStory();
    const a = story.held.generate();
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] }));
    const { list, onWarning } = warnings();
    await change(story, (editor) => editor.updateDelegation("targets/a", { removeKeys: [a.keyId] }), { onWarning });
    deepEqual(list, [
      "role targets/a has fewer keys than its threshold of 1; it will not be usable until keys are added to it",
    ]);
    equal(story.published.targets().body.delegations.roles?.[0]?.keyIds, null);
    equal(story.published.targets().body.delegations.keys.size, 0);
    await change(story, (editor) => editor.updateDelegation("targets/a", { removeKeys: [a.keyId] }));
    equal(story.published.targets().body.delegations.roles?.[0]?.keyIds, null);
  });

  test("a removed role leaves its parent, its unused keys and the snapshot; children go with it", async () => {
    const story = await publishedStory();
    const [a, shared] = [story.held.generate(), story.held.generate()];
    await change(story, (editor) => {
      editor.addDelegation("targets/a", { addKeys: [a, shared], addPaths: [""] });
      editor.addDelegation("targets/b", { addKeys: [shared], addPaths: [""] });
      editor.addDelegation("targets/a/c", { addKeys: [a], addPaths: [""] });
      editor.addTarget("targets/a/c", "v2", target("two"));
    });
    ok(story.published.snapshot.body.meta.has("targets/a/c"));
    await change(story, (editor) => equal(editor.removeDelegation("targets/a"), true));
    const { delegations } = story.published.targets().body;
    deepEqual(
      delegations.roles?.map((role) => role.name),
      ["targets/b"],
    );
    deepEqual([...delegations.keys.keys()], [shared.keyId]);
    deepEqual([...story.published.snapshot.body.meta.keys()].toSorted(), ["root", "targets"]);
    await change(story, (editor) => editor.removeDelegation("targets/b"));
    equal(story.published.targets().body.delegations.roles, null);
  });

  test("removing a role that is not there succeeds and changes nothing", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, (editor) => equal(editor.removeDelegation("targets/a"), false)), ["snapshot"]);
    deepEqual(await change(story, (editor) => equal(editor.removeDelegation("root"), false)), ["snapshot"]);
  });

  test("a role removed and declared again starts empty, above the version the server has", async () => {
    const story = await publishedStory();
    const [a, b] = [story.held.generate(), story.held.generate()];
    await change(story, (editor) => {
      editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] });
      editor.addTarget("targets/a", "old", target("old"));
    });
    await change(story, (editor) => {
      editor.removeDelegation("targets/a");
      editor.addDelegation("targets/a", { addKeys: [b], addPaths: [""] });
      editor.addTarget("targets/a", "new", target("new"));
    });
    deepEqual(names(story.published.targets("targets/a")), ["new"]);
    equal(story.published.targets("targets/a").body.version, 2);
  });

  test("a role that comes back while the server still lists its old file is warned of", async () => {
    const story = await serverStory();
    const { held, server, keys } = story;
    await server.upload(await nextFiles(story, (editor) => editor.removeDelegation("targets/alice")));
    const editor = CollectionEditor.from(await server.read());
    editor.addDelegation("targets/alice", { addKeys: [keys.alice], addPaths: ["a"] });
    const { list, onWarning } = warnings();
    await server.upload(await editor.sign(held.signingKeys, { now, onWarning }));
    deepEqual(list, [
      "targets/alice existed before: what it signed then becomes valid again if one of its keys now is one that signed it",
    ]);
    deepEqual([...(await server.read()).delegations.keys()], ["targets/alice"]);
  });

  test("a nested role needs the key of its parent, which gets empty metadata if it has none", async () => {
    const story = await publishedStory();
    const [a, b] = [story.held.generate(), story.held.generate()];
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a], addPaths: ["x"] }));
    const nested = (editor: CollectionEditor): void =>
      editor.addDelegation("targets/a/b", { addKeys: [b], addPaths: ["x1"] });
    await rejects(change(story, nested, { held: story.held.without(a) }), {
      code: "SIGNING_KEY_MISSING",
      message: /could not sign targets\/a:/,
    });
    deepEqual(await change(story, nested), ["snapshot", "targets/a"]);
    equal(story.published.targets("targets/a").body.targets.size, 0);
    await change(story, (editor) => editor.addTarget("targets/a/b", "x1/app", target("app")));
    deepEqual(names(story.published.targets("targets/a/b")), ["x1/app"]);
  });

  test("a role signs only names its own and all its ancestors' paths cover", async () => {
    const story = await publishedStory();
    const key = story.held.generate();
    const editor = CollectionEditor.from(story.published.read());
    editor.addDelegation("targets/a", { addKeys: [key], addPaths: ["x"] });
    throws(() => editor.addDelegation("targets/a/b", { addKeys: [key], addPaths: ["x1", "y"] }), {
      code: "METADATA_ROLE_UNKNOWN",
      message: /invalid paths to add to role/,
    });
    editor.addDelegation("targets/a/b", { addKeys: [key], addPaths: ["x1"] });
    throws(() => editor.addTarget("targets/a", "y", target("y")), {
      code: "METADATA_ROLE_UNKNOWN",
      message: /could not add all targets/,
    });
    throws(() => editor.addTarget("targets/a/b", "x2", target("y")), { code: "METADATA_ROLE_UNKNOWN" });
    ok(editor.addTarget("targets/a/b", "x1/app", target("y")));
    editor.addDelegation("targets/none", { addKeys: [key] });
    throws(() => editor.addTarget("targets/none", "x1", target("y")), { code: "METADATA_ROLE_UNKNOWN" });
  });

  test("a delegation that was published but not read cannot be edited blindly", async () => {
    const story = await publishedStory();
    const a = story.held.generate();
    await change(story, (editor) => {
      editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] });
      editor.addTarget("targets/a", "v2", target("two"));
    });
    const { delegations: _delegations, ...partly } = story.published.read();
    await rejects(
      change(story, (editor) => editor.addTarget("targets/a", "v3", target("x")), { from: partly }),
      { code: "METADATA_MISSING" },
    );
    await change(story, (editor) => editor.addTarget("targets", "v3", target("three")), { from: partly });
    ok(story.published.snapshot.body.meta.has("targets/a"), "its snapshot entry stays");
  });
});

describe("purging keys", () => {
  test("takes a key out of every delegation", async () => {
    const story = await publishedStory();
    const [a, b] = [story.held.generate(), story.held.generate()];
    await change(story, (editor) => {
      editor.addDelegation("targets/a", { addKeys: [a, b], addPaths: [""] });
      editor.addDelegation("targets/b", { addKeys: [b, a], addPaths: [""] });
    });
    deepEqual(await change(story, (editor) => editor.purgeKeys([a.keyId])), ["snapshot", "targets"]);
    deepEqual(
      story.published.targets().body.delegations.roles?.map((role) => role.keyIds),
      [[b.keyId], [b.keyId]],
    );
  });

  test("skips a role whose key is not held, with a warning, and does the others", async () => {
    const story = await publishedStory();
    const [a, b] = [story.held.generate(), story.held.generate()];
    await change(story, (editor) => {
      editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] });
      editor.addDelegation("targets/a/x", { addKeys: [a, b], addPaths: [""] });
      editor.addDelegation("targets/b", { addKeys: [a, b], addPaths: [""] });
    });
    const { list, onWarning } = warnings();
    const held = story.held.without(story.keys.targets);
    deepEqual(await change(story, (editor) => editor.purgeKeys([b.keyId]), { held, onWarning }), [
      "snapshot",
      "targets/a",
    ]);
    deepEqual(list, [
      "role targets contains keys being purged but you do not have the necessary keys present to sign it; keys will not be purged from targets or its immediate children",
    ]);
    deepEqual(story.published.targets().body.delegations.roles?.[1]?.keyIds, [a.keyId, b.keyId]);
  });

  test("a key that no role has changes nothing", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, (editor) => editor.purgeKeys(["0".repeat(64)])), ["snapshot"]);
  });

  test("together with another change to the same role is no longer optional", async () => {
    const story = await publishedStory();
    const a = story.held.generate();
    await change(story, (editor) => editor.addDelegation("targets/a", { addKeys: [a], addPaths: [""] }));
    const both = (editor: CollectionEditor): void => {
      editor.purgeKeys([a.keyId]);
      editor.addTarget("targets", "v2", target("two"));
    };
    await rejects(change(story, both, { held: story.held.without(story.keys.targets) }), {
      code: "SIGNING_KEY_MISSING",
    });
  });
});

describe("witnessing", () => {
  test("signs a role again unchanged, one version higher", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, (editor) => editor.witness("targets")), ["snapshot", "targets"]);
    equal(story.published.targets().body.version, 2);
    deepEqual(names(story.published.targets()), ["v1"]);
  });

  test("recovers a role that its new keys never signed, with its content", async () => {
    const story = await withInvalidAlice();
    await change(story, (editor) => editor.witness("targets/alice"));
    equal(story.published.targets("targets/alice").body.version, 2);
    deepEqual(names(story.published.targets("targets/alice")), ["old"]);
    equal(story.published.read().invalidDelegations?.size, 0);
  });

  test("without it, signing such a role starts empty but above the version the server has", async () => {
    const story = await withInvalidAlice();
    await change(story, (editor) => editor.addTarget("targets/alice", "new", target("new")));
    equal(story.published.targets("targets/alice").body.version, 2);
    deepEqual(names(story.published.targets("targets/alice")), ["new"]);
  });

  test("refuses unknown roles, and roles without enough keys", async () => {
    const story = await withInvalidAlice();
    for (const role of ["targets/nobody", "root", "snapshot", "nonsense"]) {
      await rejects(
        change(story, (editor) => editor.witness(role)),
        { code: "METADATA_ROLE_UNKNOWN", message: /this role is not known/ },
      );
    }
    await change(story, (editor) => editor.updateDelegation("targets/alice", { removeKeys: [story.carol.keyId] }));
    await rejects(
      change(story, (editor) => editor.witness("targets/alice")),
      { code: "METADATA_ROLE_UNKNOWN" },
    );
  });
});

async function withInvalidAlice(): Promise<EditingStory & { alice: PublicKey; carol: PublicKey }> {
  const story = await publishedStory();
  const [alice, carol] = [story.held.generate(), story.held.generate()];
  await change(story, (editor) => {
    editor.addDelegation("targets/alice", { addKeys: [alice], addPaths: [""] });
    editor.addTarget("targets/alice", "old", target("old"));
  });
  await change(story, (editor) =>
    editor.updateDelegation("targets/alice", { removeKeys: [alice.keyId], addKeys: [carol] }),
  );
  ok(story.published.read().invalidDelegations?.has("targets/alice"));
  return { ...story, alice, carol };
}
