import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { change, gun, names, now, publishedStory, target } from "../../test/support/editing-story.ts";
import type { EditingStory } from "../../test/support/editing-story.ts";
import { HeldKeys } from "../../test/support/held-keys.ts";
import type { PublishedCollection } from "../../test/support/published-collection.ts";
import { CollectionEditor } from "./editor.ts";
import { fileMetaOf } from "./file-meta.ts";
import type { RoleName } from "./metadata.ts";
import { isReferenceSerialisation } from "./notary-v1/serialise.ts";
import { parseMetadata } from "./notary-v1/parse.ts";

describe("a new collection", () => {
  let story: EditingStory;
  before(async () => {
    story = await publishedStory();
  });

  test("starts with version 1 of root, targets and snapshot, in the bytes the reference would write", () => {
    deepEqual([...story.published.files.keys()], ["root", "targets", "snapshot"]);
    for (const [role, bytes] of story.published.files) {
      const file = parseMetadata(role, bytes);
      equal(file.body.version, 1);
      ok(isReferenceSerialisation(file), role);
    }
    deepEqual(names(story.published.targets()), ["v1"]);
  });

  test("is valid for ten and three years, written in UTC without trailing zeros", () => {
    equal(story.published.root.body.expires, "2036-11-20T04:07:46.04Z");
    equal(story.published.targets().body.expires, "2029-11-22T04:07:46.04Z");
    equal(story.published.snapshot.body.expires, "2029-11-22T04:07:46.04Z");
  });

  test("has a snapshot that describes the bytes published", () => {
    const { meta } = story.published.snapshot.body;
    deepEqual([...meta.keys()].toSorted(), ["root", "targets"]);
    for (const role of meta.keys()) deepEqual(meta.get(role), fileMetaOf(fileOf(story.published.files, role)));
  });

  test("leaves the snapshot to the server when its key is not held", async () => {
    const files = await CollectionEditor.create(gun, story.keys).sign(
      story.held.without(story.keys.snapshot).signingKeys,
      { now },
    );
    deepEqual([...files.keys()], ["root", "targets"]);
  });

  test("can be signed twice: the editor does not change", async () => {
    const editor = CollectionEditor.create(gun, story.keys);
    const first = await editor.sign(story.held.signingKeys, { now });
    const second = await editor.sign(story.held.signingKeys, { now });
    deepEqual([...first.keys()], [...second.keys()]);
    equal(parseMetadata("root", fileOf(second, "root")).body.version, 1);
  });

  test("prepared on disk only is sent whole: root unchanged, targets signed again", async () => {
    const { snapshot: _snapshot, ...prepared } = story.published.read();
    const files = await CollectionEditor.from(prepared).sign(story.held.signingKeys, { now, initial: true });
    deepEqual(files.get("root"), story.published.files.get("root"));
    equal(parseMetadata("targets", fileOf(files, "targets")).body.version, 2);
    ok(files.has("snapshot"));
  });

  test("that its server lost is sent whole, delegations included", async () => {
    const lost = await publishedStory();
    const alice = lost.held.generate();
    await change(lost, (editor) => editor.addDelegation("targets/alice", { addKeys: [alice], addPaths: [""] }));
    await change(lost, (editor) => editor.addTarget("targets/alice", "v2", target("two")));
    deepEqual(await change(lost, () => undefined, { initial: true }), ["root", "snapshot", "targets", "targets/alice"]);
  });
});

