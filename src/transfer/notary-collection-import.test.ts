import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { gun, now, target } from "../../test/support/editing-story.ts";
import { notaryFiles, type NotaryFiles } from "../../test/support/notary-files.ts";
import { rotate, StoredStory, strangerBehind } from "../../test/support/stored-story.ts";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { MemoryMetadataStore } from "../server/storage/memory-metadata-store.ts";
import type { MetadataStore } from "../server/storage/metadata-store.ts";
import { SqliteMetadataStore } from "../server/storage/sqlite-metadata-store.ts";
import type { CollectionReport } from "./move-report.ts";
import { importCollection } from "./notary-collection-import.ts";
import { NotaryServerDatabase } from "./notary-server-database.ts";
import { openSourceDatabase } from "./source-database.ts";

async function copy(from: MetadataStore, to: MetadataStore): Promise<void> {
  for (const { role, version } of await from.versions(gun)) {
    const file = await from.byVersion(gun, role, version);
    if (file !== undefined) await to.restore(gun, [file]);
  }
}

async function copyOf(stored: StoredStory): Promise<MemoryMetadataStore> {
  const store = new MemoryMetadataStore();
  await copy(stored.store, store);
  return store;
}

/** A Notary database with the same content. */
async function notaryOf(t: TestContext, { store }: StoredStory): Promise<NotaryFiles> {
  const directory = temporaryDirectory(t);
  const files = new SqliteMetadataStore({ path: join(directory, "metadata.db") });
  await copy(store, files);
  await files.close();
  return await notaryFiles(directory, directory);
}

async function importInto(store: MetadataStore, { server }: NotaryFiles): Promise<CollectionReport> {
  const source = new NotaryServerDatabase(await openSourceDatabase(server, { postgres: undefined, mysql: undefined }));
  try {
    return (await importCollection(gun, { source, store, now })).report;
  } finally {
    await source.close();
  }
}

const placesOf = async (store: MetadataStore): Promise<readonly string[]> =>
  (await store.versions(gun)).map(({ role, version }) => `${role} ${version}`).toSorted();

/** Alice and her team could sign, and did; then they were removed, and no current file names them. */
async function withFormerSigner(): Promise<StoredStory> {
  const stored = await StoredStory.begin();
  const generated = () => ({ addKeys: [stored.story.held.generate()], addPaths: [""] });
  await stored.change((editor) => editor.addDelegation("targets/alice", generated()));
  await stored.change((editor) => editor.addDelegation("targets/alice/team", generated()));
  await stored.change((editor) => void editor.addTarget("targets/alice/team", "theirs", target("theirs")));
  await stored.change((editor) => void editor.removeDelegation("targets/alice"));
  await stored.change((editor) => void editor.addTarget("targets", "v9", target("nine")));
  return stored;
}

/** Alice may sign, and has not. */
async function withNewSigner(): Promise<StoredStory> {
  const stored = await StoredStory.begin();
  const alice = () => ({ addKeys: [stored.story.held.generate()], addPaths: [""] });
  await stored.change((editor) => editor.addDelegation("targets/alice", alice()));
  return stored;
}

/** Writes a row for this role with the bytes of another. */
function addRow(notary: NotaryFiles, role: string, version: number, from: string): void {
  const columns = "gun, ?, ?, sha256, data, created_at from tuf_files";
  const insert = "insert into tuf_files (gun, role, version, sha256, data, created_at)";
  notary.inServer(`${insert} select ${columns} where role = ? and version = 1`, role, version, from);
}

