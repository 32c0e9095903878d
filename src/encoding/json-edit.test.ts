import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { withJsonMember, withoutJsonMember } from "./json-edit.ts";
import { parseOrdinaryJson } from "./json-ordinary.ts";

const entry = { auth: "eA==" };

/** The text before, and after `auths.b` was set. */
const settings: Readonly<Record<string, readonly [before: string, after: string]>> = {
  "an empty object": ["{}", '{\n\t"auths": {\n\t\t"b": {\n\t\t\t"auth": "eA=="\n\t\t}\n\t}\n}'],
  "a text indented by two spaces, with a last line end": [
    '{\n  "HttpHeaders": {"x": 1e400},\n  "auths": {\n    "a": {}\n  }\n}\n',
    '{\n  "HttpHeaders": {"x": 1e400},\n  "auths": {\n    "a": {},\n    "b": {\n      "auth": "eA=="\n    }\n  }\n}\n',
  ],
  "a text on one line": [
    '{"n":12345678901234567890,"auths":{}}',
    '{"n":12345678901234567890,"auths":{"b":{"auth":"eA=="}}}',
  ],
  "a text on one line with spaces": [
    '{"auths": {"a": {}}, "z": 1}',
    '{"auths": {"a": {}, "b": {"auth": "eA=="}}, "z": 1}',
  ],
  "Windows line ends": [
    '{\r\n\t"z": []\r\n}',
    '{\r\n\t"z": [],\r\n\t"auths": {\r\n\t\t"b": {\r\n\t\t\t"auth": "eA=="\r\n\t\t}\r\n\t}\r\n}',
  ],
  "the entry between others": [
    '{"auths":{"a":1,"b":{"x":[2]},"c":"}"}}',
    '{"auths":{"a":1,"b":{"auth":"eA=="},"c":"}"}}',
  ],
  "the entry twice": ['{"auths":{"b":1,"a":2},"auths":{"b":3}}', '{"auths":{"a":2},"auths":{"b":{"auth":"eA=="}}}'],
  null: ['{"auths":null}', '{"auths":{"b":{"auth":"eA=="}}}'],
  "a name with escapes": [String.raw`{"auths":{"\u0062":0}}`, String.raw`{"auths":{"\u0062":{"auth":"eA=="}}}`],
};

for (const [name, [text, expected]] of Object.entries(settings)) {
  test(`a member is set in ${name}`, () => equal(withJsonMember(text, ["auths", "b"], entry), expected));
}

test("a member is taken out, with its comma and its line", () => {
  const text = '{\n\t"auths": {\n\t\t"a": {},\n\t\t"b": {},\n\t\t"c": {}\n\t}\n}';
  equal(withoutJsonMember(text, ["auths", "a"]), '{\n\t"auths": {\n\t\t"b": {},\n\t\t"c": {}\n\t}\n}');
  equal(withoutJsonMember(text, ["auths", "b"]), '{\n\t"auths": {\n\t\t"a": {},\n\t\t"c": {}\n\t}\n}');
  equal(withoutJsonMember(text, ["auths", "c"]), '{\n\t"auths": {\n\t\t"a": {},\n\t\t"b": {}\n\t}\n}');
  equal(withoutJsonMember('{"auths": {\n"a": 1\n}}', ["auths", "a"]), '{"auths": {}}');
  equal(withoutJsonMember(text, ["auths", "d"]), text);
  equal(withoutJsonMember("{}", ["auths", "d"]), "{}");
});

test("whatever the rest of the text is, it means the same afterwards, and what was set is found", () => {
  const name = fc.oneof(fc.constantFrom("auths", "a", "b", "c", '"', "\\", "é"), fc.string());
  const object = fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }));
  const indentation = fc.constantFrom(undefined, "\t", 1, 4);
  fc.assert(
    fc.property(object, fc.option(object), name, indentation, (rest, auths, key, space) => {
      const before = { ...rest, ...(auths === null ? {} : { auths }) };
      if (auths === null) delete before["auths"];
      const text = JSON.stringify(before, undefined, space);
      const set = withJsonMember(text, ["auths", key], entry);
      deepEqual(plain(set), JSON.parse(JSON.stringify({ ...before, auths: own({ ...auths }, key, entry) })));
      const removed = withoutJsonMember(set, ["auths", key]);
      deepEqual(plain(removed), JSON.parse(JSON.stringify({ ...before, auths: without({ ...auths }, key) })));
    }),
  );
});

function plain(text: string): unknown {
  return JSON.parse(JSON.stringify(parseOrdinaryJson(text)));
}

/** Also for the name `__proto__`. */
function own(object: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  return Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function without(object: Record<string, unknown>, key: string): Record<string, unknown> {
  delete object[key];
  return object;
}
