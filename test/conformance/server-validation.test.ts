/** Notary v1: server validation, row by row, and the kinds and words of the refusals. */

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import { PublicKey } from "../../src/crypto/public-key.ts";
import type { JsonObject } from "../../src/encoding/json.ts";
import { CollectionEditor } from "../../src/tuf/editor.ts";
import type { RoleName } from "../../src/tuf/metadata.ts";
import { parseMetadata } from "../../src/tuf/notary-v1/parse.ts";
import type { RefusalKind } from "../../src/tuf/update-refused.ts";
import { gun, later, now, target } from "../support/editing-story.ts";
import {
  firstFiles,
  foreignKey,
  forged,
  nextFiles,
  serverStory,
  unpublishedStory,
} from "../support/validating-server.ts";
import type { ServerStory } from "../support/validating-server.ts";

type Files = Map<RoleName, Uint8Array>;

/** Uploads, expects this refusal, and that the server is as it was. */
async function refused(story: ServerStory, files: Files, kind: RefusalKind, message: RegExp, at = now): Promise<void> {
  const before = story.server.state;
  await rejects(story.server.upload(files, { now: at }), { code: "UPDATE_REFUSED", kind, message });
  equal(story.server.state, before, "nothing was stored");
}

function roles(signed: JsonObject): { [role: string]: { keyids: string[]; threshold: number } } {
  return signed["roles"] as never;
}

function part(files: Files, role: RoleName): Uint8Array {
  const bytes = files.get(role);
  ok(bytes, `${role} is part of the update`);
  return bytes;
}

