/** What every `MetadataStore` must do. An implementation's own test calls this with a way to open an empty store. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import type { Change } from "../../src/server/storage/change.ts";
import type { MetadataStore } from "../../src/server/storage/metadata-store.ts";
import type { NewFile, StoredFile } from "../../src/server/storage/stored-file.ts";
import type { Usage, UsageLimit } from "../../src/server/storage/usage-limit.ts";
import { describeProposals } from "./proposal-store.ts";

const gun = "docker.io/library/alpine";
const at = new Date("2026-11-23T04:00:00.123Z");

function file(role: string, version: number, text = `${role} ${version}`): NewFile {
  const bytes = Buffer.from(text);
  return { role, version, bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** A publication of one timestamp and whatever comes with it. */
function publication(version: number, base: NewFile | undefined, ...others: NewFile[]) {
  const timestamp = file("timestamp", version);
  return { gun, base: base?.sha256, files: [...others, timestamp], at };
}

/** Opens an empty store, and closes it when the test ends. */
export type OpenStore = (t: TestContext) => MetadataStore | Promise<MetadataStore>;

/** Runs the contract against stores made by `open`. */
export function metadataStoreContract(name: string, open: OpenStore): void {
  describe(`${name} as a MetadataStore`, () => {
    describeReads(open);
    describePublish(open);
    describeRemove(open);
    describeUndelete(open);
    describeChanges(open);
    describeMoving(open);
    describeForgetting(open);
    describeLimits(open);
    describeNames(open);
    describeRaces(open);
    describeProposals(open);
  });
}

function describeReads(open: OpenStore): void {
  it("answers undefined for what it does not hold", async (t) => {
    const store = await open(t);
    assert.equal(await store.current(gun, "root"), undefined);
    assert.equal(await store.byVersion(gun, "root", 1), undefined);
    assert.equal(await store.byChecksum(gun, "root", file("root", 1).sha256), undefined);
  });

  it("gives back the bytes, the version, the hash and the time of each file", async (t) => {
    const store = await open(t);
    const root = file("root", 1, "caf\u00e9 \u0000 \ud83d\ude80");
    await store.publish(publication(1, undefined, root));
    const stored = await store.current(gun, "root");
    assert.ok(stored);
    assert.deepEqual({ ...stored, bytes: Buffer.from(stored.bytes) }, { ...root, createdAt: at });
  });

  it("takes several roots at once, oldest first, and answers the last one as current", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1)));
    const base = file("timestamp", 1);
    await store.publish(publication(2, base, file("root", 2), file("root", 3), file("root", 4)));
    assert.equal((await store.current(gun, "root"))?.version, 4);
    assert.equal((await store.byVersion(gun, "root", 3))?.sha256, file("root", 3).sha256);
  });

  it("keeps every version and answers the highest one as current", async (t) => {
    const store = await open(t);
    const [one, two] = [file("targets/releases", 1), file("targets/releases", 7)];
    await store.publish(publication(1, undefined, one));
    await store.publish(publication(2, file("timestamp", 1), two));
    assert.equal((await store.current(gun, "targets/releases"))?.version, 7);
    assert.equal((await store.byVersion(gun, "targets/releases", 1))?.sha256, one.sha256);
    assert.equal((await store.byChecksum(gun, "targets/releases", one.sha256))?.version, 1);
    assert.equal(await store.byVersion(gun, "targets/releases", 2), undefined);
  });

  it("finds a checksum only in its own collection and role", async (t) => {
    const store = await open(t);
    const root = file("root", 1);
    await store.publish(publication(1, undefined, root));
    assert.equal(await store.byChecksum("docker.io/library/other", "root", root.sha256), undefined);
    assert.equal(await store.byChecksum(gun, "targets", root.sha256), undefined);
    assert.equal(await store.byChecksum(gun, "root", root.sha256.toUpperCase()), undefined);
  });

  it("does not see later changes to a buffer it was given", async (t) => {
    const store = await open(t);
    const root = file("root", 1, "honest");
    await store.publish(publication(1, undefined, root));
    root.bytes.fill(0x58);
    assert.equal(Buffer.from((await store.current(gun, "root"))?.bytes ?? []).toString(), "honest");
  });

  it("is healthy", async (t) => {
    const store = await open(t);
    await store.check();
    const before = await store.revision([gun]);
    assert.deepEqual(await store.revision([gun]), before);
  });
}

