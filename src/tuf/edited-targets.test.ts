import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EditedTargets } from "./edited-targets.ts";
import type { Target, TargetsBody } from "./metadata.ts";
import { parseMetadata } from "./notary-v1/parse.ts";
import { fileBytes } from "./notary-v1/serialise.ts";

const name: fc.Arbitrary<string> = fc.constantFrom(
  "10",
  "9",
  "1.0",
  "latest",
  "a<b",
  "\u{10000}",
  "\uffff",
  "__proto__",
);
const target: fc.Arbitrary<Target> = fc
  .tuple(fc.nat(), fc.option(fc.constant<NonNullable<Target["custom"]>>({ b: [1], a: null })))
  .map(([length, custom]) => ({
    length,
    hashes: new Map([["sha256", Buffer.alloc(32, length)]]),
    ...(custom === null ? {} : { custom }),
  }));
const entries = fc.array(fc.tuple(name, target));
const edits = fc.array(fc.tuple(name, fc.option(target, { nil: undefined })));

function bodyOf(targets: ReadonlyMap<string, Target>): TargetsBody {
  const delegations = { keys: new Map(), roles: [] };
  const expires = "2031-05-06T07:08:09Z";
  return { type: "targets", version: 3, expires, expiresAt: new Date(expires), delegations, targets };
}

/** Sets and deletes the same names in both. */
function apply(
  list: readonly (readonly [string, Target | undefined])[],
  edited: EditedTargets,
  model: Map<string, Target>,
): void {
  for (const [key, value] of list) {
    if (value === undefined) {
      edited.delete(key);
      model.delete(key);
    } else {
      edited.set(key, value);
      model.set(key, value);
    }
  }
}

test("shows what a copy with the same edits shows", () => {
  fc.assert(
    fc.property(entries, edits, (base, list) => {
      const model = new Map(base);
      const edited = new EditedTargets(new Map(base));
      apply(list, edited, model);
      assert.deepEqual(new Map(edited), new Map(model));
      assert.equal(edited.size, model.size);
      assert.deepEqual(new Set(edited.keys()), new Set(model.keys()));
      assert.equal([...edited.values()].length, model.size);
      for (const key of ["10", "latest", "absent", "__proto__"]) {
        assert.equal(edited.has(key), model.has(key));
        assert.equal(edited.get(key), model.get(key));
      }
    }),
  );
});

test("a received file with edits is written as if every entry had been serialised again", () => {
  fc.assert(
    fc.property(entries, edits, (base, list) => {
      const received = parseMetadata("targets", fileBytes(bodyOf(new Map(base)), []));
      const model = new Map(base);
      const edited = new EditedTargets(received.body.targets);
      apply(list, edited, model);
      assert.equal(text(edited), text(model));
    }),
  );
});

test("a received file in another form is written in the one form all the same", () => {
  const written = text(new Map([["a", { length: 1, hashes: new Map() }]]));
  const received = Buffer.from(written.replace('{"a":', '{ "a":'));
  const edited = new EditedTargets(parseMetadata("targets", received).body.targets);
  assert.equal(text(edited), written);
  edited.set("b", { length: 2, hashes: new Map() });
  edited.delete("a");
  assert.equal(text(edited), text(new Map([["b", { length: 2, hashes: new Map() }]])));
});

function text(targets: ReadonlyMap<string, Target>): string {
  return Buffer.from(fileBytes(bodyOf(targets), [])).toString("utf8");
}
