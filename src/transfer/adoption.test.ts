import { deepEqual, equal, fail, rejects } from "node:assert/strict";
import { describe, it } from "node:test";
import { gun, now } from "../../test/support/editing-story.ts";
import { lose, newestRoot, rotate, StoredStory, strangerBehind } from "../../test/support/stored-story.ts";
import { MemoryMetadataStore } from "../server/storage/memory-metadata-store.ts";
import { adoptCollection } from "./adoption.ts";

/** A store with the collection's current state. */
async function copyOf(stored: StoredStory): Promise<MemoryMetadataStore> {
  const store = new MemoryMetadataStore();
  await adoptCollection(store, await stored.verify(), { now });
  return store;
}

describe("a collection that is stored here already", () => {
  it("is followed through every root since", async () => {
    const stored = await StoredStory.begin();
    const here = await copyOf(stored);
    await rotate(stored, 2);
    const collection = await stored.verify();
    await adoptCollection(here, collection, { now });
    equal(await newestRoot(here), collection.roots.at(-1)?.body.version);
    equal(await adoptCollection(here, collection, { now }), 0);
  });

  it("I8: is not replaced by a stranger's collection, whose root comes after a gap in the roots", async () => {
    const here = await copyOf(await StoredStory.begin());
    const before = await here.versions(gun);
    const collection = await (await strangerBehind(here)).verify();
    const bringChanges = async (): Promise<boolean> => fail("its changes came before it was accepted");
    await rejects(adoptCollection(here, collection, { now, bringChanges }), {
      code: "ROOT_ROTATION_REFUSED",
      message: /^root 3 of .* is missing between root 2, trusted here, and root 4/u,
    });
    deepEqual(await here.versions(gun), before);
  });

  it("I8: is not followed when its own root is not among those that lead to the new one", async () => {
    const stored = await StoredStory.begin();
    const here = await copyOf(stored);
    const trusted = await newestRoot(here);
    await rotate(stored, 2);
    await lose(stored.store, "root", trusted);
    await rejects(adoptCollection(here, await stored.verify(), { now }), { code: "ROOT_ROTATION_REFUSED" });
  });

  it("is followed although roots are missing from before the one stored here", async () => {
    const stored = await StoredStory.begin();
    await rotate(stored, 2);
    const here = await copyOf(stored);
    await rotate(stored, 1);
    await lose(stored.store, "root", 2);
    const collection = await stored.verify();
    await adoptCollection(here, collection, { now });
    equal(await newestRoot(here), collection.roots.at(-1)?.body.version);
  });
});