function describePublish(open: OpenStore): void {
  it("I7: refuses a publication built on a timestamp that is no longer current, and writes nothing of it", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1)));
    await store.publish(publication(2, file("timestamp", 1), file("targets", 2)));
    const late = publication(3, file("timestamp", 1), file("targets/late", 1));
    await assert.rejects(store.publish(late), { code: "STORAGE_CONFLICT" });
    assert.equal(await store.current(gun, "targets/late"), undefined);
    assert.equal((await store.current(gun, "timestamp"))?.version, 2);
  });

  it("I7: refuses a publication whose collection was deleted and made again meanwhile", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1)));
    await store.remove(gun, at);
    const late = publication(2, file("timestamp", 1), file("targets", 5));
    await assert.rejects(store.publish(late), { code: "STORAGE_CONFLICT" });
    assert.equal(await store.current(gun, "targets"), undefined);
  });

  for (const version of [2, 3]) {
    it(`I7: refuses targets ${version} where 3 is stored, and writes none of the files beside it`, async (t) => {
      const store = await open(t);
      await store.publish(publication(1, undefined, file("root", 1), file("targets", 3)));
      const again = publication(2, file("timestamp", 1), file("root", 2), file("targets", version, "other"));
      await assert.rejects(store.publish(again), { code: "STORAGE_CONFLICT" });
      assert.equal((await store.current(gun, "root"))?.version, 1);
      assert.equal((await store.current(gun, "timestamp"))?.version, 1);
      assert.equal((await store.changes({ from: 0, limit: 10, backwards: false })).length, 1);
    });
  }

  it("I7: of many racing publishers lets exactly one win", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1)));
    const rivals = Array.from({ length: 8 }, (_, number) =>
      store.publish(publication(2, file("timestamp", 1), file("targets", 2, `by rival ${number}`))),
    );
    const outcomes = await Promise.allSettled(rivals);
    assert.equal(outcomes.filter((outcome) => outcome.status === "fulfilled").length, 1);
    assert.equal((await store.changes({ from: 0, limit: 10, backwards: false })).length, 2);
  });
}

function describeRemove(open: OpenStore): void {
  it("deletes one collection and leaves those whose names begin alike", async (t) => {
    const store = await open(t);
    const longer = `${gun}-edge`;
    await store.publish(publication(1, undefined, file("root", 1)));
    await store.publish({ ...publication(1, undefined, file("root", 1)), gun: longer });
    await store.remove(gun, at);
    assert.equal(await store.current(gun, "root"), undefined);
    assert.equal(await store.byChecksum(gun, "root", file("root", 1).sha256), undefined);
    assert.equal((await store.current(longer, "root"))?.version, 1);
  });

  it("lets a deleted collection begin again at version 1", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1)));
    await store.remove(gun, at);
    await store.publish(publication(1, undefined, file("root", 1)));
    assert.equal((await store.current(gun, "root"))?.version, 1);
  });

  it("records a deletion, and nothing when there was nothing to delete", async (t) => {
    const store = await open(t);
    await store.remove(gun, at);
    assert.deepEqual(await store.changes({ from: 0, limit: 10, backwards: false }), []);
    await store.publish(publication(1, undefined, file("root", 1)));
    await store.remove(gun, at);
    const [, deletion] = await store.changes({ from: 0, limit: 10, backwards: false });
    assert.deepEqual(deletion, { id: 2, createdAt: at, gun, version: 0, sha256: "", category: "deletion" });
  });
}

async function withFiveChanges(store: MetadataStore): Promise<MetadataStore> {
  let base: NewFile | undefined;
  for (let version = 1; version <= 4; version += 1) {
    await store.publish(publication(version, base));
    base = file("timestamp", version);
  }
  await store.publish({ ...publication(1, undefined), gun: "other" });
  return store;
}