describe("targets", () => {
  test("a tag is added, replaced and removed, one version each", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, (editor) => editor.addTarget("targets", "v2", target("two"))), [
      "snapshot",
      "targets",
    ]);
    await change(story, (editor) => editor.addTarget("targets", "v2", target("three")));
    deepEqual(plain(story.published).get("v2"), digestOf("three"));
    await change(story, (editor) => equal(editor.removeTarget("targets", "v2"), true));
    deepEqual(names(story.published.targets()), ["v1"]);
    equal(story.published.targets().body.version, 4);
    equal(story.published.snapshot.body.version, 4);
  });

  test("adding an entry that exists, and removing one that does not, change nothing", async () => {
    const story = await publishedStory();
    const sent = await change(story, (editor) => {
      equal(editor.addTarget("targets", "v1", target("one")), false);
      equal(editor.removeTarget("targets", "v9"), false);
      equal(editor.removeTarget("targets/nobody", "v9"), false);
    });
    deepEqual(sent, ["snapshot"]);
  });

  test("custom data counts as a change and comes back as it was given", async () => {
    const story = await publishedStory();
    const custom = { a: [1, "<b>", null], z: { nested: true } };
    await change(story, (editor) => equal(editor.addTarget("targets", "v1", { ...target("one"), custom }), true));
    deepEqual(story.published.targets().body.targets.get("v1")?.custom, custom);
    await change(story, (editor) => equal(editor.addTarget("targets", "v1", { ...target("one"), custom }), false));
  });

  test("the files it started from are never modified", async () => {
    const story = await publishedStory();
    const start = story.published.read();
    const editor = CollectionEditor.from(start);
    editor.addTarget("targets", "v2", target("two"));
    editor.removeTarget("targets", "v1");
    deepEqual(names(start.targets), ["v1"]);
  });

  test("nothing to do and no snapshot key: nothing to send", async () => {
    const story = await publishedStory();
    deepEqual(await change(story, () => undefined, { held: new HeldKeys() }), []);
  });

  test("a role whose key is not held cannot be changed, and the message names the key", async () => {
    const story = await publishedStory();
    const { targets } = story.keys;
    await rejects(
      change(story, (editor) => editor.addTarget("targets", "v2", target("two")), {
        held: story.held.without(targets),
      }),
      {
        code: "SIGNING_KEY_MISSING",
        message: new RegExp(
          `could not find necessary signing keys, at least one of these keys must be available: ${targets.keyId}`,
        ),
      },
    );
  });

  test("an undeclared role, or a base role, takes no targets", async () => {
    const story = await publishedStory();
    for (const role of ["targets/nobody", "targets/a/b", "root", "Targets/A"]) {
      await rejects(
        change(story, (editor) => editor.addTarget(role, "v2", target("two"))),
        { code: "METADATA_ROLE_UNKNOWN", message: /invalid role/ },
      );
    }
  });

  test("I8: names that readers must not meet are not signed", async () => {
    const story = await publishedStory();
    const editor = CollectionEditor.from(story.published.read());
    for (const name of ["", "a\nb", "..", "../a", "a/../b", "a\\..", "\u007f", "\u0085", "\ud800", "x".repeat(5000)]) {
      throws(
        () => editor.addTarget("targets", name, target("x")),
        { code: "METADATA_MALFORMED" },
        JSON.stringify(name),
      );
    }
    ok(editor.addTarget("targets", "v1..2", target("x")));
  });

  test("one key is asked for once, however many roles it signs", async () => {
    const story = await publishedStory();
    const editor = CollectionEditor.from(story.published.read());
    const { targets } = story.keys;
    editor.rotateKey("snapshot", [targets]);
    editor.addTarget("targets", "v2", target("two"));
    story.held.asked.length = 0;
    await editor.sign(story.held.signingKeys, { now });
    equal(story.held.asked.filter((id) => id === targets.keyId).length, 1);
  });
});

test("property: any sequence of tag changes reads back as a map would hold them", async () => {
  const story = await publishedStory();
  const start = new Map(story.published.files);
  const anyName = fc.constantFrom("a", "b", "__proto__", "é<&>\u2028", "\u{1F600}");
  const step = fc.record({ name: anyName, content: fc.option(fc.string(), { nil: undefined }) });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 4 }), async (rounds) => {
      story.published.publish(start);
      const model = plain(story.published);
      for (const round of rounds) {
        await change(story, (editor) => {
          for (const { name, content } of round) {
            if (content === undefined) equal(editor.removeTarget("targets", name), model.delete(name));
            else equal(editor.addTarget("targets", name, target(content)), model.get(name) !== digestOf(content));
            if (content !== undefined) model.set(name, digestOf(content));
          }
        });
        deepEqual(new Map(plain(story.published)), model);
        for (const [role, bytes] of story.published.files) ok(isReferenceSerialisation(parseMetadata(role, bytes)));
      }
    }),
    { numRuns: 20 },
  );
});

function digestOf(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Names and digests of the entries of targets. */
function plain(published: PublishedCollection): Map<string, string> {
  const { targets } = published.targets().body;
  return new Map(
    [...targets].map(([name, { hashes }]) => [name, Buffer.from(hashes.get("sha256") ?? []).toString("hex")]),
  );
}

function fileOf(files: ReadonlyMap<RoleName, Uint8Array>, role: RoleName): Uint8Array {
  const bytes = files.get(role);
  ok(bytes, `${role} is among the files`);
  return bytes;
}
