import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import { processorMs } from "../../test/support/processor-time.ts";
import { EncodingError } from "../errors.ts";
import {
  canonicalJson,
  compareUtf8,
  fileFormToCanonical,
  fileJson,
  isJsonObject,
  parseJson,
  parseJsonDocument,
} from "./json.ts";
import type { JsonValue } from "./json.ts";

const bytes = (text: string) => Buffer.from(text, "utf8");
const parse = (text: string) => parseJson(bytes(text));
const canonical = (value: JsonValue) => Buffer.from(canonicalJson(value)).toString("utf8");
const malformed = { name: "TagsealError", code: "JSON_MALFORMED" };

const roles = ["root", "timestamp", "snapshot", "targets"].map((role) =>
  readFileSync(new URL(`../../test/vectors/notary-v1/vec-demo/${role}.json`, import.meta.url)),
);

/** Strings as Notary v1 can sign them: no control characters, no lone surrogates. */
const signableString = fc
  .string({ unit: "binary" })
  .map((text) => text.replaceAll(/[^ -\uffff]/gu, "x").toWellFormed());
const jsonValue = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((number) => number + 0),
    signableString,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(signableString, tie("value"), { maxKeys: 6 }),
  ),
})).value;

test("reads every kind of value", () => {
  const text = ' {"a" : [1, -2, 0, "x", true, false, null, {}, []], "b":{"c":"\\u0041\\n\\/\\"\\\\\\b\\f\\r\\t"}} ';
  assert.deepEqual(parse(text), { a: [1, -2, 0, "x", true, false, null, {}, []], b: { c: 'A\n/"\\\b\f\r\t' } });
  assert.equal(parse("9007199254740991"), 9_007_199_254_740_991);
  assert.equal(parse('"\\ud83d\\ude00"'), "😀");
});

test("keeps a member called __proto__ as a member", () => {
  const value = parse('{"__proto__":{"polluted":1}}');
  assert.ok(isJsonObject(value) && Object.hasOwn(value, "__proto__"));
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(canonical(value), '{"__proto__":{"polluted":1}}');
});

const refused: readonly [what: string, text: string][] = [
  ["nothing", ""],
  ["white space only", " \n"],
  ["a duplicate member", '{"a":1,"a":1}'],
  ["a duplicate member written differently", '{"a":1,"\\u0061":1}'],
  ["a duplicate __proto__", '{"__proto__":1,"__proto__":2}'],
  ["a fraction", "1.5"],
  ["a fraction of zero", "1.0"],
  ["an exponent", "1e3"],
  ["an upper-case exponent", "1E3"],
  ["a leading zero", "01"],
  ["a negative zero", "-0"],
  ["a plus sign", "+1"],
  ["a lone minus", "-"],
  ["an integer above 2^53-1", "9007199254740992"],
  ["an integer below -(2^53-1)", "-9007199254740992"],
  ["an endless integer", "1".repeat(400)],
  ["a trailing comma in an object", '{"a":1,}'],
  ["a trailing comma in an array", "[1,]"],
  ["a missing comma", "[1 2]"],
  ["a missing colon", '{"a" 1}'],
  ["a member name without quotes", "{a:1}"],
  ["a string without an end", '"abc'],
  ["an escaped string without an end", '"ab\\n'],
  ["a backslash at the end", '"\\'],
  ["an unknown escape", '"\\x41"'],
  ["an escape named like an object's own method", '"\\toString"]'],
  ["a short unicode escape", '"\\u12"'],
  ["a unicode escape with a sign", '"\\u+123"'],
  ["a lone high surrogate", '"\\ud83d"'],
  ["a lone low surrogate", '"\\ude00"'],
  ["a raw newline in a string", '"a\nb"'],
  ["a raw tab in an escaped string", '"a\\n\tb"'],
  ["a second value", "{} {}"],
  ["a comment", "{}//"],
  ["a misspelt literal", "nul"],
  ["NaN", "NaN"],
  ["a byte order mark", "\ufeff{}"],
  ["another kind of space", "\u00a0{}"],
  ["an array without an end", "[1"],
  ["an object without an end", '{"a":1'],
];
for (const [what, text] of refused) {
  test(`I1: refuses ${what}`, () => {
    assert.throws(() => parse(text), { code: "JSON_MALFORMED" });
    assert.throws(() => parse(text), EncodingError);
  });
}

test("I1: refuses invalid UTF-8", () => {
  for (const hostile of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0x80, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xe2, 0x82],
  ]) {
    assert.throws(() => parseJson(Uint8Array.from(hostile)), malformed);
  }
});

test("I1: refuses nesting beyond its bound, however deep", () => {
  assert.ok(parse("[".repeat(32) + "]".repeat(32)));
  assert.throws(() => parse("[".repeat(33) + "]".repeat(33)), malformed);
  assert.throws(() => parse("[".repeat(1_000_000)), malformed);
  assert.throws(() => parse('{"a":'.repeat(1_000_000)), malformed);
  assert.throws(() => parseJson(bytes("[[]]"), { maxDepth: 1 }), malformed);
});

test("says where the text went wrong", () => {
  assert.throws(() => parse('{"a":1,"a":2}'), { message: "Cannot parse JSON: duplicate member name at character 7" });
  assert.throws(() => parse("[1"), { message: "Cannot parse JSON: expected ',' or ']' at character 2" });
});

test("orders members by UTF-8, where JavaScript would order them otherwise", () => {
  const [bmp, astral] = ["\uff5e", "\u{10000}"];
  assert.ok(astral < bmp, "JavaScript's order");
  assert.ok(compareUtf8(bmp, astral) < 0, "UTF-8's order");
  assert.equal(canonical({ [astral]: 1, [bmp]: 2 }), `{"${bmp}":2,"${astral}":1}`);
});