function describeUndelete(open: OpenStore): void {
  const later = new Date(at.getTime() + 60_000);

  it("keeps what was deleted out of sight, and brings it back byte for byte with its times", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1), file("targets/releases", 1)));
    await store.publish(publication(2, file("timestamp", 1), file("targets/releases", 2)));
    const before = await store.versions(gun);
    await store.remove(gun, later);
    assert.deepEqual([await store.versions(gun), await store.guns("", 9)], [[], []]);
    const bytes = before.reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual(await store.deletions(undefined, 9), [{ gun, deletedAt: later, files: 5, bytes }]);
    assert.equal(await store.undelete({ gun, deletedAt: later }, later), true);
    assert.deepEqual(await store.versions(gun), before);
    const root = await store.byChecksum(gun, "root", file("root", 1).sha256);
    assert.deepEqual([root && Buffer.from(root.bytes).toString(), root?.createdAt], ["root 1", at]);
    assert.deepEqual([await store.deletions(undefined, 9), await store.guns("", 9)], [[], [gun]]);
  });

  it("adds the timestamp that is current again to the changefeed, and publishers may continue from it", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1)));
    await store.remove(gun, at);
    await store.undelete({ gun, deletedAt: at }, later);
    const [, , back] = await store.changes({ from: 0, limit: 10, backwards: false });
    const { sha256, version } = file("timestamp", 1);
    assert.deepEqual(back, { id: 3, createdAt: later, gun, version, sha256, category: "update" });
    await store.publish(publication(2, file("timestamp", 1)));
    await assert.rejects(store.publish(publication(2, undefined)), { code: "STORAGE_CONFLICT" });
    const revision = await store.revision([gun]);
    if (typeof revision !== "string") assert.equal(revision.get(gun)?.split(" ").at(-1), file("timestamp", 2).sha256);
  });

  it("I3: never puts an old collection in the place of one that was published since", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1, "old")));
    await store.remove(gun, at);
    await store.publish(publication(1, undefined, file("root", 1, "new")));
    const late = store.undelete({ gun, deletedAt: at }, later);
    await assert.rejects(late, { code: "STORAGE_CONFLICT", message: /there is a repository of that name/u });
    assert.equal((await store.current(gun, "root"))?.sha256, file("root", 1, "new").sha256);
    assert.equal((await store.deletions(undefined, 9)).length, 1);
  });

  it("distinguishes the deletions of one name, even those of one millisecond, and restores the right one", async (t) => {
    const store = await open(t);
    for (const text of ["first", "second"]) {
      await store.publish(publication(1, undefined, file("root", 1, text)));
      await store.remove(gun, at);
    }
    await store.publish({ ...publication(1, undefined), gun: "b" });
    await store.remove("b", at);
    const all = await store.deletions(undefined, 9);
    assert.deepEqual(
      all.map((deletion) => deletion.gun),
      ["b", gun, gun],
    );
    const [, first, second] = all;
    assert.ok(first !== undefined && second !== undefined && first.deletedAt < second.deletedAt);
    assert.deepEqual(await store.deletions(first, 9), [second]);
    assert.deepEqual(await store.deletions(undefined, 2), all.slice(0, 2));
    assert.equal(await store.undelete(first, later), true);
    assert.equal((await store.current(gun, "root"))?.sha256, file("root", 1, "first").sha256);
    assert.deepEqual(await store.deletions(first, 9), [second]);
  });

  it("forgets a deletion for good, and knows of none that is not there", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1)));
    await store.remove(gun, at);
    assert.equal(await store.forgetDeletion({ gun, deletedAt: later }), 0);
    assert.equal(await store.forgetDeletion({ gun, deletedAt: at }), 2);
    assert.deepEqual(await store.deletions(undefined, 9), []);
    assert.equal(await store.undelete({ gun, deletedAt: at }, later), false);
    assert.equal((await store.changes({ from: 0, limit: 9, backwards: false })).length, 2);
  });

  it("I7: of many that bring it back, and of publishers, exactly one wins", async (t) => {
    const store = await open(t);
    await store.publish(publication(1, undefined, file("root", 1, "old")));
    await store.remove(gun, at);
    const rivals = Array.from({ length: 6 }, (_, index) =>
      index % 2 === 0
        ? store.undelete({ gun, deletedAt: at }, later)
        : store.publish(publication(1, undefined, file("root", 1, `new ${index}`))).then(() => true),
    );
    const won = (await Promise.allSettled(rivals)).filter((end) => end.status === "fulfilled" && end.value);
    assert.equal(won.length, 1);
    assert.equal((await store.versions(gun)).length, 2);
    assert.equal((await store.changes({ from: 0, limit: 9, backwards: false })).length, 3);
  });
}

