/** What one more tag costs in a repository of 50,000, counted on the wire, headers included. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { verifyTag } from "../../src/trust/reading/verify.ts";
import { startCountingProxy, type CountingProxy } from "../support/counting-proxy.ts";
import { tagOf, trustStory, type Person } from "./trust-story.ts";

const maxBytes = 4096;
const repository = "large/app";
const story = trustStory();

describe("one more tag among 50,000", () => {
  let [publisher, reader]: Person[] = [];
  let counter: CountingProxy;
  let via: { readonly url: string };
  before(async () => {
    counter = await startCountingProxy(story.url);
    via = { url: `http://127.0.0.1:${counter.port}` };
    publisher = await story.person();
    reader = await story.person();
    const tags = Array.from({ length: 50_000 }, (_, at) => tagOf(`t${at}`));
    await signTags(await publisher.open(repository), tags);
    await verifyTag(await reader.open(repository), "t0");
  });
  after(() => counter.close());

  async function counted(work: () => Promise<unknown>): Promise<{ readonly up: number; readonly down: number }> {
    counter.reset();
    await work();
    return counter.traffic;
  }

  it("costs a reader at most 4 KiB, who then has the same bytes as a reader of the whole file", async (t) => {
    assert.ok(publisher !== undefined && reader !== undefined);
    await signTags(await publisher.open(repository), [tagOf("one-more")]);
    const context = await reader.open(repository, { via });
    const { up, down } = await counted(async () => await verifyTag(context, "one-more"));
    t.diagnostic(`${up} up, ${down} down`);
    assert.ok(up <= maxBytes && down <= maxBytes, `${up} up, ${down} down`);
    const fresh = await (await story.person()).open(repository);
    await verifyTag(fresh, "one-more");
    const [kept, whole] = await Promise.all([context, fresh].map(async ({ cache }) => await cache.load("targets")));
    assert.ok(kept !== undefined && whole !== undefined && Buffer.compare(kept, whole) === 0);
    assert.ok(whole.length > 4_000_000);
  });

  it("costs a publisher at most 4 KiB in each direction, read-back included", async (t) => {
    assert.ok(publisher !== undefined);
    const context = await publisher.open(repository, { via });
    const { up, down } = await counted(async () => await signTags(context, [tagOf("another")]));
    t.diagnostic(`${up} up, ${down} down`);
    assert.ok(up <= maxBytes && down <= maxBytes, `${up} up, ${down} down`);
    const fresh = await (await story.person()).open(repository);
    assert.equal((await verifyTag(fresh, "another")).tag, "another");
    assert.equal((await verifyTag(fresh, "t49999")).tag, "t49999");
  });
});