describe("accepted", () => {
  test("a first update of root, targets and snapshot; the server's own timestamp replaces the client's, the rest is stored byte for byte", async () => {
    const story = await unpublishedStory("client");
    const files = await firstFiles(story);
    files.set("timestamp", Buffer.from("not even JSON"));
    deepEqual(await story.server.upload(files), ["root", "targets", "targets/alice", "snapshot", "timestamp"]);
    for (const role of ["root", "targets", "targets/alice", "snapshot"])
      deepEqual(story.server.bytesOf(role), files.get(role));
    equal((await story.server.read()).timestamp?.body.version, 1);
  });

  test("with a timestamp stored: the new one is its version + 1", async () => {
    const story = await serverStory();
    await story.server.upload(await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("two"))));
    equal(story.server.versionOf("timestamp"), 2);
  });

  test("no root part and no targets part, both stored", async () => {
    const story = await serverStory("client");
    const files = await nextFiles(story, (editor) => editor.addTarget("targets/alice", "a2", target("two")));
    deepEqual([...files.keys()], ["targets/alice", "snapshot"]);
    await story.server.upload(files);
    await story.server.read();
  });

  test("only a snapshot", async () => {
    const story = await serverStory("client");
    const files = await nextFiles(story, () => undefined);
    deepEqual([...files.keys()], ["snapshot"]);
    deepEqual(await story.server.upload(files), ["snapshot", "timestamp"]);
  });

  test("the same root again passes validation and is the storage's to refuse", async () => {
    const story = await serverStory();
    await rejects(story.server.upload(new Map([["root", story.server.bytesOf("root")]])), { code: "STORAGE_CONFLICT" });
  });

  test("a rotation signed by old and new, with or without still older signatures", async () => {
    const story = await serverStory();
    const roots = [parseMetadata("root", story.server.bytesOf("root"))];
    for (const legacyRoots of [[], roots]) {
      const next = await story.held.generateRoot(gun, now);
      const editor = CollectionEditor.from(await story.server.read());
      editor.rotateKey("root", [next]);
      await story.server.upload(await editor.sign(story.held.signingKeys, { now, legacyRoots }));
    }
    const { root } = await story.server.read();
    equal(root.body.version, 3);
    equal(root.signatures.length, 3);
  });

  test("an old role with several keys and threshold 1, of which one signs", async () => {
    const story = await serverStory();
    const [a, b, c] = [
      await story.held.generateRoot(gun, now),
      await story.held.generateRoot(gun, now),
      await story.held.generateRoot(gun, now),
    ];
    await story.server.upload(await nextFiles(story, (editor) => editor.rotateKey("root", [a, b])));
    await story.server.upload(await nextFiles(story, (editor) => editor.rotateKey("root", [c]), story.held.without(a)));
    deepEqual((await story.server.read()).root.body.roles.get("root")?.keyIds, [c.keyId]);
  });

  test("a first root of version 2, but not of version 3", async () => {
    for (const [version, accepted] of [
      [2, true],
      [3, false],
    ] as const) {
      const story = await unpublishedStory();
      const files = await firstFiles(story);
      files.set(
        "root",
        await forged(part(files, "root"), (signed) => (signed["version"] = version), [story.keys.rootKey], story.held),
      );
      if (accepted) await story.server.upload(files);
      else
        await refused(story, files, "ErrBadRoot", /^Root modifications must increment the version\. Current 1, new 3$/);
    }
  });

  test("no snapshot part, key held: generated with or without a stored one, version = previous + 1", async () => {
    const story = await unpublishedStory();
    deepEqual(await story.server.upload(await firstFiles(story)), [
      "root",
      "targets",
      "targets/alice",
      "snapshot",
      "timestamp",
    ]);
    equal(story.server.versionOf("snapshot"), 1);
    await story.server.upload(await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("two"))));
    equal(story.server.versionOf("snapshot"), 2);
  });

  test("a delegation with its parent in the same update, in whatever order the parts come", async () => {
    const story = await serverStory();
    const bob = story.held.generate();
    const files = await nextFiles(story, (editor) => {
      editor.addDelegation("targets/bob", { addKeys: [bob], addPaths: [""] });
      editor.addDelegation("targets/bob/deep", { addKeys: [bob], addPaths: ["x"] });
      editor.addTarget("targets/bob/deep", "x1", target("x"));
    });
    await story.server.upload(new Map([...files].toReversed()));
    deepEqual(
      [...(await story.server.read()).delegations.keys()],
      ["targets/alice", "targets/bob", "targets/bob/deep"],
    );
  });

  test("a delegation below stored parents", async () => {
    const story = await serverStory();
    const bob = story.held.generate();
    await story.server.upload(
      await nextFiles(story, (editor) => {
        editor.addDelegation("targets/bob", { addKeys: [bob], addPaths: [""] });
        editor.addDelegation("targets/bob/deep", { addKeys: [bob], addPaths: ["x"] });
      }),
    );
    const files = await nextFiles(story, (editor) => editor.addTarget("targets/bob/deep", "x1", target("x")));
    deepEqual([...files.keys()], ["targets/bob/deep"]);
    await story.server.upload(files);
  });

  test("the snapshot key handed to the client, and back to the server", async () => {
    const story = await serverStory();
    const own = story.held.generate();
    await story.server.upload(await nextFiles(story, (editor) => editor.rotateKey("snapshot", [own])));
    const back = story.server.held.generate("ed25519");
    deepEqual(await story.server.upload(await nextFiles(story, (editor) => editor.rotateKey("snapshot", [back]))), [
      "root",
      "snapshot",
      "timestamp",
    ]);
    await story.server.read();
  });

  test("a delegation removed by a client that makes its own snapshot", async () => {
    const story = await serverStory("client");
    await story.server.upload(await nextFiles(story, (editor) => editor.removeDelegation("targets/alice")));
    const { snapshot, delegations } = await story.server.read();
    equal(snapshot.body.meta.has("targets/alice"), false);
    equal(delegations.size, 0);
  });

  test("…and declared again with another key in the same update", async () => {
    const story = await serverStory("client");
    const bob = story.held.generate();
    const files = await nextFiles(story, (editor) => {
      editor.removeDelegation("targets/alice");
      editor.addDelegation("targets/alice", { addKeys: [bob], addPaths: [""] });
    });
    await story.server.upload(files);
    await story.server.read();
  });
});