function describeChanges(open: OpenStore): void {
  const cases = [
    { name: "from the beginning", query: { from: 0, limit: 2, backwards: false }, ids: [1, 2] },
    { name: "after a position", query: { from: 2, limit: 2, backwards: false }, ids: [3, 4] },
    { name: "beyond the end", query: { from: 9, limit: 2, backwards: false }, ids: [] },
    { name: "the newest ones", query: { from: 0, limit: 2, backwards: true }, ids: [4, 5] },
    { name: "before a position", query: { from: 4, limit: 2, backwards: true }, ids: [2, 3] },
    { name: "of one collection", query: { gun, from: 1, limit: 9, backwards: false }, ids: [2, 3, 4] },
    { name: "of another collection backwards", query: { gun: "other", from: 0, limit: 9, backwards: true }, ids: [5] },
  ];
  for (const { name, query, ids } of cases) {
    it(`reads changes oldest first: ${name}`, async (t) => {
      const store = await withFiveChanges(await open(t));
      assert.deepEqual(
        (await store.changes(query)).map((change) => change.id),
        ids,
      );
    });
  }

  it("describes each new timestamp", async (t) => {
    const store = await withFiveChanges(await open(t));
    const [first] = await store.changes({ from: 0, limit: 1, backwards: false });
    const { sha256 } = file("timestamp", 1);
    assert.deepEqual(first, { id: 1, createdAt: at, gun, version: 1, sha256, category: "update" });
  });
}

/** What another store would hand over. */
function stored(role: string, version: number, text?: string): StoredFile {
  return { ...file(role, version, text), createdAt: new Date(at.getTime() - 1000 * version) };
}

function describeMoving(open: OpenStore): void {
  it("lists collections and their files, in order and without bytes", async (t) => {
    const store = await open(t);
    for (const name of ["b", "B", "a/c", "a"]) await store.restore(name, [stored("root", 1)]);
    await store.restore("a", [stored("targets", 10), stored("targets", 9), stored("snapshot", 2)]);
    assert.deepEqual(await store.guns("", 10), ["B", "a", "a/c", "b"]);
    assert.deepEqual(await store.guns("a", 1), ["a/c"]);
    const { bytes, ...root } = stored("root", 1);
    const [first, ...others] = await store.versions("a");
    assert.deepEqual(first, { ...root, length: bytes.length });
    const names = others.map(({ role, version }) => `${role} ${version}`);
    assert.deepEqual(names, ["snapshot 2", "targets 9", "targets 10"]);
    assert.deepEqual(await store.versions("absent"), []);
  });

  it("puts in what another store held, byte for byte, and without a word in the changefeed", async (t) => {
    const store = await open(t);
    await store.restore(gun, [stored("timestamp", 4), stored("root", 2), stored("root", 1)]);
    const root = await store.byVersion(gun, "root", 1);
    assert.deepEqual(root && { ...root, bytes: Buffer.from(root.bytes) }, stored("root", 1));
    assert.equal((await store.current(gun, "root"))?.version, 2);
    assert.deepEqual(await store.changes({ from: 0, limit: 10, backwards: false }), []);
    await store.publish(publication(5, file("timestamp", 4), file("root", 3)));
    assert.equal((await store.current(gun, "root"))?.version, 3);
  });

  it("can be given the same files and changes again, and refuses others in their place, wholly", async (t) => {
    const store = await open(t);
    const change: Change = {
      id: 7,
      createdAt: at,
      gun,
      version: 1,
      sha256: file("timestamp", 1).sha256,
      category: "update",
    };
    for (let time = 0; time < 2; time += 1) {
      await store.restore(gun, [stored("root", 1)]);
      await store.restoreChanges([change]);
    }
    const others = [stored("root", 2), stored("root", 1, "another")];
    await assert.rejects(store.restore(gun, others), { code: "STORAGE_CONFLICT" });
    await assert.rejects(
      store.restoreChanges([
        { ...change, id: 9 },
        { ...change, gun: "another" },
      ]),
      {
        code: "STORAGE_CONFLICT",
      },
    );
    assert.equal((await store.versions(gun)).length, 1);
    assert.deepEqual(await store.changes({ from: 0, limit: 10, backwards: false }), [change]);
  });

  it("continues after the positions it was given", async (t) => {
    const store = await open(t);
    await store.restoreChanges([
      { id: 41, createdAt: at, gun: "old", version: 1, sha256: file("timestamp", 1).sha256, category: "update" },
      { id: 40, createdAt: at, gun: "older", version: 0, sha256: "", category: "deletion" },
    ]);
    await store.publish(publication(1, undefined));
    const changes = await store.changes({ from: 0, limit: 10, backwards: false });
    assert.deepEqual(
      changes.slice(0, 2).map(({ id }) => id),
      [40, 41],
    );
    assert.ok((changes[2]?.id ?? 0) > 41);
  });
}

