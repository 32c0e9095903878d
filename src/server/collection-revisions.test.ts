import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { TagsealError } from "../errors.ts";
import { CollectionReader } from "./collection-reader.ts";
import { CollectionRevisions } from "./collection-revisions.ts";
import { ServerLog } from "./server-log.ts";
import { MemoryMetadataStore } from "./storage/memory-metadata-store.ts";

/** A store that servers share, seen from one of them: a test answers its questions when it likes. */
class SharedStore extends MemoryMetadataStore {
  readonly questions: { guns: readonly string[]; answer: PromiseWithResolvers<ReadonlyMap<string, string>> }[] = [];

  // The contract has two forms of answer, and this is the other one.
  override revision(guns: readonly string[] = []): never {
    const answer = Promise.withResolvers<ReadonlyMap<string, string>>();
    this.questions.push({ guns, answer });
    return answer.promise as never;
  }

  answer(revision: string): void {
    const question = this.questions.at(-1);
    question?.answer.resolve(new Map(question.guns.map((gun) => [gun, revision])));
  }

  fail(): void {
    this.questions.at(-1)?.answer.reject(new TagsealError("STORAGE_FAILED", "gone"));
  }
}

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
  it("asks at once, and once more for everybody who came meanwhile", async () => {
    const { store, revisions } = parts();
    const first = revisions.of("a");
    const others = ["a", "b", "b", "c"].map(async (gun) => revisions.of(gun));
    assert.deepEqual(
      store.questions.map(({ guns }) => guns),
      [["a"]],
    );
    store.answer("1 ab");
    assert.deepEqual(await first, { freshness: "current", revision: "1 ab", timestamp: "ab" });
    await Promise.resolve();
    assert.deepEqual(store.questions.at(-1)?.guns, ["a", "b", "c"]);
    store.answer("2");
    assert.deepEqual(
      (await Promise.all(others)).map((answer) => answer.freshness === "current" && answer.revision),
      ["2", "2", "2", "2"],
    );
    assert.equal(revisions.asked, 2);
  });

  it("I7: never answers with what was asked before the request came", async () => {
    const { store, revisions } = parts();
    const early = revisions.of("g");
    const afterPublish = revisions.of("g");
    store.answer("before");
    await early;
    await Promise.resolve();
    store.answer("after ab");
    assert.deepEqual(await afterPublish, { freshness: "current", revision: "after ab", timestamp: "ab" });
  });

  it("remembers nothing of a collection that does not exist, and asks no second time for it", async () => {
    const store = new SharedStore();
    const reader = new CollectionReader(store, { maxBytes: 1e6 });
    const asked = reader.refresh("stranger");
    store.questions.at(-1)?.answer.resolve(new Map());
    assert.equal(await asked, "absent");
    assert.equal(reader.counts.bytes, 0);
  });

  it("says that answers may be stale while the store is gone, lets nobody wait, and says when it is back", async (t) => {
    const clock = withClock(t);
    const { store, revisions, lines } = parts();
    const first = revisions.of("g");
    store.fail();
    assert.deepEqual(await first, { freshness: "stale" });
    assert.deepEqual(revisions.of("g"), { freshness: "stale" });
    assert.equal(revisions.asked, 1);
    clock.ms += 1000;
    assert.deepEqual(revisions.of("g"), { freshness: "stale" });
    assert.equal(revisions.asked, 2);
    store.answer("1");
    await new Promise(setImmediate);
    assert.equal(revisions.isLost, false);
    const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    assert.deepEqual(events, ["lost the store: answering from memory", "found the store again"]);
  });

  it("believes for as long as it was told to, and no longer", async (t) => {
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
    assert.equal(reader.counts.checks, 2);
    store.answer("1");
    assert.equal(await later, "current");
  });
});