describe("root", () => {
  test("whose certificate is for another collection, or is a bare key: ErrBadRoot", async () => {
    for (const rootKey of [
      async (story: ServerStory) => await story.held.generateRoot("docker.io/library/other", now),
      async (story: ServerStory) => story.held.generate(),
    ]) {
      const story = await unpublishedStory();
      const files = new Map(
        await CollectionEditor.create(gun, { ...story.keys, rootKey: await rootKey(story) }).sign(
          story.held.signingKeys,
          { now },
        ),
      );
      await refused(story, files, "ErrBadRoot", /unable to retrieve valid leaf certificates/);
    }
  });

  test("that skips a version: refused", async () => {
    const story = await serverStory();
    const files = await nextFiles(story, (editor) =>
      editor.rotateKey("timestamp", [story.server.held.generate("ed25519")]),
    );
    for (const version of [3, 2 ** 31 - 1]) {
      files.set(
        "root",
        await forged(part(files, "root"), (signed) => (signed["version"] = version), [story.keys.rootKey], story.held),
      );
      await refused(
        story,
        files,
        "ErrBadRoot",
        new RegExp(`^Root modifications must increment the version\\. Current 1, new ${version}$`),
      );
    }
  });

  test("nowhere: ErrValidation", async () => {
    const story = await unpublishedStory();
    const files = await firstFiles(story);
    files.delete("root");
    await refused(story, files, "ErrValidation", /^no pre-existing root and no root provided in update\.$/);
  });

  test("I2: that does not meet the old role's threshold of 2: not rotated", async () => {
    const story = await serverStory();
    const [a, b, c] = [
      await story.held.generateRoot(gun, now),
      await story.held.generateRoot(gun, now),
      await story.held.generateRoot(gun, now),
    ];
    const two = await forged(
      part(await nextFiles(story, (editor) => editor.rotateKey("root", [a, b])), "root"),
      (signed) => (roles(signed)["root"] = { keyids: [a.keyId, b.keyId], threshold: 2 }),
      [story.keys.rootKey, a, b],
      story.held,
    );
    await story.server.upload(new Map([["root", two]]));
    const next = await forged(
      two,
      (signed) => {
        roles(signed)["root"] = { keyids: [c.keyId], threshold: 1 };
        (signed["keys"] as JsonObject)[c.keyId] = c.toJson();
        signed["version"] = 3;
      },
      [a, c],
      story.held,
    );
    await refused(
      story,
      new Map([["root", next]]),
      "ErrBadRoot",
      /^could not rotate trust to a new trusted root: failed to validate data with current trusted certificates$/,
    );
  });

  test("rotated without the old key, or without the new: ErrBadRoot", async () => {
    const story = await serverStory();
    const next = await story.held.generateRoot(gun, now);
    const rotated = part(await nextFiles(story, (editor) => editor.rotateKey("root", [next])), "root");
    for (const [signer, message] of [
      [next, /could not rotate trust/],
      [story.keys.rootKey, /failed to validate integrity of roots/],
    ] as const) {
      const root = await forged(rotated, () => undefined, [signer], story.held);
      await refused(story, new Map([["root", root]]), "ErrBadRoot", message);
    }
  });

  test("without one of the four roles: ErrBadRoot", async () => {
    for (const role of ["root", "targets", "snapshot", "timestamp"]) {
      const story = await unpublishedStory();
      const files = await firstFiles(story);
      files.set(
        "root",
        await forged(part(files, "root"), (signed) => delete roles(signed)[role], [story.keys.rootKey], story.held),
      );
      await refused(
        story,
        files,
        "ErrBadRoot",
        new RegExp(`^root type metadata invalid: missing ${role} role specification$`),
      );
    }
  });

  test("I2: with a threshold of 0 for any role: invalid threshold", async () => {
    for (const role of ["root", "targets", "snapshot", "timestamp"]) {
      const story = await unpublishedStory();
      const files = await firstFiles(story);
      const change = (signed: JsonObject): unknown => Object.assign(roles(signed)[role] ?? {}, { threshold: 0 });
      files.set("root", await forged(part(files, "root"), change, [story.keys.rootKey], story.held));
      await refused(story, files, "ErrBadRoot", /invalid threshold/);
    }
  });

  test("modified after signing: ErrBadRoot", async () => {
    const story = await unpublishedStory();
    const files = await firstFiles(story);
    const text = Buffer.from(part(files, "root")).toString();
    files.set("root", Buffer.from(text.replace('"consistent_snapshot":false', '"consistent_snapshot":true')));
    await refused(story, files, "ErrBadRoot", /failed to validate integrity of roots/);
  });

  test("expired: ErrBadRoot, uploaded or stored", async () => {
    const fresh = await unpublishedStory();
    await refused(
      fresh,
      await firstFiles(fresh),
      "ErrBadRoot",
      /^could not validate the path to a trusted root/,
      later(4000),
    );
    const story = await serverStory();
    await refused(story, new Map(), "ErrBadRoot", /./, later(4000));
  });

  test("I8: that takes the key of stored targets away and brings no new targets: ErrBadTargets", async () => {
    const story = await serverStory();
    const files = await nextFiles(story, (editor) => editor.rotateKey("targets", [story.held.generate()]));
    files.delete("targets");
    await refused(story, files, "ErrBadTargets", /^valid signatures did not meet threshold for targets$/);
  });

  test("I8: that lists a key under an ID that is not its own: ErrBadRoot", async () => {
    const story = await unpublishedStory();
    const files = await firstFiles(story);
    const stray = foreignKey();
    const change = (signed: JsonObject): unknown => ((signed["keys"] as JsonObject)["0".repeat(64)] = stray.toJson());
    files.set("root", await forged(part(files, "root"), change, [story.keys.rootKey], story.held));
    await refused(story, files, "ErrBadRoot", /^key ID is not valid for key content/);
  });
});

