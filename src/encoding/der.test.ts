import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AlgorithmIdentifier } from "pkijs";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import {
  DerReader,
  contextTag,
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSet,
  derTag,
  derTime,
  derUtf8String,
} from "./der.ts";

const malformed = { code: "DER_MALFORMED" };
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const reader = (bytes: Uint8Array) => new DerReader(bytes, "test");

test("reads what it wrote, of every kind", () => {
  const date = new Date("2026-11-23T04:07:46Z");
  const bytes = derSequence(
    derInteger(300),
    derInteger(hex("00ff")),
    derOid("1.2.840.10045.3.1.7"),
    derOctetString(hex("01")),
    derBitString(hex("02")),
    derBoolean(true),
    derBoolean(false),
    derNull(),
    derTime(date),
    derUtf8String("é"),
    derPrintableString("a"),
    derExplicit(3, derInteger(5)),
    derSet(derInteger(2), derInteger(1)),
  );
  const outer = reader(bytes);
  const inner = outer.enter();
  outer.end();
  assert.equal(inner.smallInteger(), 300);
  assert.deepEqual(Buffer.from(inner.unsignedBytes()), hex("ff"));
  assert.equal(inner.oid(), "1.2.840.10045.3.1.7");
  assert.deepEqual(Buffer.from(inner.read(derTag.octetString)), hex("01"));
  assert.deepEqual(Buffer.from(inner.bitString()), hex("02"));
  assert.equal(inner.boolean(), true);
  assert.equal(inner.boolean(), false);
  assert.equal(inner.optional(derTag.integer), undefined);
  assert.equal(inner.read(derTag.null).length, 0);
  assert.deepEqual(inner.time(), date);
  assert.equal(Buffer.from(inner.read(derTag.utf8String)).toString("utf8"), "é");
  assert.equal(Buffer.from(inner.read(derTag.printableString)).toString("utf8"), "a");
  assert.equal(inner.enter(contextTag(3, "constructed")).smallInteger(), 5);
  const set = inner.enter(derTag.set);
  assert.deepEqual([set.smallInteger(), set.smallInteger()], [1, 2], "a SET is sorted");
  inner.end();
  assert.ok(inner.done);
});

const broken: readonly [what: string, bytes: string, read: (reader: DerReader) => unknown][] = [
  ["nothing", "", (r) => r.next()],
  ["a tag alone", "30", (r) => r.next()],
  ["another tag than asked for", "0500", (r) => r.enter()],
  ["the end where a tag was asked for", "", (r) => r.enter()],
  ["a high tag number", "1f810100", (r) => r.next()],
  ["an indefinite length", "3080 0000", (r) => r.next()],
  ["a length longer than needed", "04810101", (r) => r.next()],
  ["a length with a leading zero", `0482007f${"00".repeat(127)}`, (r) => r.next()],
  ["a length of five octets", "04850000000001 00", (r) => r.next()],
  ["a length cut off", "0482", (r) => r.next()],
  ["a length beyond the end", "040200", (r) => r.next()],
  ["an enormous length", "0484ffffffff", (r) => r.next()],
  ["bytes after the end", "050000", (r) => (r.next(), r.end())],
  ["an empty integer", "0200", (r) => r.integerBytes()],
  ["a padded integer", "02020001", (r) => r.integerBytes()],
  ["a padded negative integer", "0202ff80", (r) => r.integerBytes()],
  ["a negative number where none may be", "020180", (r) => r.unsignedBytes()],
  ["an integer too large for a count", "02080100000000000000", (r) => r.smallInteger()],
  ["an empty object identifier", "0600", (r) => r.oid()],
  ["an object identifier cut off", "06022a86", (r) => r.oid()],
  ["a padded object identifier", "06032a8001", (r) => r.oid()],
  ["an enormous object identifier", `060c2a${"ff".repeat(10)}7f`, (r) => r.oid()],
  ["a bit string with unused bits", "03020102", (r) => r.bitString()],
  ["a bit string without content", "0300", (r) => r.bitString()],
  ["a boolean of two octets", "01020000", (r) => r.boolean()],
  ["a boolean that is neither", "010101", (r) => r.boolean()],
  ["a time without Z", `170c${Buffer.from("261123040746").toString("hex")}`, (r) => r.time()],
  ["a time in February that never was", `170d${Buffer.from("260230040746Z").toString("hex")}`, (r) => r.time()],
  ["a time in month 13", `180f${Buffer.from("20261301040746Z").toString("hex")}`, (r) => r.time()],
  ["a time with a fraction", `1811${Buffer.from("20261123040746.5Z").toString("hex")}`, (r) => r.time()],
];
for (const [what, bytes, read] of broken) {
  test(`I1: refuses ${what}`, () => {
    assert.throws(() => read(reader(hex(bytes))), malformed);
  });
}

