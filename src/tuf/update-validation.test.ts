import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { later, now, target } from "../../test/support/editing-story.ts";
import { firstFiles, forged, nextFiles, serverStory, unpublishedStory } from "../../test/support/validating-server.ts";
import { hasCode } from "../errors.ts";
import { CollectionEditor } from "./editor.ts";
import { fileMetaOf } from "./file-meta.ts";
import type { RoleName } from "./metadata.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { validateUpdate } from "./update-validation.ts";

describe("an accepted update", () => {
  test("I7: is returned whole: what was sent, byte for byte, then the snapshot and the timestamp", async () => {
    const story = await unpublishedStory();
    const files = await firstFiles(story);
    const accepted = await validateUpdate({
      gun: "docker.io/library/alpine",
      uploads: files,
      stored: story.server,
      keys: story.server.keys,
      now,
    });
    deepEqual(
      accepted.map(({ role, version }) => [role, version]),
      [
        ["root", 1],
        ["targets", 1],
        ["targets/alice", 1],
        ["snapshot", 1],
        ["timestamp", 1],
      ],
    );
    for (const { role, bytes } of accepted.slice(0, 3)) equal(bytes, files.get(role));
  });

  test("I8: hashes the bytes that are stored", async () => {
    const { server } = await serverStory();
    const { snapshot, timestamp, root, targets, delegations } = await server.read();
    deepEqual(timestamp?.body.meta, new Map([["snapshot", fileMetaOf(snapshot.bytes)]]));
    for (const file of [root, targets, ...delegations.values()])
      deepEqual(snapshot.body.meta.get(file.role), fileMetaOf(file.bytes));
  });

  test("gets a timestamp for a fortnight and a snapshot for three years, or as configured", async () => {
    const story = await serverStory();
    const first = await story.server.read();
    equal(first.timestamp?.body.expires, "2026-12-07T04:07:46.04Z");
    equal(first.snapshot.body.expires, "2029-11-22T04:07:46.04Z");
    await story.server.upload(new Map(), { timestampLifetimeMs: 3_600_000, snapshotLifetimeMs: 86_400_000 });
    const second = await story.server.read();
    equal(second.timestamp?.body.expires, "2026-11-23T05:07:46.04Z");
    equal(second.snapshot.body.expires, "2026-11-24T04:07:46.04Z");
  });

  test("of nothing at all makes a new snapshot and timestamp", async () => {
    const { server } = await serverStory();
    deepEqual(await server.upload(new Map()), ["snapshot", "timestamp"]);
    equal(server.versionOf("snapshot"), 2);
    equal(server.versionOf("timestamp"), 2);
    await server.read();
  });

  test("of one delegation keeps what the snapshot says about the others", async () => {
    const story = await serverStory();
    deepEqual(
      await story.server.upload(
        await nextFiles(story, (editor) => editor.addTarget("targets/alice", "a2", target("x"))),
      ),
      ["targets/alice", "snapshot", "timestamp"],
    );
    const { snapshot } = await story.server.read();
    deepEqual([...snapshot.body.meta.keys()].toSorted(), ["root", "targets", "targets/alice"]);
  });

  test("corrects a snapshot that names other bytes than are stored", async () => {
    const story = await serverStory();
    const bricked = await forged(
      story.server.bytesOf("snapshot"),
      (signed) =>
        Object.assign(signed["meta"] as object, {
          targets: { hashes: { sha256: Buffer.alloc(32).toString("base64") }, length: 1 },
        }),
      [story.keys.snapshot],
      story.server.held,
    );
    const files = await nextFiles(story, (editor) => editor.addTarget("targets/alice", "a2", target("x")));
    story.server.plant("snapshot", bricked);
    await story.server.upload(files);
    const { snapshot, targets } = await story.server.read();
    deepEqual(snapshot.body.meta.get("targets"), fileMetaOf(targets.bytes));
  });

  test("may repair expired targets, and a delegation may be signed below them meanwhile", async () => {
    const story = await serverStory();
    const held = story.held.without(story.keys.targets);
    await rejects(
      nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("x")), held),
      { code: "SIGNING_KEY_MISSING" },
    );
    const collection = await story.server.read();
    const editor = CollectionEditor.from(collection);
    const repaired = await editor.sign(story.held.signingKeys, { now: later(1100) });
    deepEqual([...repaired.keys()], ["targets", "targets/alice"]);
    await story.server.upload(repaired, { now: later(1100) });
    await story.server.read(later(1100));
  });
});

test("I1: an upload of many files lets other requests run between two files", async () => {
  const story = await serverStory();
  const files = await nextFiles(story, (editor) => {
    editor.addTarget("targets", "v2", target("two"));
    editor.addTarget("targets/alice", "a2", target("two"));
  });
  let turns = 0;
  let isOver = false;
  const take = (): void => {
    turns += 1;
    if (!isOver) setImmediate(take);
  };
  setImmediate(take);
  await story.server.upload(files);
  isOver = true;
  ok(turns >= 2, `${turns} turns`);
});