test("compares strings exactly as their UTF-8 bytes compare", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareUtf8(a, b)), Buffer.compare(bytes(a), bytes(b)));
    }),
    { numRuns: fuzzRuns },
  );
});

test("escapes only quotes and backslashes in signed bytes, and HTML characters too in files", () => {
  const value = { 'a"\\<': "é>&\u2028\u2029\u007f" };
  assert.equal(canonical(value), '{"a\\"\\\\<":"é>&\u2028\u2029\u007f"}');
  assert.equal(fileJson(value), '{"a\\"\\\\\\u003c":"é\\u003e\\u0026\\u2028\\u2029\u007f"}');
});

test("refuses to write what no reader could verify", () => {
  for (const value of ["a\nb", "\ud800", 1.5, Number.NaN, 2 ** 53, { "\u0000": 1 }]) {
    assert.throws(() => canonicalJson(value), malformed);
    assert.throws(() => fileJson(value), malformed);
  }
});

test("writes numbers that look like member indices in text order", () => {
  assert.equal(canonical({ 10: 1, 9: 2, a: 3 }), '{"10":1,"9":2,"a":3}');
});

test("round trip: a value survives both forms", () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      assert.deepEqual(parseJson(canonicalJson(value)), parse(fileJson(value)));
      assert.equal(canonical(parseJson(canonicalJson(value))), canonical(value));
      assert.equal(fileJson(parse(fileJson(value))), fileJson(value));
    }),
    { numRuns: fuzzRuns },
  );
});

test("agrees with the platform's parser on what it accepts", () => {
  fc.assert(
    fc.property(jsonValue, fc.nat(3), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
    { numRuns: fuzzRuns },
  );
});

test("recognises the exact file form while parsing, and gives the signed bytes back without sorting", () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      const { members } = parseJsonDocument(bytes(`{"signed":${fileJson(value)},"z":1}`));
      const signed = members.get("signed");
      assert.ok(signed?.isFileForm);
      assert.equal(Buffer.from(signed.bytes).toString("utf8"), fileJson(value));
      assert.deepEqual(Buffer.from(fileFormToCanonical(signed.bytes)), Buffer.from(canonicalJson(value)));
    }),
    { numRuns: fuzzRuns },
  );
});

test("never calls a text file form that would be written differently", () => {
  fc.assert(
    fc.property(hostileBytes(...roles, bytes('{"signed":{"a\\u003c\\\\":"\\u2028é","b":[{},null]}}')), (hostile) => {
      const document = parsedOrRefused(() => parseJsonDocument(hostile));
      for (const [name, member] of document?.members ?? []) {
        if (!member.isFileForm) continue;
        assert.equal(Buffer.from(member.bytes).toString("utf8"), fileJson(document?.value[name] ?? null));
      }
    }),
    { numRuns: fuzzRuns },
  );
});

const otherForms: readonly [what: string, signed: string][] = [
  ["white space", '{"a": 1}'],
  ["members out of order", '{"b":1,"a":2}'],
  ["a raw HTML character", '{"a":"<"}'],
  ["a raw HTML character in an escaped string", '{"a":"\\"<"}'],
  ["an upper-case escape", '{"a":"\\u003C"}'],
  ["an escaped slash", '{"a":"\\/"}'],
  ["a needless escape", '{"a":"\\u0061"}'],
  ["astral members out of order", '{"\u{10000}":1,"\uff5e":2}'],
];
for (const [what, signed] of otherForms) {
  test(`does not take ${what} for the file form`, () => {
    assert.equal(parseJsonDocument(bytes(`{"signed":${signed}}`)).members.get("signed")?.isFileForm, false);
  });
}

test("finds the members of real files and their signed bytes", () => {
  for (const file of roles) {
    const { value, members } = parseJsonDocument(file);
    assert.deepEqual([...members.keys()], ["signed", "signatures"]);
    const signed = members.get("signed");
    assert.ok(signed?.isFileForm);
    assert.deepEqual(
      Buffer.from(fileFormToCanonical(signed.bytes)),
      Buffer.from(canonicalJson(value["signed"] ?? null)),
    );
    assert.ok(file.toString("utf8").startsWith(`{"signed":${fileJson(value["signed"] ?? null)},`));
  }
});

test("a document is an object", () => {
  for (const text of ["[]", "1", "null", '"x"']) assert.throws(() => parseJsonDocument(bytes(text)), malformed);
});

test("leaves an escaped backslash before something like an escape alone", () => {
  const value = { a: "\\u003c<" };
  assert.equal(fileJson(value), '{"a":"\\\\u003c\\u003c"}');
  assert.equal(Buffer.from(fileFormToCanonical(bytes(fileJson(value)))).toString("utf8"), canonical(value));
});

test("fuzz: refuses or reads hostile bytes, and reads nothing the platform's parser would not", () => {
  fc.assert(
    fc.property(hostileBytes(...roles), (hostile) => {
      const value = parsedOrRefused(() => parseJson(hostile));
      if (value !== undefined) assert.deepEqual(value, JSON.parse(hostile.toString("utf8")));
    }),
    { numRuns: fuzzRuns },
  );
});

test("parses a file of 50,000 targets in linear time", async () => {
  const target = { hashes: { sha256: "A".repeat(43) + "=" }, length: 1000 };
  const targets = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`v1.0.${index}`, target]));
  const file = bytes(`{"signed":${fileJson({ targets })},"signatures":[]}`);
  // Ten times what it takes here: enough to notice quadratic behaviour.
  const spentMs = await processorMs(() => assert.ok(parseJsonDocument(file).members.get("signed")?.isFileForm));
  assert.ok(spentMs < 2000, `${spentMs} ms`);
});
