import { deepEqual, equal, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import { gun, later, now } from "../../test/support/editing-story.ts";
import { HeldKeys } from "../../test/support/held-keys.ts";
import { serverStory, unpublishedStory } from "../../test/support/validating-server.ts";
import type { ServerStory } from "../../test/support/validating-server.ts";
import { fileMetaOf } from "./file-meta.ts";
import { renewTimestamp } from "./timestamp-renewal.ts";
import type { RenewalInput } from "./timestamp-renewal.ts";

describe("renewing a timestamp", () => {
  test("that is fresh, or of a collection that does not exist, does nothing", async () => {
    deepEqual(await renewed(await serverStory(), { now: later(13) }), []);
    deepEqual(await renewed(await unpublishedStory(), { now: later(100) }), []);
  });

  test("that is expired: version + 1, a fortnight more, the same snapshot", async () => {
    const story = await serverStory();
    const files = await renewed(story, { now: later(15) });
    deepEqual(
      files.map(({ role, version }) => [role, version]),
      [["timestamp", 2]],
    );
    story.server.commit(files);
    const { timestamp, snapshot } = await story.server.read(later(15));
    equal(timestamp?.body.expires, "2026-12-22T04:07:46.04Z");
    deepEqual(timestamp?.body.meta.get("snapshot"), fileMetaOf(snapshot.bytes));
    equal(snapshot.body.version, 1);
  });

  test("whose snapshot expired too: both, with the same entries", async () => {
    const story = await serverStory();
    await story.server.upload(new Map(), { snapshotLifetimeMs: 86_400_000 });
    const before = await story.server.read();
    const files = await renewed(story, {
      now: later(15),
      snapshotLifetimeMs: 86_400_000,
      timestampLifetimeMs: 3_600_000,
    });
    deepEqual(
      files.map(({ role, version }) => [role, version]),
      [
        ["snapshot", 3],
        ["timestamp", 3],
      ],
    );
    story.server.commit(files);
    const after = await story.server.read(later(15));
    deepEqual(after.snapshot.body.meta, before.snapshot.body.meta);
    equal(after.snapshot.body.expires, "2026-12-09T04:07:46.04Z");
    equal(after.timestamp?.body.expires, "2026-12-08T05:07:46.04Z");
  });

  test("ahead of its expiry: as soon as it has less life left than requested, never under an expired root", async () => {
    const ahead = { timestampMs: 7 * 86_400_000, snapshotMs: 200 * 86_400_000 };
    const story = await serverStory();
    deepEqual(await renewed(story, { now: later(6.9), ahead }), []);
    deepEqual(
      (await renewed(story, { now: later(7.1), ahead })).map(({ role }) => role),
      ["timestamp"],
    );
    deepEqual(
      (await renewed(story, { now: later(900), ahead })).map(({ role }) => role),
      ["snapshot", "timestamp"],
    );
    deepEqual(await renewed(story, { now: later(3700), ahead }), []);
  });

  test("that is fresh but names an expired snapshot: both, or no client could read the collection until it expires too", async () => {
    const story = await serverStory();
    await story.server.upload(new Map(), { snapshotLifetimeMs: 86_400_000 });
    const files = await renewed(story, { now: later(2) });
    deepEqual(
      files.map(({ role }) => role),
      ["snapshot", "timestamp"],
    );
    story.server.commit(files);
    await story.server.read(later(2));
  });

  test("that is fresh but names an expired snapshot of the client's does nothing", async () => {
    const story = await serverStory("client");
    const files = await renewed(story, { now: later(1100), timestampLifetimeMs: 1 });
    story.server.commit(files);
    deepEqual(await renewed(story, { now: later(1100) }), []);
  });

  test("whose expired snapshot is the client's: the timestamp alone; readers will say what is wrong", async () => {
    const story = await serverStory("client");
    const files = await renewed(story, { now: later(1100) });
    deepEqual(
      files.map(({ role }) => role),
      ["timestamp"],
    );
    story.server.commit(files);
    await rejects(story.server.read(later(1100)), { code: "METADATA_EXPIRED" });
  });

  test("I4: under an expired root does nothing", async () => {
    deepEqual(await renewed(await serverStory(), { now: later(3700) }), []);
  });

  test("whose key is not held fails", async () => {
    const story = await serverStory();
    const nobody = new HeldKeys();
    const keys = { find: async (keyId: string) => nobody.find(keyId) };
    await rejects(renewed(story, { now: later(15), keys }), { code: "UPDATE_REFUSED", kind: "ErrBadRoot" });
  });

  test("fails when a key or a stored file cannot be used, and reports it", async () => {
    const story = await serverStory();
    const sealed = { find: async () => await Promise.reject(new Error("sealed")) };
    await rejects(renewed(story, { now: later(1100), keys: sealed }), { message: "sealed" });
    for (const role of ["timestamp", "root", "snapshot"] as const) {
      const broken = await serverStory();
      broken.server.plant(role, Buffer.from("{"));
      await rejects(renewed(broken, { now: later(15) }), { code: "METADATA_MALFORMED" });
    }
  });

  test("of a collection whose root or snapshot is gone does nothing", async () => {
    for (const gone of ["root", "snapshot"]) {
      const story = await serverStory();
      const stored = {
        current: async (role: string) => (role === gone ? undefined : await story.server.current(role)),
      };
      deepEqual(await renewed(story, { now: later(15), stored }), []);
    }
  });
});

async function renewed({ server }: ServerStory, input: Partial<RenewalInput>): ReturnType<typeof renewTimestamp> {
  return await renewTimestamp({ gun, stored: server, keys: server.keys, now, ...input });
}