function describeForgetting(open: OpenStore): void {
  it("forgets single versions and nothing else", async (t) => {
    const store = await open(t);
    await store.restore(gun, [stored("root", 1), stored("targets", 1), stored("targets", 2)]);
    await store.restore("other", [stored("targets", 1)]);
    const forgotten = await store.forget(gun, [
      file("targets", 1),
      file("targets", 9),
      file("targets", 2, "what was there before it was deleted and made again"),
    ]);
    assert.equal(forgotten, 1);
    assert.equal(await store.byVersion(gun, "targets", 1), undefined);
    assert.equal(await store.byChecksum(gun, "targets", file("targets", 1).sha256), undefined);
    assert.equal((await store.current(gun, "targets"))?.version, 2);
    assert.equal((await store.versions("other")).length, 1);
    assert.deepEqual(await store.changes({ from: 0, limit: 10, backwards: false }), []);
  });
}

function describeNames(open: OpenStore): void {
  it("distinguishes names by their bytes", async (t) => {
    const store = await open(t);
    const names = ["app", "App", "\u00e4pp", "a\u0308pp", "stra\u00dfe", "strasse", "%", "_", "\ud83d\ude80"];
    for (const name of names) await store.publish({ ...publication(1, undefined, file("root", 1, name)), gun: name });
    for (const name of names)
      assert.equal((await store.current(name, "root"))?.sha256, file("root", 1, name).sha256, name);
    const inOrder = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await store.guns("", 99), inOrder);
    await store.remove("app", at);
    assert.equal((await store.guns("", 99)).length, names.length - 1);
  });

  it("has room for the longest names and for large files", async (t) => {
    const store = await open(t);
    const longest = { gun: "\u00e4".repeat(127), role: `targets/${"r".repeat(247)}` };
    const bytes = Buffer.alloc(9_000_000, "{large}");
    const large = { role: longest.role, version: 2_147_483_647, bytes, sha256: "a".repeat(64) };
    await store.publish({ ...publication(2_147_483_647, undefined, large), gun: longest.gun });
    const found = await store.byChecksum(longest.gun, longest.role, large.sha256);
    assert.ok(found && bytes.equals(found.bytes));
    const [first] = await store.versions(longest.gun);
    assert.deepEqual([first?.role, first?.length, first?.version], [longest.role, 9_000_000, 2_147_483_647]);
  });
}

