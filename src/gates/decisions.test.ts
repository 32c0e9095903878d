import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, type Person, tagOf, trustStory } from "../../test/trust/trust-story.ts";
import { hasCode } from "../errors.ts";
import { parsePolicy } from "../policy/policy-parser.ts";
import { parseImageReference } from "../reference/image-reference.ts";
import { revokeTags } from "../trust/publishing/revoke.ts";
import { signTags } from "../trust/publishing/sign.ts";
import { Decisions } from "./decisions.ts";

const story = trustStory();
const minuteMs = 60_000;

/** A gate with a clock that the test moves, and a count of the updates it made. */
async function gate(reader?: Person) {
  const person = reader ?? (await story.person());
  const clock = { at: Date.now(), updates: 0, isDown: false };
  const decisions = new Decisions({
    policies: [],
    now: () => new Date(clock.at),
    refreshMs: minuteMs,
    open: async ({ identity }) => {
      clock.updates += 1;
      const down = { via: { url: "http://127.0.0.1:9" } };
      return await person.open(identity.repository, { now: () => new Date(clock.at), ...(clock.isDown ? down : {}) });
    },
  });
  const decide = async (name: string) =>
    (await decisions.decide(parseImageReference(`localhost:5000/${name}`))).verdict;
  return { clock, decisions, decide };
}

/** Somebody who signs, and a gate that has another trust directory. */
async function published(repository: string, ...tags: readonly string[]) {
  const publisher = await (await story.person()).open(repository);
  await signTags(
    publisher,
    tags.map((tag) => tagOf(tag)),
  );
  return publisher;
}

describe("the decisions of a gate", () => {
  it("ask once for requests that come together, and not again within the interval", async () => {
    await published("gate/busy", "v1");
    const { clock, decide } = await gate();
    const verdicts = await Promise.all(Array.from({ length: 200 }, async () => await decide("gate/busy:v1")));
    assert.ok(verdicts.every((verdict) => verdict.outcome === "allowed" && verdict.digest === digestOf("v1")));
    assert.equal(clock.updates, 1);
    clock.at += minuteMs - 1;
    await decide("gate/busy:v1");
    assert.equal(clock.updates, 1);
  });

  it("are refreshed beside an answer after the interval, and never older than twice that", async () => {
    const publisher = await published("gate/moving", "v1");
    const { clock, decide } = await gate();
    await decide("gate/moving:v1");
    await signTags(publisher, [tagOf("v1", "other")]);
    clock.at += minuteMs * 2;
    const verdict = await decide("gate/moving:v1");
    assert.equal(verdict.outcome === "allowed" && verdict.digest, digestOf("other"));
  });

  it("know a tag that was signed a moment ago", async () => {
    const publisher = await published("gate/new", "v1");
    const { clock, decide } = await gate();
    await decide("gate/new:v1");
    await signTags(publisher, [tagOf("v2")]);
    clock.at += 3_000;
    assert.equal((await decide("gate/new:v2")).outcome, "allowed");
    assert.equal(clock.updates, 2);
  });

  it("I8: are not held beyond the expiry of what they rest on", async () => {
    await published("gate/expiring", "v1");
    const { clock, decide } = await gate();
    await decide("gate/expiring:v1");
    clock.at += 15 * 86_400_000;
    clock.isDown = true;
    const verdict = await decide("gate/expiring:v1");
    assert.equal(verdict.outcome, "refused");
  });

  it("rest on what is remembered while the trust server is down, and ask it once per interval", async () => {
    await published("gate/outage", "v1");
    const person = await story.person();
    await (await gate(person)).decide("gate/outage:v1");
    const { clock, decide } = await gate(person);
    clock.isDown = true;
    for (let time = 0; time < 5; time++) assert.equal((await decide("gate/outage:v1")).outcome, "allowed");
    assert.equal(clock.updates, 1);
    const cold = await gate();
    cold.clock.isDown = true;
    const verdict = await cold.decide("gate/outage:v1");
    assert.ok(verdict.outcome === "refused" && hasCode(verdict.error, "NETWORK_UNREACHABLE"));
  });

  it("refuse a revoked tag within twice the interval", async () => {
    const publisher = await published("gate/revoked", "v1", "v2");
    const { clock, decide } = await gate();
    await decide("gate/revoked:v1");
    await revokeTags(publisher, ["v1"]);
    clock.at += minuteMs * 2;
    assert.equal((await decide("gate/revoked:v1")).outcome, "refused");
  });

  it("follow other policies at once", async () => {
    await published("gate/policy", "v1");
    const { decisions, decide } = await gate();
    assert.equal((await decide("gate/policy:v1")).outcome, "allowed");
    const text = JSON.stringify({ version: 1, default: { require: "reject" } });
    decisions.usePolicies([parsePolicy(text, { source: "policy.json", read: () => assert.fail("no file is named") })]);
    assert.equal((await decide("gate/policy:v1")).outcome, "refused");
  });
});