describe("versions that are taken", () => {
  test("I7: are refused by the storage", async () => {
    const story = await serverStory();
    const [first, second] = [
      await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("first"))),
      await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("second"))),
    ];
    await story.server.upload(first);
    const before = story.server.state;
    await rejects(story.server.upload(second), { code: "STORAGE_CONFLICT" });
    equal(story.server.state, before);
  });

  test("I7: two publishers of different roles race for the timestamp: one of them has to start again", async () => {
    const story = await serverStory();
    const uploads = [
      await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("first"))),
      await nextFiles(story, (editor) => editor.addTarget("targets/alice", "a2", target("second"))),
    ];
    const { server } = story;
    const validated = await Promise.all(
      uploads.map(
        async (files) =>
          await validateUpdate({
            gun: "docker.io/library/alpine",
            uploads: files,
            stored: server,
            keys: server.keys,
            now,
          }),
      ),
    );
    server.commit(validated[0] ?? []);
    const before = server.state;
    await rejects(async () => server.commit(validated[1] ?? []), { code: "STORAGE_CONFLICT" });
    equal(server.state, before);
  });

  test("I7: in a snapshot made from an old state are a conflict, not a bad snapshot", async () => {
    const story = await serverStory("client");
    const [first, second] = [
      await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("first"))),
      await nextFiles(story, (editor) => editor.addTarget("targets/alice", "a2", target("second"))),
    ];
    await story.server.upload(first);
    await rejects(story.server.upload(second), { code: "STORAGE_CONFLICT" });
  });
});

describe("what fails while validating and is not the uploader's fault", () => {
  test("stays what it is: a storage failure", async () => {
    const story = await serverStory();
    const files = await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("x")));
    for (const broken of ["root", "snapshot", "timestamp"]) {
      const stored = {
        current: async (role: RoleName) =>
          role === broken ? await Promise.reject(new Error("disk on fire")) : await story.server.current(role),
      };
      await rejects(story.server.upload(files, { stored }), { message: "disk on fire" });
    }
  });

  test("stays what it is: a stored file that cannot be parsed", async () => {
    for (const broken of ["root", "snapshot", "timestamp"] as const) {
      const story = await serverStory();
      const files = await nextFiles(story, (editor) => editor.addTarget("targets", "v2", target("x")));
      story.server.plant(broken, Buffer.from("{"));
      await rejects(story.server.upload(files), { code: "METADATA_MALFORMED" });
    }
  });

  test("stays what it is: a key that cannot be opened", async () => {
    const story = await serverStory();
    const keys = { find: async () => await Promise.reject(new Error("sealed")) };
    await rejects(story.server.upload(new Map(), { keys }), { message: "sealed" });
  });
});

test("property, I8: whatever sequence of honest publishes is accepted, a reader who never saw the collection verifies it", async () => {
  const roles = ["targets", "targets/alice", "targets/bob"] as const;
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("tag" as const),
      role: fc.constantFrom(...roles),
      name: fc.constantFrom("a1", "a2", "a<&>"),
      content: fc.string(),
    }),
    fc.record({
      kind: fc.constant("untag" as const),
      role: fc.constantFrom(...roles),
      name: fc.constantFrom("a1", "a2"),
    }),
    fc.record({
      kind: fc.constantFrom("remove" as const, "add" as const, "witness" as const),
      role: fc.constantFrom("targets/alice", "targets/bob"),
    }),
    fc.record({
      kind: fc.constantFrom("rotate" as const),
      role: fc.constantFrom("targets" as const, "snapshot" as const, "root" as const),
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("client" as const, "server" as const),
      fc.array(step, { maxLength: 6 }),
      async (snapshotBy, steps) => {
        const story = await serverStory(snapshotBy);
        const nextRoot = await story.held.generateRoot("docker.io/library/alpine", now);
        for (const { kind, role, ...rest } of steps) {
          const files = await nextFiles(story, (editor) => {
            ifDeclared(() => {
              if (kind === "tag" && "content" in rest) editor.addTarget(role, rest.name, target(rest.content));
              if (kind === "untag" && "name" in rest) editor.removeTarget(role, rest.name);
              if (kind === "remove") editor.removeDelegation(role);
              if (kind === "add") editor.addDelegation(role, { addKeys: [story.keys.alice], addPaths: ["a"] });
              if (kind === "witness") editor.witness(role);
              if (kind === "rotate" && role !== "root") editor.rotateKey(role, [story.held.generate()]);
              if (kind === "rotate" && role === "root") editor.rotateKey("root", [nextRoot]);
            });
          });
          const before = story.server.state;
          await story.server.upload(files).catch((error: unknown) => {
            // a client-made snapshot forgot a role that came back, whose versions the server remembers
            ok(snapshotBy === "client" && hasCode(error, "STORAGE_CONFLICT"), String(error));
            equal(story.server.state, before);
          });
          ok(await story.server.read());
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("property, I8 and I9: an upload with any byte changed, left out or put in is refused, as a refusal, and changes nothing", async () => {
  const story = await serverStory("client");
  const files = await nextFiles(story, (editor) => {
    editor.addTarget("targets", "v2", target("two"));
    editor.addTarget("targets/alice", "a2", target("two"));
    editor.rotateKey("timestamp", [story.server.held.generate("ed25519")]);
  });
  const before = story.server.state;
  const damage = fc.record({
    role: fc.constantFrom(...files.keys()),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.constantFrom(0, 1, 7),
    insert: fc.uint8Array({ maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ role, at, remove, insert }) => {
      const bytes = Buffer.from(files.get(role) ?? []);
      const index = Math.floor(at * bytes.length);
      const damaged = Buffer.concat([bytes.subarray(0, index), insert, bytes.subarray(index + remove)]);
      fc.pre(!damaged.equals(bytes));
      await rejects(story.server.upload(new Map(files).set(role, damaged)), { code: "UPDATE_REFUSED" });
      equal(story.server.state, before);
    }),
    { numRuns: 150 },
  );
  await story.server.upload(files);
});

test("parse of what the server stored gives the versions it answered", async () => {
  const { server } = await serverStory();
  for (const role of ["root", "targets", "targets/alice", "snapshot", "timestamp"]) {
    equal(parseMetadata(role, server.bytesOf(role)).body.version, server.versionOf(role));
  }
});

function ifDeclared(edit: () => void): void {
  try {
    edit();
  } catch (error) {
    if (!hasCode(error, "METADATA_ROLE_UNKNOWN")) throw error;
  }
}
