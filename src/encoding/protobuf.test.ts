import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { EncodingError } from "../errors.ts";
import { bytesOf, numberOf, parseProtobuf, protobufBytes, protobufNumber, protobufText, textOf } from "./protobuf.ts";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

describe("protocol buffer messages", () => {
  it("are read as the format's own guide writes them", () => {
    assert.equal(numberOf(parseProtobuf(hex("08 96 01")), 1), 150);
    assert.equal(textOf(parseProtobuf(hex("12 07 74 65 73 74 69 6e 67")), 2), "testing");
    assert.deepEqual([...bytesOf(parseProtobuf(hex("1a 03 08 96 01")), 3)], [0x08, 0x96, 0x01]);
  });

  it("are written so", () => {
    assert.deepEqual(protobufNumber(1, 150), hex("08 96 01"));
    assert.deepEqual(protobufText(2, "testing"), hex("12 07 74 65 73 74 69 6e 67"));
    assert.deepEqual(protobufBytes(3, hex("08 96 01")), hex("1a 03 08 96 01"));
  });

  it("leave out what means nothing, but not an empty message in a message", () => {
    assert.equal(protobufNumber(1, 0).length + protobufText(1, "").length, 0);
    assert.deepEqual(protobufBytes(1, Buffer.alloc(0)), hex("0a 00"));
  });

  it("have nothing in fields that are absent, and the last value in fields that come twice", () => {
    const fields = parseProtobuf(Buffer.concat([protobufText(1, "first"), protobufText(1, "second")]));
    assert.equal(textOf(fields, 1), "second");
    assert.equal(textOf(fields, 2), "");
    assert.equal(numberOf(fields, 3), 0);
    assert.equal(bytesOf(fields, 4).length, 0);
  });

  it("may have unknown fields of every kind", () => {
    const unknown = hex("7d 01020304 79 0102030405060708 f8ffffff0f 01");
    assert.equal(textOf(parseProtobuf(Buffer.concat([unknown, protobufText(1, "known"), unknown])), 1), "known");
  });

  const malformed: Record<string, string> = {
    "a field cut off": "0a 05 61 62",
    "a field longer than any message": "0a ffffffffffffffffff01",
    "a number cut off": "08 96",
    "a number without an end": `08 ${"ff".repeat(11)}`,
    "field number 0": "00 01",
    "a field number out of range": "808080808001 01",
    "a group": "0b 0c",
    "an unknown wire type": "0e",
    "a fixed number cut off": "0d 01 02",
  };
  for (const [what, bytes] of Object.entries(malformed)) {
    it(`I1: are refused with ${what}`, () => {
      assert.throws(() => parseProtobuf(hex(bytes)), { code: "PROTOBUF_MALFORMED" });
    });
  }

  it("I1: are refused when a field is not of the kind that is asked for", () => {
    assert.throws(() => textOf(parseProtobuf(hex("08 01")), 1), { code: "PROTOBUF_MALFORMED" });
    assert.throws(() => numberOf(parseProtobuf(hex("0a 00")), 1), { code: "PROTOBUF_MALFORMED" });
    assert.throws(() => numberOf(parseProtobuf(hex("08 8080808010")), 1), { code: "PROTOBUF_MALFORMED" });
    assert.throws(() => textOf(parseProtobuf(hex("0a 02 ff fe")), 1), { code: "PROTOBUF_MALFORMED" });
  });

  it("I1: are read or refused, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseProtobuf(bytes);
        } catch (error) {
          assert.ok(error instanceof EncodingError);
        }
      }),
    );
  });
});
