/** I3, I8: what a server lost with a restore comes back in an upload, and nothing comes in this way that no reader would follow. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "../../src/encoding/json.ts";
import type { LostFile, LostRole } from "../../src/tuf/lost-versions.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import { maxVersionStep } from "../../src/tuf/upload-form.ts";
import type { RefusalKind } from "../../src/tuf/update-refused.ts";
import { gun, now, target } from "../support/editing-story.ts";
import { HeldKeys } from "../support/held-keys.ts";
import { forged, nextFiles, type ServerStory, serverStory } from "../support/validating-server.ts";

type Files = ReadonlyMap<RoleName, Uint8Array>;

/** A file as the server has it now. */
function lostFile({ server }: ServerStory, role: LostRole): LostFile {
  return { role, version: server.versionOf(role) ?? 0, bytes: server.bytesOf(role) };
}

/** Publishes and answers the root, where it changed. */
async function publish(story: ServerStory, edit: Parameters<typeof nextFiles>[1]): Promise<LostFile> {
  await story.server.upload(await nextFiles(story, edit));
  return lostFile(story, "root");
}

async function refused(
  { server }: ServerStory,
  [lost, files]: readonly [readonly LostFile[], Files],
  kind: RefusalKind,
  message: RegExp,
): Promise<void> {
  const before = server.state;
  await rejects(server.upload(files, { lost }), { code: "UPDATE_REFUSED", kind, message });
  equal(server.state, before, "nothing was stored");
}

const none: Files = new Map();

/** Three rotations that a restore takes back: of targets' key, of the timestamp's, and of targets' again. */
async function lostRotations() {
  const story = await serverStory();
  const restore = story.server.backUp();
  const second = await publish(story, (editor) => editor.rotateKey("targets", [story.held.generate()]));
  const oldTimestamp = lostFile(story, "timestamp");
  const third = await publish(story, (editor) =>
    editor.rotateKey("timestamp", [story.server.held.generate("ed25519")]),
  );
  const fourth = await publish(story, (editor) => editor.rotateKey("targets", [story.held.generate()]));
  const [snapshot, timestamp] = [lostFile(story, "snapshot"), lostFile(story, "timestamp")];
  const files = new Map([
    ["root", fourth.bytes],
    ["targets", story.server.bytesOf("targets")],
  ]);
  restore();
  return { story, second, third, fourth, snapshot, timestamp, oldTimestamp, files };
}

describe("after a restore", () => {
  test("lost roots come back with what belongs to the last of them, and the server's versions pass those that were lost", async () => {
    const { story, second, third, fourth, snapshot, timestamp, files } = await lostRotations();
    const lost = [third, timestamp, second, snapshot];
    deepEqual(await story.server.upload(files, { lost }), ["root", "root", "root", "targets", "snapshot", "timestamp"]);
    equal(story.server.versionOf("root"), fourth.version);
    equal(story.server.versionOf("snapshot"), snapshot.version + 1);
    equal(story.server.versionOf("timestamp"), timestamp.version + 1);
    await story.server.read();
  });

  test("a lost snapshot that lists what the server then has comes back as it is", async () => {
    const story = await serverStory();
    const restore = story.server.backUp();
    await publish(story, (editor) => editor.addTarget("targets", "v2", target("two")));
    const files = new Map(["targets", "snapshot"].map((role) => [role, story.server.bytesOf(role)]));
    const lost = [lostFile(story, "timestamp")];
    restore();
    deepEqual(await story.server.upload(files, { lost }), ["targets", "snapshot", "timestamp"]);
    equal(story.server.versionOf("timestamp"), 3);
  });

  test("a lost timestamp alone raises the next one, and a snapshot that its owner signs stays", async () => {
    const story = await serverStory("client");
    const files = await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("two")));
    await story.server.upload(files);
    const restore = story.server.backUp();
    await story.server.upload(await nextFiles(story, (editor) => editor.addTarget("targets", "v3", target("three"))));
    const lost = [lostFile(story, "timestamp")];
    restore();
    deepEqual(await story.server.upload(none, { lost }), ["timestamp"]);
    equal(story.server.versionOf("timestamp"), 4);
  });

  test("a lost snapshot that only its owner can sign raises nothing but the timestamp", async () => {
    const story = await serverStory("client");
    const restore = story.server.backUp();
    await story.server.upload(await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("two"))));
    const lost = [lostFile(story, "snapshot"), lostFile(story, "timestamp")];
    restore();
    deepEqual(await story.server.upload(none, { lost }), ["timestamp"]);
    equal(story.server.versionOf("snapshot"), 1);
    equal(story.server.versionOf("timestamp"), 3);
  });

  test("a proof that is not newer raises nothing", async () => {
    const story = await serverStory();
    const lost = [lostFile(story, "timestamp"), lostFile(story, "snapshot")];
    deepEqual(await story.server.upload(none, { lost }), ["timestamp"]);
    equal(story.server.versionOf("timestamp"), 2);
  });

  test("a lost collection comes back without its first roots", async () => {
    const story = await serverStory();
    for (let count = 0; count < 3; count += 1)
      await publish(story, (editor) => editor.rotateKey("targets", [story.held.generate()]));
    const files = new Map(
      ["root", "targets", "targets/alice", "snapshot"].map((role) => [role, story.server.bytesOf(role)]),
    );
    const lost = [lostFile(story, "timestamp")];
    story.server.forget();
    await refused(story, [[], files], "ErrBadRoot", /Root modifications must increment the version/u);
    await story.server.upload(files, { lost });
    equal(story.server.versionOf("root"), 4);
    await story.server.read();
  });
});

