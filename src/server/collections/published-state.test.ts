import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { PublishedStates } from "./published-state.ts";

const gun = "docker.io/library/alpine";
const bytes = readFileSync(new URL("../../../test/vectors/notary-v1/vec-demo/root.json", import.meta.url));
const file = (text: string) => ({ bytes: Buffer.from(text), version: 1 });

describe("what was published", () => {
  it("is remembered beside its timestamp, and only there", () => {
    const states = new PublishedStates();
    states.at(gun, "one").remember("targets", file("a"));
    assert.equal(states.at(gun, "one").file("targets")?.bytes.toString(), "a");
    assert.equal(states.at("other", "one").file("targets"), undefined);
    assert.equal(states.at(gun, "two").file("targets"), undefined);
    assert.equal(states.at(gun, "one").file("targets"), undefined, "another server published in between");
  });

  it("stays, except for what the next publication replaces", () => {
    const states = new PublishedStates();
    states.at(gun, "one").remember("targets", file("a"));
    states.at(gun, "one").remember("targets/x", file("b"));
    states.moveOn(gun, "one", "two", new Map([["targets", file("c")]]));
    const state = states.at(gun, "two");
    assert.deepEqual(
      ["targets", "targets/x", "root"].map((role) => state.file(role)?.bytes.toString()),
      ["c", "b", undefined],
    );
  });

  it("does not outlive a publication based on another timestamp", () => {
    const states = new PublishedStates();
    states.at(gun, "one").remember("targets", file("a"));
    states.moveOn(gun, "other", "two", new Map());
    assert.equal(states.at(gun, "two").file("targets"), undefined);
  });

  it("is not mixed with what was read before the timestamp changed", () => {
    const states = new PublishedStates();
    const before = states.at(gun, "one");
    states.moveOn(gun, "one", "two", new Map());
    before.remember("targets", file("late"));
    assert.equal(states.at(gun, "two").file("targets"), undefined);
  });

  it("is dropped when full, the oldest first", () => {
    const states = new PublishedStates();
    const large = file("x".repeat(5_000_000));
    for (let number = 0; number < 10; number += 1) states.at(`gun/${number}`, "t").remember("targets", large);
    assert.equal(states.at("gun/0", "t").file("targets"), undefined);
    assert.notEqual(states.at("gun/9", "t").file("targets"), undefined);
  });
});

describe("a parsed root", () => {
  it("is recognised by its bytes alone, also beside another timestamp", () => {
    const states = new PublishedStates();
    const first = states.at(gun, "one").parse("root", { bytes, version: 1 });
    assert.equal(states.at(gun, "two").parse("root", { bytes: Buffer.from(bytes), version: 1 }), first);
    const other = Buffer.from(bytes.toString().replace('"version":2', '"version":3'));
    assert.equal(states.at(gun, "two").parse("root", { bytes: other, version: 1 }).body.version, 3);
  });

  it("that is damaged is refused every time", () => {
    const states = new PublishedStates();
    for (let time = 0; time < 2; time += 1) {
      const parse = (): unknown => states.at(gun, "one").parse("root", file("{}"));
      assert.throws(parse, { code: "METADATA_MALFORMED" });
    }
  });
});
