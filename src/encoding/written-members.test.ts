import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type JsonObject,
  type JsonValue,
  type WrittenMembers,
  canonicalJson,
  fileFormToCanonical,
  fileJson,
  parseJsonDocument,
} from "./json.ts";

/** Names that sort differently as numbers, as UTF-16 and as UTF-8, and some that are escaped. */
const name = fc.oneof(
  fc.constantFrom("10", "9", "1", "a", "a<b", 'a"b', "a\\u003cb", "\u2028", "\uffff", "\u{10000}", "__proto__", ""),
  fc.string({ maxLength: 3 }).filter((text) => /^[ -\u{10ffff}]*$/u.test(text) && text.isWellFormed()),
);
const nested: JsonValue = { b: 1, a: [{}] };
const members = fc.dictionary(name, fc.oneof(fc.nat(), fc.constant("<x>"), fc.constant<JsonValue>(nested)));

function outlineOf(value: JsonObject): WrittenMembers | undefined {
  const bytes = Buffer.from(fileJson({ outer: { before: 1, inner: value, later: null } }));
  return parseJsonDocument(bytes, { outline: ["outer", "inner"] }).outline;
}

/** `Object.assign` would take `__proto__` for the prototype. */
function merged(value: JsonObject, changes: ReadonlyMap<string, number | undefined>): JsonObject {
  const entries = new Map([...Object.entries(value), ...changes]);
  return Object.fromEntries([...entries].filter(([, member]) => member !== undefined)) as JsonObject;
}

test("edits the text of an object as if the object had been edited and written", () => {
  fc.assert(
    fc.property(members, fc.array(fc.tuple(name, fc.option(fc.nat(), { nil: undefined }))), (value, list) => {
      const changes = new Map(list);
      const texts = new Map([...changes].map(([key, number]) => [key, number === undefined ? number : `${number}`]));
      assert.equal(outlineOf(value)?.textWith(texts, fileJson), fileJson(merged(value, changes)));
    }),
  );
});

test("hands out the text of each value, and of nothing else", () => {
  fc.assert(
    fc.property(members, name, (value, other) => {
      const outline = outlineOf(value);
      assert.equal(outline?.size, Object.keys(value).length);
      for (const [key, member] of Object.entries(value))
        assert.equal(outline?.valueText(key, fileJson), fileJson(member));
      if (!Object.hasOwn(value, other)) assert.equal(outline?.valueText(other, fileJson), undefined);
    }),
  );
});

test("the edited text, its escapes undone, is what signatures cover", () => {
  const value = { "a<b": 1, "c&d": 'quote " and backslash \\u003c', plain: {} };
  const text = outlineOf(value)?.textWith(new Map([["<", "2"]]), fileJson) ?? "";
  const canonical = fileFormToCanonical(Buffer.from(text));
  assert.deepEqual(Buffer.from(canonical), Buffer.from(canonicalJson({ ...value, "<": 2 })));
});

test("keeps no text that would have been written differently, or is not where it was looked for", () => {
  const outlines = (text: string): WrittenMembers | undefined =>
    parseJsonDocument(Buffer.from(text), { outline: ["signed", "targets"] }).outline;
  assert.notEqual(outlines('{"signed":{"targets":{"a":1}},"x": 2}'), undefined);
  for (const text of [
    '{"signed":{"targets":{"a": 1}}}',
    '{"signed":{"targets":{ }}}',
    '{"signed":{"targets":{"b":1,"a":2}}}',
    '{"signed":{"targets":{"<":1}}}',
    '{"signed":{"targets":{"\\u0061":1}}}',
    '{"signed":{"targets":null}}',
    '{"signed":{"targets":[{"a":1}]}}',
    '{"targets":{"a":1},"signed":1}',
    '{"signed":{"other":{"targets":{"a":1}}}}',
    '{"signed":[{"targets":{"a":1}}]}',
    '{"other":{"targets":{"a":1}}}',
  ]) {
    assert.equal(outlines(text), undefined, text);
  }
});

test("a value that is null on the way is read once", () => {
  const { value } = parseJsonDocument(Buffer.from('{"signed":{"targets":null,"version":1}}'), {
    outline: ["signed", "targets"],
  });
  assert.deepEqual(value, { signed: { targets: null, version: 1 } });
});

test("names the members that differ between two objects, and only those", () => {
  fc.assert(
    fc.property(members, members, (one, other) => {
      const same = (key: string): boolean => {
        const isInBoth = Object.hasOwn(one, key) && Object.hasOwn(other, key);
        return isInBoth && fileJson(one[key] ?? null) === fileJson(other[key] ?? null);
      };
      const expected = [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((key) => !same(key));
      const [mine, others] = [outlineOf(one), outlineOf(other)];
      if (mine === undefined || others === undefined) return;
      assert.deepEqual(new Set(mine.differences(others)), new Set(expected));
      assert.equal(mine.differences(others).length, expected.length);
    }),
  );
});
