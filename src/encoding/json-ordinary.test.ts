import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import { processorMs } from "../../test/support/processor-time.ts";
import { findOrdinaryJson, isJsonObject, jsonMember, type JsonValue, memberNames, parseOrdinaryJson } from "./json.ts";

const malformed = { name: "TagsealError", code: "JSON_MALFORMED" };
/** Without the missing prototypes, which `deepEqual` would count as a difference. */
const plain = (value: JsonValue): unknown => JSON.parse(JSON.stringify(value));

test("reads any JSON number as other readers do", () => {
  const text = "[6.5536e+07, 1.5, 12345678901234567890, -0, 1E2, 0.1e-3, 3599.5]";
  assert.deepEqual(parseOrdinaryJson(text), JSON.parse(text));
});

test("finds nothing in what is not JSON", () => {
  assert.equal(findOrdinaryJson("<html>"), undefined);
  assert.deepEqual(findOrdinaryJson("[1]"), [1]);
});

test("of a repeated member the last value counts", () => {
  assert.deepEqual(plain(parseOrdinaryJson('{"os":"a","x":[1,2],"os":"linux","x":[3]}')), { os: "linux", x: [3] });
});

test("joins two objects of one name, as Go does, so that nothing an engine finds is missed", () => {
  const text = '{"config":{"OnBuild":["RUN x"],"A":1},"config":{"Env":[],"A":2},"config":null}';
  assert.deepEqual(plain(parseOrdinaryJson(text)), { config: { OnBuild: ["RUN x"], A: 2, Env: [] } });
  assert.deepEqual(plain(parseOrdinaryJson('{"a":[1],"a":null}')), { a: null });
  assert.deepEqual(plain(parseOrdinaryJson('{"a":{"b":1},"a":[],"a":{"c":2}}')), { a: { c: 2 } });
  assert.deepEqual(plain(parseOrdinaryJson('[{"a":1},{"b":2}]')), [{ a: 1 }, { b: 2 }]);
});

test("finds a member whatever its case, the exact name first", () => {
  const value = parseOrdinaryJson('{"LAYERS":1,"Layers":2,"layers":3,"toKen":"t"}');
  assert.equal(jsonMember(value, "layers"), 3);
  assert.equal(jsonMember(value, "token"), "t");
  assert.equal(jsonMember(value, "tokens"), undefined);
  assert.equal(jsonMember(parseOrdinaryJson('{"LAYERS":1,"Layers":2}'), "layers"), 2);
  assert.ok(isJsonObject(value));
  assert.deepEqual(memberNames(value, "layers"), ["LAYERS", "Layers", "layers"]);
  // U+017F and U+212A: Go folds them to s and k
  assert.equal(jsonMember(parseOrdinaryJson('{"layer\u017f":1}'), "layers"), 1);
  assert.equal(jsonMember(parseOrdinaryJson('{"to\u212aen":1}'), "token"), 1);
});

test("no name in a text reaches a prototype", () => {
  const value = parseOrdinaryJson('{"__proto__":{"polluted":1}}');
  assert.deepEqual(Object.keys(value as object), ["__proto__"]);
  assert.equal(jsonMember(value, "polluted"), undefined);
  assert.equal(jsonMember(value, "constructor"), undefined);
  assert.equal(jsonMember(parseOrdinaryJson("[]"), "length"), undefined);
});

test("skips a byte order mark, and replaces what is not UTF-8", () => {
  assert.deepEqual(parseOrdinaryJson(Buffer.from("\ufeff[1]")), [1]);
  assert.deepEqual(parseOrdinaryJson("\ufeff[1]"), [1]);
  assert.equal(parseOrdinaryJson(Buffer.from([0x22, 0xff, 0x22])), "\ufffd");
  assert.equal(parseOrdinaryJson('"\\ud800"'), "\ufffd");
});

test("reads ten thousand levels, and refuses more without a word of the platform", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  let value = parseOrdinaryJson(nested(10_000));
  for (; Array.isArray(value); value = value[0] ?? null);
  assert.throws(() => parseOrdinaryJson(nested(10_001)), malformed);
  assert.throws(() => parseOrdinaryJson("[".repeat(1_000_000)), malformed);
  assert.throws(() => parseOrdinaryJson('{"a":'.repeat(1_000_000)), malformed);
});

test("refuses a text that is too large before it looks at it", () => {
  assert.throws(() => parseOrdinaryJson(Buffer.from("[1,2,3]"), { maxBytes: 6 }), { code: "TOO_LARGE" });
  assert.deepEqual(parseOrdinaryJson("[1,2,3]", { maxBytes: 7 }), [1, 2, 3]);
});

test("says where a text is broken and never what stands there", () => {
  for (const text of ['{"auth":"geheim" x', '{"auth":geheim}', '"geheim\\q"', '"geheim', '{"a":1}geheim']) {
    assert.throws(
      () => parseOrdinaryJson(text),
      (error: Error) => /at character \d+$/.test(error.message) && !error.message.includes("geheim"),
    );
  }
  assert.throws(() => parseOrdinaryJson('{"a" 1}'), { message: "Cannot parse JSON: expected ':' at character 5" });
});

const broken = [
  "",
  " ",
  "]",
  "}",
  "[",
  "{",
  "[1,]",
  '{"a":1,}',
  "[1 2]",
  "{1:2}",
  "01",
  "1.",
  ".5",
  "+1",
  "1e",
  "-",
  "NaN",
];
for (const text of [
  ...broken,
  "tru",
  "truest",
  "[]]",
  "'a'",
  '"\t"',
  '"\\x"',
  '"\\u12"',
  "[1}",
  '{"a":1]',
  "/**/1",
  "Infinity",
]) {
  test(`refuses ${JSON.stringify(text)} as the platform does`, () => {
    assert.throws(() => JSON.parse(text));
    assert.throws(() => parseOrdinaryJson(text), malformed);
  });
}

test("any JSON value is read as the platform reads it, however it is spaced", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, "\t"), (text, indent) => {
      const written = JSON.stringify(JSON.parse(text), undefined, indent);
      assert.equal(JSON.stringify(parseOrdinaryJson(written)), JSON.stringify(JSON.parse(written.toWellFormed())));
    }),
    { numRuns: fuzzRuns },
  );
});

test("fuzz: refuses or reads hostile bytes, and reads nothing the platform would not", () => {
  const seeds = ['{"a":[1.5,{"b":null}],"c":"\\u00e9"}', '{"config":{"OnBuild":["RUN x"]},"rootfs":{"diff_ids":[]}}'];
  fc.assert(
    fc.property(hostileBytes(...seeds.map((seed) => Buffer.from(seed))), (hostile) => {
      const value = parsedOrRefused(() => parseOrdinaryJson(hostile));
      if (value !== undefined) JSON.parse(new TextDecoder().decode(hostile));
    }),
    { numRuns: fuzzRuns },
  );
});

test("takes linear time, whatever a text is full of", async () => {
  const size = 200_000;
  const texts = [
    `"${"\\\\".repeat(size)}"`,
    `"${'\\"'.repeat(size)}"`,
    `[${"1,".repeat(size)}1]`,
    `{${Array.from({ length: size }, (_, index) => `"k${index}":{}`).join(",")}}`,
    `{${'"a":{"b":1},'.repeat(size)}"a":{}}`,
    `[${" ".repeat(size)}]`,
  ];
  assert.ok((await processorMs(() => texts.forEach((text) => parseOrdinaryJson(text)))) < 5_000);
});