describe("signatures and syntax", () => {
  const kinds: readonly (readonly [RoleName, RefusalKind])[] = [
    ["root", "ErrBadRoot"],
    ["targets", "ErrBadTargets"],
    ["targets/alice", "ErrBadTargets"],
    ["snapshot", "ErrBadSnapshot"],
  ];

  for (const [role, kind] of kinds) {
    test(`missing in ${role}: ${kind}`, async () => {
      const story = await unpublishedStory("client");
      const files = await firstFiles(story);
      files.set(role, await forged(part(files, role), () => undefined, [], story.held));
      await refused(
        story,
        files,
        kind,
        role === "root" ? /failed to validate integrity of roots/ : /^tuf: data has no signatures$/,
      );
    });

    test(`by a foreign key in ${role}: ${kind}`, async () => {
      const story = await unpublishedStory("client");
      const files = await firstFiles(story);
      files.set(role, await forged(part(files, role), () => undefined, [story.held.generate()], story.held));
      await refused(
        story,
        files,
        kind,
        role === "root" ? /failed to validate integrity of roots/ : /^valid signatures did not meet threshold for /,
      );
    });

    test(`first byte cut off ${role}: ${kind}`, async () => {
      const story = await unpublishedStory("client");
      const files = await firstFiles(story);
      files.set(role, part(files, role).subarray(1));
      await refused(story, files, kind, /is not valid JSON/);
    });

    test(`${role} of another kind: ${kind}`, async () => {
      const story = await unpublishedStory("client");
      const files = await firstFiles(story);
      files.set(role, part(files, role === "root" ? "targets" : "root"));
      await refused(story, files, kind, /type metadata invalid: expected type/);
    });

    if (role !== "root") {
      test(`${role} expired: ${kind}`, async () => {
        const story = await unpublishedStory("client");
        const files = await firstFiles(story);
        const signer = { targets: story.keys.targets, snapshot: story.keys.snapshot }[role] ?? story.keys.alice;
        files.set(
          role,
          await forged(
            part(files, role),
            (signed) => (signed["expires"] = "2026-11-23T04:07:46Z"),
            [signer],
            story.held,
          ),
        );
        const known = new Map([...files].filter(([name]) => name !== "snapshot" || role === "snapshot"));
        if (role !== "snapshot") story.server.held.hold(story.held.find(story.keys.snapshot.keyId) ?? fail());
        await refused(story, known, kind, /expired at Mon Nov 23 04:07:46 UTC 2026$/);
      });
    }
  }

  test("I1: a file larger than any honest one is not parsed", async () => {
    const story = await serverStory();
    await refused(
      story,
      new Map([["root", Buffer.alloc(10 * 1024 * 1024 + 1, " ")]]),
      "ErrBadRoot",
      /more than the 10485760 allowed/,
    );
  });

  test("I9: an unknown role: ErrValidation", async () => {
    const story = await serverStory();
    for (const role of ["nonsense", "targets/A", "targets/../x", "targets/a//b", ""]) {
      await refused(story, new Map([[role, Buffer.from("{}")]]), "ErrValidation", /is an invalid role$/);
    }
  });
});