function describeLimits(open: OpenStore): void {
  const first = (name: string, limits: readonly UsageLimit[] = []) => {
    return { ...publication(1, undefined, file("targets", 1, name)), gun: name, limits };
  };
  const sizeOf = async (store: MetadataStore, name: string): Promise<number> =>
    (await store.versions(name)).reduce((sum, { length }) => sum + length, 0);

  it("counts by whole components what there is, with every version that is kept, and nothing that was deleted", async (t) => {
    const store = await open(t);
    const names = ["a/team", "a/team/app", "a/team/app/tool", "a/team-b/app", "a/team.c", "a/team0", "b/team/app"];
    for (const name of names) await store.publish(first(name));
    await store.publish({ ...publication(2, file("timestamp", 1), file("targets", 2, "more")), gun: "a/team/app" });
    const expected = async (...counted: readonly string[]): Promise<Usage> => {
      const sizes = await Promise.all(counted.map((name) => sizeOf(store, name)));
      return { repositories: counted.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    };
    const check = async (): Promise<void> => {
      const stored = await store.guns("", 99);
      const below = stored.filter((name) => name === "a/team" || name.startsWith("a/team/"));
      assert.deepEqual(await store.usage("a/team"), await expected(...below));
      assert.deepEqual(await store.usage("*"), await expected(...stored));
    };
    await check();
    assert.deepEqual(await store.usage("a/team/app"), await expected("a/team/app", "a/team/app/tool"));
    assert.deepEqual(await store.usage("c"), { repositories: 0, bytes: 0 });
    await store.forget("a/team/app", [file("targets", 1, "a/team/app")]);
    await check();
    await store.remove("a/team/app", at);
    assert.equal((await store.usage("a/team")).repositories, 2);
    await check();
    const [deletion] = await store.deletions(undefined, 1);
    assert.ok(deletion);
    await store.undelete(deletion, at);
    assert.equal((await store.usage("a/team")).repositories, 3);
    await check();
    await store.restore("a/team/old", [{ ...file("root", 1), createdAt: at }]);
    await store.restore("a/team/old", [{ ...file("root", 2, "longer"), createdAt: at }]);
    await check();
    await store.remove("a/team/old", at);
    await store.publish(first("a/team/old"));
    await check();
    await store.forget("a/team/old", [file("targets", 1, "a/team/old"), file("timestamp", 1)]);
    await check();
  });

  it("refuses what would pass a limit, of repositories or of bytes, and writes nothing of it", async (t) => {
    const store = await open(t);
    const two = [{ prefix: "a/team", repositories: 2 }];
    await store.publish(first("a/team/one", two));
    await store.publish(first("a/team/two", two));
    await assert.rejects(store.publish(first("a/team/three", two)), {
      code: "LIMIT_REACHED",
      message: "Cannot publish a/team/three: the limit of a/team is 2 repositories, and it has 2",
    });
    assert.deepEqual(await store.versions("a/team/three"), []);
    assert.equal((await store.changes({ from: 0, limit: 9, backwards: false })).length, 2);
    const { bytes } = await store.usage("a/team");
    const next = publication(2, file("timestamp", 1), file("targets", 2));
    const added = next.files.reduce((sum, one) => sum + one.bytes.length, 0);
    const within = (limit: number) => ({ ...next, gun: "a/team/one", limits: [{ prefix: "*", bytes: limit }] });
    await assert.rejects(store.publish(within(bytes + added - 1)), {
      code: "LIMIT_REACHED",
      message: `Cannot publish a/team/one: the limit of this server is ${bytes + added - 1} bytes, it has ${bytes}, and this publication adds ${added}`,
    });
    assert.equal((await store.current("a/team/one", "timestamp"))?.version, 1);
    await store.publish(within(bytes + added));
    await store.remove("a/team/two", at);
    await store.publish(first("a/team/three", two));
  });

  it("of many new collections at the same time, lets as many through as there is room for", async (t) => {
    const store = await open(t);
    const limits = [{ prefix: "a", repositories: 3 }];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, number) => store.publish(first(`a/${number}`, limits))),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
    assert.deepEqual(
      refused,
      Array.from({ length: 9 }, () => "LIMIT_REACHED"),
    );
    assert.equal((await store.usage("a")).repositories, 3);
  });
}

function describeRaces(open: OpenStore): void {
  it("I7: of many racing first publications lets exactly one win", async (t) => {
    const store = await open(t);
    const rivals = Array.from({ length: 8 }, (_, number) =>
      store.publish(publication(1, undefined, file("root", 1, `by rival ${number}`))),
    );
    const outcomes = await Promise.allSettled(rivals);
    const reasons = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason.code)] : []));
    assert.deepEqual(new Set(reasons), new Set(["STORAGE_CONFLICT"]));
    assert.equal(reasons.length, 7);
  });

  it("I7: lets publishers of different collections all succeed, and gives each its own position without a gap", async (t) => {
    const store = await open(t);
    const names = Array.from({ length: 24 }, (_, number) => `app-${number}`);
    await Promise.all(names.map((name) => store.publish({ ...publication(1, undefined, file("root", 1)), gun: name })));
    const changes = await store.changes({ from: 0, limit: 99, backwards: false });
    assert.deepEqual(
      changes.map(({ id }) => id),
      names.map((_, index) => index + 1),
    );
    assert.deepEqual(new Set(changes.map((change) => change.gun)), new Set(names));
  });

  it("I7: a deletion and a publication at once leave a whole collection, or none", async (t) => {
    const store = await open(t);
    for (let round = 1; round <= 5; round += 1) {
      const gunOfRound = `app-${round}`;
      await store.publish({ ...publication(1, undefined, file("root", 1)), gun: gunOfRound });
      const late = { ...publication(2, file("timestamp", 1), file("targets", 1)), gun: gunOfRound };
      const [published] = await Promise.allSettled([store.publish(late), store.remove(gunOfRound, at)]);
      assert.deepEqual(await store.versions(gunOfRound), [], `publish ${published.status}`);
      assert.equal(await store.current(gunOfRound, "timestamp"), undefined);
      const changes = await store.changes({ gun: gunOfRound, from: 0, limit: 9, backwards: false });
      const expected = published.status === "fulfilled" ? ["update", "update", "deletion"] : ["update", "deletion"];
      assert.deepEqual(
        changes.map(({ category }) => category),
        expected,
      );
    }
  });
}
