import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { processorMs } from "../../test/support/processor-time.ts";
import { PathPrefixes } from "./path-prefixes.ts";

test("a path is the literal beginning of a name: no globbing, no path boundaries", () => {
  const paths = new PathPrefixes(["v1", "release/*"]);
  assert.ok(paths.covers("v1"));
  assert.ok(paths.covers("v10"));
  assert.ok(paths.covers("release/*x"));
  assert.ok(!paths.covers("release/x"));
  assert.ok(!paths.covers("v"));
});

test("the empty path covers every name, no paths cover none", () => {
  assert.ok(new PathPrefixes([""]).covers("anything"));
  assert.ok(PathPrefixes.all.covers(""));
  assert.ok(!new PathPrefixes([]).covers("anything"));
  assert.ok(!new PathPrefixes([]).covers(""));
});

test("a child keeps those of its paths that its parent covers", () => {
  const child = new PathPrefixes(["a/", "b/c"]).restrict(["a/x", "a", "b/c", "z"]);
  assert.ok(child.covers("a/x1"));
  assert.ok(child.covers("b/c"));
  assert.ok(!child.covers("a/y"));
  assert.ok(!child.covers("z"));
});

const words = fc.string({ unit: fc.constantFrom("a", "b", "/", "é"), maxLength: 5 });

test("agrees with trying every prefix in turn", () => {
  fc.assert(
    fc.property(fc.array(words, { maxLength: 8 }), words, (prefixes, name) => {
      assert.equal(
        new PathPrefixes(prefixes).covers(name),
        prefixes.some((prefix) => name.startsWith(prefix)),
      );
    }),
  );
});

test("I1: ten thousand paths against ten thousand paths are fast", async () => {
  const paths = Array.from({ length: 10_000 }, (_, index) => `path-${index}/`);
  assert.ok((await processorMs(() => new PathPrefixes(paths).restrict(paths).restrict(paths))) < 1000);
});
