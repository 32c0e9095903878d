import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeBase64 } from "../../encoding/base64.ts";
import { fileJson, type JsonObject, parseJson, parseJsonDocument } from "../../encoding/json.ts";
import type { TargetsBody } from "../metadata.ts";
import { parseMetadata } from "./parse.ts";
import { commonTarget } from "./received-targets.ts";
import { isReferenceSerialisation } from "./serialise.ts";

const sha256 = encodeBase64(Buffer.alloc(32, 7));
const sha512 = encodeBase64(Buffer.alloc(64, 9));

/** A targets file around the text of its entries. */
function fileWith(entries: string, space = ""): Buffer {
  return Buffer.from(
    `{"signed":{"_type":"Targets",${space}"delegations":{"keys":{},"roles":[]},"expires":"2036-01-01T00:00:00Z",` +
      `"targets":${entries},"version":1},"signatures":[]}`,
  );
}

function isRecognised(entries: string, space = ""): boolean {
  const options = { outline: ["signed", "targets"], outlineMember: commonTarget };
  return parseJsonDocument(fileWith(entries, space), options).isOutlineUnread;
}

function bodyOf(entries: string, space = ""): TargetsBody {
  return parseMetadata("targets", fileWith(entries, space)).body;
}

/** What a body says, as plain data. */
function contentOf({ targets }: TargetsBody): unknown {
  return [...targets]
    .map(([name, { length, hashes, custom }]) => ({ name, length, hashes: [...hashes], custom }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const name = fc.oneof(
  fc.stringMatching(/^[\w./:@+-]{1,12}$/),
  fc.constantFrom("__proto__", "constructor", "10", "9", "1.0", "a<b", "é", "\u{10000}", 'q"', "x y"),
);
const digest = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(encodeBase64);
const entry = fc.oneof(
  { weight: 8, arbitrary: fc.record({ hashes: fc.record({ sha256: digest(32) }), length: fc.maxSafeNat() }) },
  fc.record({ hashes: fc.record({ sha256: digest(32), sha512: digest(64) }), length: fc.nat() }),
  fc.record({ hashes: fc.record({ sha256: digest(20) }), length: fc.nat(), custom: fc.constant(["x"]) }),
);
const entries = fc.array(fc.tuple(name, entry), { maxLength: 8 }).map((list) => Object.fromEntries(list) as JsonObject);

test("recognised entries equal parsed entries", () => {
  fc.assert(
    fc.property(entries, (object) => {
      const text = fileJson(object);
      const quick = bodyOf(text);
      const read = bodyOf(text, " "); // a space elsewhere: the file is in no form that spares the reading
      assert.deepEqual(contentOf(quick), contentOf(read));
      assert.equal(quick.targets.size, Object.keys(object).length);
      for (const key of Object.keys(object))
        assert.deepEqual(quick.targets.get(key)?.hashes, read.targets.get(key)?.hashes);
      assert.equal(quick.targets.has("absent"), false);
      assert.deepEqual([...quick.targets.keys()].sort(), Object.keys(object).sort());
    }),
  );
});

test("what is recognised is JSON in exactly the file form", () => {
  fc.assert(
    fc.property(entries, (object) => {
      const text = fileJson(object);
      if (isRecognised(text)) assert.equal(fileJson(parseJson(Buffer.from(text))), text);
    }),
  );
});

describe("docker's and notary's entries are recognised", () => {
  for (const [what, text] of Object.entries({
    "one SHA-256": `{"1.0":{"hashes":{"sha256":"${sha256}"},"length":1}}`,
    "both digests": `{"1.0":{"hashes":{"sha256":"${sha256}","sha512":"${sha512}"},"length":0}}`,
    "several, in order": `{"10":{"hashes":{"sha256":"${sha256}"},"length":1},"9":{"hashes":{"sha256":"${sha256}"},"length":2}}`,
    "an unlucky name": `{"__proto__":{"hashes":{"sha256":"${sha256}"},"length":1}}`,
  })) {
    test(what, () => {
      assert.equal(isRecognised(text), true);
      assert.equal(isReferenceSerialisation(parseMetadata("targets", fileWith(text))), true);
    });
  }
});

describe("I1: nothing else is, and the strict parser decides", () => {
  const good = `{"hashes":{"sha256":"${sha256}"},"length":1}`;
  const refused = "METADATA_MALFORMED";
  for (const [what, text, outcome] of [
    ["no entries", "{}", "read"],
    ["names out of order", `{"b":${good},"a":${good}}`, "read"],
    ["a name twice", `{"a":${good},"a":${good}}`, refused],
    ["an escaped name", `{"\\u0061":${good}}`, "read"],
    ["a control character", `{"a\n":${good}}`, refused],
    ["a space", `{"a": ${good}}`, "read"],
    ["another member", `{"a":{"custom":{"x":1},"hashes":{"sha256":"${sha256}"},"length":1}}`, "read"],
    ["members out of order", `{"a":{"length":1,"hashes":{"sha256":"${sha256}"}}}`, "read"],
    ["a fraction", `{"a":{"hashes":{"sha256":"${sha256}"},"length":1.5}}`, refused],
    ["a leading zero", `{"a":{"hashes":{"sha256":"${sha256}"},"length":01}}`, refused],
    ["a negative length", `{"a":{"hashes":{"sha256":"${sha256}"},"length":-1}}`, refused],
    ["a length beyond 2^53", `{"a":{"hashes":{"sha256":"${sha256}"},"length":9007199254740993}}`, refused],
    ["stray bits in the base64", `{"a":{"hashes":{"sha256":"${sha256.slice(0, 42)}d="},"length":1}}`, refused],
    [
      "a digest that is too short",
      `{"a":{"hashes":{"sha256":"${encodeBase64(Buffer.alloc(20))}"},"length":1}}`,
      "read",
    ],
    ["no digest", `{"a":{"hashes":{},"length":1}}`, "read"],
    ["something after the last entry", `{"a":${good},}`, refused],
    ["no end", `{"a":${good}`, refused],
    ["an entry that is none", `{"a":null}`, refused],
  ] as const) {
    test(what, () => {
      const read = (): TargetsBody => bodyOf(text);
      if (outcome === "read") {
        assert.equal(isRecognised(text), false);
        assert.deepEqual(contentOf(read()), contentOf(bodyOf(text, " ")));
      } else assert.throws(read, { code: outcome });
    });
  }
});

test("a space anywhere in what is signed means that every entry is read: the signature covers another text", () => {
  const text = `{"a":{"hashes":{"sha256":"${sha256}"},"length":1}}`;
  assert.equal(isRecognised(text), true);
  assert.equal(isRecognised(text, " "), false);
  const file = parseMetadata("targets", fileWith(text, " "));
  assert.match(Buffer.from(file.signedBytes).toString(), /"targets":\{"a":\{"hashes"/);
});
