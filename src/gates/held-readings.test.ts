import assert from "node:assert/strict";
import { it } from "node:test";
import { tagOf, trustStory } from "../../test/trust/trust-story.ts";
import { MetadataError } from "../errors.ts";
import { type CurrentReading, readCurrent } from "../trust/reading/current-reading.ts";
import { signTags } from "../trust/publishing/sign.ts";
import { HeldReadings, type ReadingPlan } from "./held-readings.ts";

const story = trustStory();

/** Readings with room for three of a kind, and how often each was made. */
async function small() {
  const context = await (await story.person()).open("held/app");
  await signTags(context, [tagOf("v1")]);
  const reading = await readCurrent(context);
  const counts = new Map<string, number>();
  const planFor = (key: string, outcome: CurrentReading | MetadataError): ReadingPlan => ({
    key,
    read: async () => {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return outcome instanceof MetadataError ? await Promise.reject(outcome) : await Promise.resolve(outcome);
    },
  });
  const at = Date.now();
  const held = new HeldReadings({ now: () => new Date(at), refreshMs: 60_000, maxHeld: 3 });
  const good = (key: string): ReadingPlan => planFor(key, reading);
  const bad = (key: string): ReadingPlan => planFor(key, new MetadataError("REPOSITORY_NOT_SIGNED", key));
  return { held, counts, good, bad };
}

it("I10: names that do not exist never push out what is signed", async () => {
  const { held, counts, good, bad } = await small();
  await held.current(good("app"));
  for (let name = 0; name < 20; name += 1) await held.current(bad(`made-up-${name}`));
  await held.current(good("app"));
  assert.equal(counts.get("app"), 1);
  assert.equal(held.held, 1);
});

it("of each kind the least recently used goes first", async () => {
  const { held, counts, good, bad } = await small();
  for (const kind of [good, bad]) {
    for (const key of ["1", "2", "3", "1", "4", "1", "2"]) await held.current(kind(`${kind.name} ${key}`));
    assert.deepEqual([counts.get(`${kind.name} 1`), counts.get(`${kind.name} 2`)], [1, 2]);
  }
});

it("what fails is not held as what it was before", async () => {
  const { held, good, bad } = await small();
  await held.current(good("app"));
  const outcome = await held.newer({ ...bad("app") });
  assert.ok("collection" in outcome, "within a second nothing is read again");
  held.clear();
  assert.ok((await held.current(bad("app"))) instanceof MetadataError);
  assert.equal(held.held, 0);
});