describe("snapshot", () => {
  test("not sent and its key not held: ErrBadHierarchy, missing snapshot", async () => {
    const story = await unpublishedStory("client");
    const files = await firstFiles(story);
    files.delete("snapshot");
    await rejects(story.server.upload(files), {
      code: "UPDATE_REFUSED",
      kind: "ErrBadHierarchy",
      missing: "snapshot",
      message: "no snapshot was included in update and server does not hold current snapshot key for repository",
    });
  });

  test("I2: to be generated with threshold 2 and one key: ErrBadHierarchy", async () => {
    const story = await unpublishedStory();
    const files = await firstFiles(story);
    const second = foreignKey();
    const change = (signed: JsonObject): void => {
      roles(signed)["snapshot"] = { keyids: [story.keys.snapshot.keyId, second.keyId], threshold: 2 };
      (signed["keys"] as JsonObject)[second.keyId] = second.toJson();
    };
    files.set("root", await forged(part(files, "root"), change, [story.keys.rootKey], story.held));
    await refused(story, files, "ErrBadHierarchy", /^no snapshot was included/);
  });

  test("not sent, no targets sent and nothing stored: ErrValidation", async () => {
    const story = await unpublishedStory();
    const files = new Map([["root", part(await firstFiles(story), "root")]]);
    await refused(story, files, "ErrValidation", /^targets must be loaded first$/);
  });

  const wrongEntries: readonly (readonly [string, RoleName, (meta: { [role: string]: JsonObject }) => void, RegExp])[] =
    [
      [
        "wrong length of targets",
        "targets",
        (meta) => (meta["targets"] = { ...meta["targets"], length: 3 } as JsonObject),
        /^targets has \d+ bytes, expected 3$/,
      ],
      [
        "wrong length of root",
        "root",
        (meta) => (meta["root"] = { ...meta["root"], length: 3 } as JsonObject),
        /^root has \d+ bytes, expected 3$/,
      ],
      [
        "wrong sha256 of targets",
        "targets",
        (meta) => (meta["targets"] = withHash(meta["targets"], "sha256", 32)),
        /^sha256 checksum for targets did not match/,
      ],
      [
        "wrong sha512 of root",
        "root",
        (meta) => (meta["root"] = withHash(meta["root"], "sha512", 64)),
        /^sha512 checksum for root did not match/,
      ],
      [
        "no entry for targets",
        "targets",
        (meta) => delete meta["targets"],
        /missing targets sha256 checksum information/,
      ],
      [
        "no entry for an uploaded delegation",
        "targets/alice",
        (meta) => delete meta["targets/alice"],
        /^the snapshot does not list targets\/alice$/,
      ],
      [
        "an entry for a file the server does not hold",
        "targets",
        (meta) => (meta["targets/ghost"] = meta["targets"] as JsonObject),
        /lists "targets\/ghost", which this server does not hold$/,
      ],
      [
        "an entry for no role at all",
        "targets",
        (meta) => (meta["nonsense"] = meta["targets"] as JsonObject),
        /lists "nonsense", which this server does not hold$/,
      ],
      [
        "an entry for the timestamp",
        "targets",
        (meta) => (meta["timestamp"] = meta["targets"] as JsonObject),
        /lists "timestamp", which this server does not hold$/,
      ],
    ];

  for (const [what, , change, message] of wrongEntries) {
    test(`I8: with ${what}: ErrBadSnapshot`, async () => {
      const story = await unpublishedStory("client");
      const files = await firstFiles(story);
      files.set("snapshot", await editedSnapshot(story, part(files, "snapshot"), change));
      await refused(story, files, "ErrBadSnapshot", message);
    });
  }

  test("I8: that describes a stored file wrongly: ErrBadSnapshot", async () => {
    const story = await serverStory("client");
    const honest = part(await nextFiles(story, () => undefined), "snapshot");
    const snapshot = await editedSnapshot(story, honest, (meta) =>
      Object.assign(meta["targets/alice"] ?? {}, { length: 3 }),
    );
    await refused(
      story,
      new Map([["snapshot", snapshot]]),
      "ErrBadSnapshot",
      /^targets\/alice has \d+ bytes, expected 3$/,
    );
  });

  test("I8: that drops a delegation still delegated to: ErrBadSnapshot", async () => {
    const story = await serverStory("client");
    const honest = part(await nextFiles(story, () => undefined), "snapshot");
    const snapshot = await editedSnapshot(story, honest, (meta) => delete meta["targets/alice"]);
    const message = /no longer lists targets\/alice, although targets still delegates to it$/;
    await refused(story, new Map([["snapshot", snapshot]]), "ErrBadSnapshot", message);
  });
});

describe("timestamp", () => {
  const strangers: readonly (readonly [string, (story: ServerStory, signed: JsonObject) => void])[] = [
    ["unknown to the server", (_story, signed) => useTimestampKeys(signed, [foreignKey()], 1)],
    ["the client's own", (story, signed) => useTimestampKeys(signed, [story.keys.targets], 1)],
    ["one of two, threshold 2", (story, signed) => useTimestampKeys(signed, [story.keys.timestamp, foreignKey()], 2)],
  ];

  for (const [what, change] of strangers) {
    test(`key ${what}: ErrBadRoot`, async () => {
      const story = await unpublishedStory();
      const files = await firstFiles(story);
      files.set(
        "root",
        await forged(part(files, "root"), (signed) => change(story, signed), [story.keys.rootKey], story.held),
      );
      await refused(story, files, "ErrBadRoot", /^no {2}timestamp keys exist on the server$/);
    });
  }

  test("no key at all: ErrBadRoot", async () => {
    const story = await unpublishedStory();
    const files = await firstFiles(story);
    files.set(
      "root",
      await forged(part(files, "root"), (signed) => useTimestampKeys(signed, [], 1), [story.keys.rootKey], story.held),
    );
    await refused(story, files, "ErrBadRoot", /^no {2}timestamp keys exist on the server$/);
  });
});