test("says what was being read, and where", () => {
  assert.throws(() => new DerReader(hex("0500"), "private key").enter(), {
    message: "Cannot parse private key: expected tag 0x30, found 0x05 at byte 0",
  });
});

test("writes times as certificates want them on both sides of 2050", () => {
  for (const text of [
    "1950-01-01T00:00:00Z",
    "2049-12-31T23:59:59Z",
    "2050-01-01T00:00:00Z",
    "1949-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
  ]) {
    assert.deepEqual(reader(derTime(new Date(text))).time(), new Date(text));
  }
  assert.equal(derTime(new Date("2049-12-31T23:59:59Z"))[0], derTag.utcTime);
  assert.equal(derTime(new Date("2050-01-01T00:00:00Z"))[0], derTag.generalizedTime);
  assert.deepEqual(
    reader(derElement(derTag.generalizedTime, Buffer.from("00010203040506Z")))
      .time()
      .getUTCFullYear(),
    1,
  );
});

test("writes integers in their shortest form", () => {
  const vectors = {
    "00": "020100",
    "7f": "02017f",
    "80": "02020080",
    "0100": "02020100",
    "00ff": "020200ff",
    "": "020100",
  };
  for (const [magnitude, encoded] of Object.entries(vectors)) {
    assert.equal(derInteger(hex(magnitude)).toString("hex"), encoded);
  }
});

test("round trip: integers of any size", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 300n }), (value) => {
      const text = value.toString(16);
      const written = derInteger(hex(text.length % 2 === 0 ? text : `0${text}`));
      assert.equal(BigInt(`0x${Buffer.from(reader(written).unsignedBytes()).toString("hex")}`), value);
    }),
    { numRuns: fuzzRuns },
  );
});

test("round trip: small integers", () => {
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), (value) => assert.equal(reader(derInteger(value)).smallInteger(), value)));
  assert.equal(reader(derInteger(2 ** 48 - 1)).smallInteger(), 2 ** 48 - 1);
});

test("round trip: object identifiers, agreeing with an independent library", () => {
  const arcs = fc.tuple(fc.nat(2), fc.nat(39), fc.array(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 8 }));
  fc.assert(
    fc.property(arcs, ([root, second, rest]) => {
      const dotted = [root, second, ...rest].join(".");
      assert.equal(reader(derOid(dotted)).oid(), dotted);
      const oracle = new AlgorithmIdentifier({ algorithmId: dotted }).toSchema().toBER();
      assert.deepEqual(derSequence(derOid(dotted)), Buffer.from(oracle));
    }),
    { numRuns: fuzzRuns },
  );
});

test("round trip: contents of any length", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
    const content = Buffer.alloc(length, 3);
    assert.deepEqual(Buffer.from(reader(derOctetString(content)).read(derTag.octetString)), content);
  }
});

test("fuzz: refuses or reads hostile bytes", () => {
  const seed = derSequence(
    derInteger(1),
    derSequence(derOid("1.2.3"), derNull()),
    derOctetString(hex("0102")),
    derTime(new Date(0)),
  );
  fc.assert(
    fc.property(hostileBytes(seed), (hostile) => {
      parsedOrRefused(() => {
        const outer = reader(hostile).enter();
        outer.integerBytes();
        const inner = outer.enter();
        inner.oid();
        inner.end();
        outer.read(derTag.octetString);
        outer.time();
        outer.end();
      });
      parsedOrRefused(() => {
        for (const all = reader(hostile); !all.done;) all.next();
      });
    }),
    { numRuns: fuzzRuns },
  );
});
