import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { sha256Hex } from "../../crypto/sha256.ts";
import { TagsealError } from "../../errors.ts";
import { CollectionReader } from "./collection-reader.ts";
import { CollectionRevisions } from "./collection-revisions.ts";
import { ServerLog } from "../../service/log.ts";
import { MemoryMetadataStore } from "../storage/memory-metadata-store.ts";

/** A shared store, seen from one server: a test answers its checks when it likes. */
class SharedStore extends MemoryMetadataStore {
  readonly questions: { guns: readonly string[]; answer: PromiseWithResolvers<ReadonlyMap<string, string>> }[] = [];

  // The contract has two forms of answer, and this is the other one.
  override revision(guns: readonly string[] = []): never {
    const answer = Promise.withResolvers<ReadonlyMap<string, string>>();
    this.questions.push({ guns, answer });
    return answer.promise as never;
  }

  answer(revision: string, index = -1): void {
    const question = this.questions.at(index);
    question?.answer.resolve(new Map(question.guns.map((gun) => [gun, revision])));
  }

  fail(): void {
    this.questions.at(-1)?.answer.reject(new TagsealError("STORAGE_FAILED", "gone"));
  }
}

const turn = (): Promise<void> => new Promise(setImmediate);

function withClock(t: TestContext): { ms: number } {
  const clock = { ms: 1000 };
  t.mock.method(performance, "now", () => clock.ms);
  return clock;
}

function parts(): { store: SharedStore; revisions: CollectionRevisions; lines: string[] } {
  const store = new SharedStore();
  const lines: string[] = [];
  const log = new ServerLog({ sink: (line) => lines.push(line), level: "info", now: () => new Date() });
  return { store, revisions: new CollectionRevisions(store, log), lines };
}