describe("delegations", () => {
  test("whose parent is neither stored nor uploaded: ErrBadTargets", async () => {
    const story = await serverStory();
    const bob = story.held.generate();
    const files = await nextFiles(story, (editor) => {
      editor.addDelegation("targets/bob", { addKeys: [bob], addPaths: [""] });
      editor.addDelegation("targets/bob/deep", { addKeys: [bob], addPaths: [""] });
      editor.addTarget("targets/bob/deep", "x", target("x"));
    });
    files.delete("targets/bob");
    await refused(story, files, "ErrBadTargets", /targets\/bob has not been loaded/);
  });

  test("before any targets: ErrBadTargets", async () => {
    const story = await unpublishedStory();
    const files = await firstFiles(story);
    files.delete("targets");
    await refused(story, files, "ErrBadTargets", /^targets must be loaded first$/);
  });

  test("not declared by their parent: ErrBadTargets", async () => {
    const story = await serverStory();
    const files = new Map([["targets/bob", story.server.bytesOf("targets/alice")]]);
    await refused(story, files, "ErrBadTargets", /^targets\/bob is not declared by targets$/);
  });

  test("removed in the same update: ErrBadTargets", async () => {
    const story = await serverStory();
    const files = await nextFiles(story, (editor) => editor.addTarget("targets/alice", "a2", target("x")));
    for (const [role, bytes] of await nextFiles(story, (editor) => editor.removeDelegation("targets/alice")))
      files.set(role, bytes);
    await refused(story, files, "ErrBadTargets", /^targets\/alice is not declared by targets$/);
  });

  test("declared under a hostile name: ErrBadTargets", async () => {
    for (const name of ["targets/a/b", "root", "targets/A", "targets/../x", "targets/"]) {
      const story = await serverStory();
      const edit = (signed: JsonObject): unknown =>
        ((signed["delegations"] as JsonObject)["roles"] = [
          { keyids: [story.keys.alice.keyId], name, paths: [""], threshold: 1 },
        ]);
      const targets = await forged(story.server.bytesOf("targets"), edit, [story.keys.targets], story.held);
      await refused(story, new Map([["targets", targets]]), "ErrBadTargets", /delegation role .* invalid$/);
    }
  });

  test("I8: listing a key under an ID that is not its own: ErrBadTargets", async () => {
    const story = await serverStory();
    const targets = await forged(story.server.bytesOf("targets"), listStrayKey, [story.keys.targets], story.held);
    await refused(story, new Map([["targets", targets]]), "ErrBadTargets", /^key ID is not valid for key content/);
  });
});

function useTimestampKeys(signed: JsonObject, keys: readonly PublicKey[], threshold: number): void {
  for (const key of keys) (signed["keys"] as JsonObject)[key.keyId] = key.toJson();
  roles(signed)["timestamp"] = { keyids: keys.map((key) => key.keyId), threshold };
}

function withHash(entry: JsonObject | undefined, algorithm: string, length: number): JsonObject {
  const hashes = { ...(entry?.["hashes"] as JsonObject), [algorithm]: Buffer.alloc(length).toString("base64") };
  return { ...entry, hashes };
}

function fail(): never {
  throw new Error("the story lacks this key");
}

function listStrayKey(signed: JsonObject): void {
  const keys = (signed["delegations"] as JsonObject)["keys"] as JsonObject;
  keys["f".repeat(64)] = new PublicKey("ed25519", Buffer.alloc(32)).toJson();
}

/** A snapshot with other entries, well signed. */
async function editedSnapshot(
  { keys, held }: ServerStory,
  bytes: Uint8Array,
  change: (meta: { [role: string]: JsonObject }) => void,
): Promise<Uint8Array> {
  return await forged(
    bytes,
    (signed) => change(signed["meta"] as { [role: string]: JsonObject }),
    [keys.snapshot],
    held,
  );
}