describe("refused", () => {
  test("lost roots with one missing, and a root that does not follow them", async () => {
    const { story, second, third, files } = await lostRotations();
    await refused(story, [[third], files], "ErrBadRoot", /root 3 does not follow root 1/u);
    await refused(story, [[second], files], "ErrBadRoot", /Root modifications must increment the version/u);
    await refused(story, [[], files], "ErrBadRoot", /Root modifications must increment the version/u);
  });

  test("a lost root that another client brought back meanwhile, as a lost race", async () => {
    const { story, second, third, files } = await lostRotations();
    await story.server.upload(files, { lost: [second, third] });
    await rejects(story.server.upload(files, { lost: [second, third] }), { code: "STORAGE_CONFLICT" });
  });

  test("a lost root that the one before did not sign", async () => {
    const { story, third, files } = await lostRotations();
    const thief = new HeldKeys();
    const key = await thief.generateRoot(gun, now);
    const bytes = await forged(
      story.server.bytesOf("root"),
      (signed) => {
        const { root } = signed["roles"] as { root: { keyids: string[] } };
        root.keyids = [key.keyId];
        (signed["keys"] as Record<string, unknown>)[key.keyId] = {
          keytype: key.keyType,
          keyval: { private: null, public: Buffer.from(key.bytes).toString("base64") },
        };
        signed["version"] = 2;
      },
      [key],
      thief,
    );
    await refused(
      story,
      [[{ role: "root", version: 2, bytes }, third], files],
      "ErrBadRoot",
      /could not rotate trust/u,
    );
  });

  test("lost roots that lead to none in the update", async () => {
    const { story, second } = await lostRotations();
    await refused(story, [[second], none], "ErrValidation", /lost roots lead to no root/u);
  });

  test("a proof whose key no root of the update names: it was rotated away, and may be in the wrong hands", async () => {
    const { story, second, third, files, oldTimestamp } = await lostRotations();
    await story.server.upload(files, { lost: [second, third] });
    await refused(story, [[oldTimestamp], none], "ErrValidation", /valid signatures did not meet threshold/u);
  });

  test("a proof signed by other keys", async () => {
    const story = await serverStory();
    const thief = new HeldKeys();
    const bytes = await forged(
      story.server.bytesOf("timestamp"),
      (signed) => (signed["version"] = 9),
      [thief.generate()],
      thief,
    );
    await refused(story, [[{ role: "timestamp", version: 9, bytes }], none], "ErrValidation", /valid signatures/u);
  });

  test("a proof further ahead than versions may go in one step, and the last one there is", async () => {
    const story = await serverStory();
    const at = async (version: number): Promise<LostFile> => {
      const signers = [story.keys.timestamp];
      const change = (signed: JsonObject): void => void (signed["version"] = version);
      const bytes = await forged(story.server.bytesOf("timestamp"), change, signers, story.server.held);
      return { role: "timestamp", version, bytes };
    };
    await refused(story, [[await at(maxVersionStep + 2)], none], "ErrValidation", /the highest accepted now is/u);
    await story.server.upload(none, { lost: [await at(maxVersionStep + 1)] });
    equal(story.server.versionOf("timestamp"), maxVersionStep + 2);
  });

  test("a file that is another version than its name says, or none at all", async () => {
    const story = await serverStory();
    const { bytes } = lostFile(story, "timestamp");
    await refused(
      story,
      [[{ role: "timestamp", version: 5, bytes }], none],
      "ErrValidation",
      /5\.timestamp says that it has version 1/u,
    );
    await refused(story, [[{ role: "snapshot", version: 5, bytes }], none], "ErrBadSnapshot", /type/u);
    const rubbish = Buffer.from("rubbish");
    await refused(story, [[{ role: "root", version: 5, bytes: rubbish }], none], "ErrBadRoot", /./u);
  });

  test("more lost files than a collection has rotations", async () => {
    const story = await serverStory();
    const file = lostFile(story, "timestamp");
    const lost = Array.from({ length: 65 }, () => file);
    await refused(story, [lost, none], "ErrValidation", /65 lost files in one update, at most 64/u);
  });
});