describe("asking whether something has changed", () => {
  it("checks once for all simultaneous requests, with at most two checks under way", async () => {
    const { store, revisions } = parts();
    const asked = (): (readonly string[])[] => store.questions.map(({ guns }) => guns);
    const first = revisions.of("a");
    const second = ["a", "b", "b", "c"].map(async (gun) => revisions.of(gun));
    await turn();
    const third = ["d", "e"].map(async (gun) => revisions.of(gun));
    await turn();
    assert.deepEqual(asked(), [["a"], ["a", "b", "c"]]);
    store.answer("1 ab", 0);
    assert.deepEqual(await first, { freshness: "current", revision: "1 ab", question: 1, timestamp: "ab" });
    await turn();
    assert.deepEqual(asked().at(-1), ["d", "e"]);
    store.answer("2", 1);
    store.answer("3", 2);
    const revisionsOf = async (answers: (typeof second)[number][]): Promise<unknown[]> =>
      (await Promise.all(answers)).map((answer) => answer.freshness === "current" && answer.revision);
    assert.deepEqual(await revisionsOf(second), ["2", "2", "2", "2"]);
    assert.deepEqual(await revisionsOf(third), ["3", "3"]);
    assert.equal(revisions.asked, 3);
  });

  it("I7: never answers from a check that began before the request", async () => {
    const { store, revisions } = parts();
    const early = revisions.of("g");
    const afterPublish = revisions.of("g");
    store.answer("before");
    await early;
    await turn();
    store.answer("after ab");
    assert.deepEqual(await afterPublish, {
      freshness: "current",
      revision: "after ab",
      question: 2,
      timestamp: "ab",
    });
  });

  it("I7: a check that is answered late does not undo a later one", async () => {
    const store = new SharedStore();
    const bytes = Buffer.from("published after the first question");
    const files = [{ role: "targets", version: 8, bytes, sha256: sha256Hex(bytes) }];
    await store.publish({ gun: "g", base: undefined, files, at: new Date() });
    const reader = new CollectionReader(store, { maxBytes: 1e6 });
    const early = reader.refresh("g");
    const later = reader.refresh("g");
    await turn();
    store.answer("8 ab", 1);
    await later;
    await reader.byVersion("g", "targets", 8);
    store.answer("7 cd", 0);
    assert.equal(await early, "current");
    await reader.byVersion("g", "targets", 8);
    assert.deepEqual([reader.counts.misses, reader.counts.hits], [1, 1]);
  });

  it("knows that a collection has no timestamp", async () => {
    const { store, revisions } = parts();
    const asked = revisions.of("g");
    store.answer("3 null");
    assert.deepEqual(await asked, { freshness: "current", revision: "3 null", question: 1, timestamp: undefined });
  });

  it("remembers nothing about a collection that does not exist, and does not check it twice", async () => {
    const store = new SharedStore();
    const reader = new CollectionReader(store, { maxBytes: 1e6 });
    const asked = reader.refresh("stranger");
    store.questions.at(-1)?.answer.resolve(new Map());
    assert.equal(await asked, "absent");
    assert.equal(reader.counts.bytes, 0);
  });

  it("knows nothing while the store is lost, makes no request wait, and finds it again without a request", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { store, revisions, lines } = parts();
    const first = revisions.of("g");
    store.fail();
    assert.deepEqual(await first, { freshness: "unknown" });
    for (let name = 0; name < 5; name += 1)
      assert.deepEqual(revisions.of(`stranger-${name}`), { freshness: "unknown" });
    assert.equal(revisions.asked, 1);
    t.mock.timers.tick(250);
    await turn();
    await turn();
    assert.equal(revisions.asked, 2);
    assert.deepEqual(store.questions.at(-1)?.guns.length, 1);
    store.answer("1");
    await turn();
    assert.equal(revisions.isLost, false);
    const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    assert.deepEqual(events, ["lost the store", "found the store again"]);
    t.mock.timers.tick(5000);
    await turn();
    assert.equal(revisions.asked, 2);
  });

  it("treats a hanging store as lost after a while, and continues to check until it is closed", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { store, revisions } = parts();
    const [first, second, third] = [revisions.of("a"), revisions.of("b"), revisions.of("c")];
    await turn();
    const later = revisions.of("d");
    await turn();
    t.mock.timers.tick(4000);
    for (const answer of [first, second, third, later]) assert.deepEqual(await answer, { freshness: "unknown" });
    assert.equal(revisions.isLost, true);
    for (let time = 1; time <= 3; time += 1) {
      t.mock.timers.tick(250);
      await turn();
      await turn();
      assert.equal(revisions.asked, 2 + time);
      t.mock.timers.tick(4000);
      await turn();
    }
    store.answer("too late", 0);
    await turn();
    assert.equal(revisions.isLost, true);
    revisions.close();
    t.mock.timers.tick(60_000);
    await turn();
    assert.equal(revisions.asked, 5);
  });

  it("treats a store as lost or found by the later of two checks, in whatever order they end", async () => {
    for (const isLost of [true, false]) {
      const { store, revisions } = parts();
      const answers = [revisions.of("g"), revisions.of("g")];
      await turn();
      const [earlier, later] = store.questions.map(({ answer }) => answer);
      const end = (question: typeof earlier, fails: boolean): void =>
        fails
          ? question?.reject(new TagsealError("STORAGE_FAILED", "connection refused"))
          : question?.resolve(new Map([["g", "1 ab"]]));
      end(later, isLost);
      await answers[1];
      end(earlier, !isLost);
      await answers[0];
      assert.equal(revisions.isLost, isLost);
    }
  });

  it("trusts an answer for the configured time, and no longer", async (t) => {
    const clock = withClock(t);
    const store = new SharedStore();
    const reader = new CollectionReader(store, { maxBytes: 1e6, maxAgeMs: 50 });
    const first = reader.refresh("g");
    store.answer("1");
    await first;
    clock.ms += 49;
    assert.equal(reader.refresh("g"), "current");
    assert.equal(reader.counts.checks, 1);
    clock.ms += 1;
    const later = reader.refresh("g");
    await turn();
    assert.equal(reader.counts.checks, 2);
    store.answer("1");
    assert.equal(await later, "current");
  });
});