describe("rows of delegations", () => {
  it("move when an older version of what is signed names them", async (t) => {
    const stored = await withFormerSigner();
    const store = new MemoryMetadataStore();
    deepEqual((await importInto(store, await notaryOf(t, stored))).problems, []);
    const places = await placesOf(store);
    deepEqual(places, await placesOf(stored.store));
    ok(places.includes("targets/alice/team 1"));
  });

  for (const state of ["nothing", "an older state"] as const) {
    it(`I8: that nothing signed names are left out, and reported, where ${state} is stored here`, async (t) => {
      const stored = await StoredStory.begin();
      const store = state === "nothing" ? new MemoryMetadataStore() : await copyOf(stored);
      await stored.change((editor) => void editor.addTarget("targets", "v2", target("two")));
      const notary = await notaryOf(t, stored);
      addRow(notary, "targets/mallory", 99, "targets");
      const { problems, added } = await importInto(store, notary);
      deepEqual(
        problems.map(({ code, message }) => [code, message.replace(/\d+/gu, "N")]),
        [["METADATA_ROLE_UNKNOWN", "targets/mallory N (row N) was not imported: nothing signed names this role"]],
      );
      deepEqual(await placesOf(store), await placesOf(stored.store));
      ok(added > 0);
    });
  }

  it("I8: that a stranger names are left out", async (t) => {
    const stored = await StoredStory.begin();
    for (const tag of ["v2", "v3"]) await stored.change((editor) => void editor.addTarget("targets", tag, target(tag)));
    const stranger = await StoredStory.begin();
    await stranger.change((editor) => {
      editor.addDelegation("targets/mallory", { addKeys: [stranger.story.held.generate()], addPaths: [""] });
    });
    const forged = (await stranger.store.current(gun, "targets"))?.bytes ?? new Uint8Array();
    const notary = await notaryOf(t, stored);
    notary.inServer("update tuf_files set data = ?, sha256 = null where role = 'targets' and version = 2", forged);
    addRow(notary, "targets/mallory", 1, "targets");
    notary.inServer("update tuf_files set data = ?, sha256 = null where role = 'targets/mallory'", forged);
    const store = new MemoryMetadataStore();
    const { problems } = await importInto(store, notary);
    match(problems[0]?.message ?? "", /^targets\/mallory 1 .* nothing signed names this role$/u);
    equal(await store.current(gun, "targets/mallory"), undefined);
  });

  for (const [whose, begin] of [
    ["a signer who has not signed yet", withNewSigner],
    ["a former signer", withFormerSigner],
  ] as const) {
    it(`I8: that ${whose} did not sign are left out, so that what they sign next counts as newer`, async (t) => {
      const stored = await begin();
      const notary = await notaryOf(t, stored);
      addRow(notary, "targets/alice", 99, "targets");
      const store = new MemoryMetadataStore();
      const { problems } = await importInto(store, notary);
      deepEqual(
        problems.map(({ code, message }) => [code, message.replace(/row \d+/u, "row N")]),
        [
          [
            "METADATA_VERSION_MISMATCH",
            "targets/alice 99 (row N) was not imported: it says of itself that it is version 1",
          ],
        ],
      );
      deepEqual(await placesOf(store), await placesOf(stored.store));
    });
  }
});

describe("a collection of a Notary database that is not here yet", () => {
  it("I8: is imported without rows that would count as newer than what its owner signed", async (t) => {
    const stored = await StoredStory.begin();
    await stored.change((editor) => void editor.addTarget("targets", "v2", target("two")));
    const notary = await notaryOf(t, stored);
    notary.inServer("update tuf_files set version = 99 where role = 'targets' and version = 1");
    const store = new MemoryMetadataStore();
    const { problems } = await importInto(store, notary);
    match(problems[0]?.message ?? "", /^targets 99 \(row \d+\) was not imported: it is newer/u);
    equal((await store.current(gun, "targets"))?.version, (await stored.store.current(gun, "targets"))?.version);
  });
});

describe("a collection of a Notary database that is stored here already", () => {
  it("is updated, and does not change when the import is repeated", async (t) => {
    const stored = await StoredStory.begin();
    const here = await copyOf(stored);
    await rotate(stored, 2);
    await stored.change((editor) => void editor.addTarget("targets", "v2", target("two")));
    const notary = await notaryOf(t, stored);
    notary.inServer("update tuf_files set sha256 = null");
    deepEqual((await importInto(here, notary)).problems, []);
    const content = (files: Awaited<ReturnType<MetadataStore["versions"]>>): string[] =>
      files.map(({ role, version, sha256 }) => `${role} ${version} ${sha256}`);
    deepEqual(content(await here.versions(gun)), content(await stored.store.versions(gun)));
    deepEqual((await importInto(here, notary)).problems, []);
  });

  it("I8: is not replaced by a stranger's collection, whose root comes after a gap in the roots", async (t) => {
    const here = await copyOf(await StoredStory.begin());
    const before = await here.versions(gun);
    const stranger = await strangerBehind(here);
    // the two have no file in common
    for (const { role, version } of before)
      if (role !== "root")
        await stranger.store.forget(
          gun,
          (await stranger.store.versions(gun)).filter((file) => file.role === role && file.version === version),
        );
    const { added, problems } = await importInto(here, await notaryOf(t, stranger));
    equal(added, 0);
    deepEqual(
      problems.map(({ code }) => code),
      ["ROOT_ROTATION_REFUSED"],
    );
    match(problems[0]?.message ?? "", /does not continue what is stored here: root 3 of .* is missing/u);
    deepEqual(await here.versions(gun), before);
  });

  it("I3: takes no row that would count as newer than what its owner signed", async (t) => {
    const stored = await StoredStory.begin();
    const here = await copyOf(stored);
    await stored.change((editor) => void editor.addTarget("targets", "v2", target("two")));
    const notary = await notaryOf(t, stored);
    notary.inServer("update tuf_files set version = 99 where role = 'targets' and version = 1");
    const { problems } = await importInto(here, notary);
    match(problems[0]?.message ?? "", /^targets 99 \(row \d+\) was not imported: it is newer/u);
    equal((await here.current(gun, "targets"))?.version, (await stored.store.current(gun, "targets"))?.version);
  });
});
