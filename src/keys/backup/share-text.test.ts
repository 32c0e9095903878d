import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes } from "../../../test/support/fuzz.ts";
import { TagsealError } from "../../errors.ts";
import { type KeyShare, findShare, parseShare, shareLines, shareText, shareTextLength } from "./share-text.ts";

const share: KeyShare = {
  set: "0123456789",
  needed: 3,
  made: 5,
  number: 2,
  point: Uint8Array.from({ length: 33 }, (_, index) => index * 7),
};
const text = shareText(share);
const invalid = { code: "SHARE_INVALID" };
const withoutBuffers = (given: KeyShare) => ({ ...given, point: [...given.point] });

const anyShare = fc
  .record({
    set: fc.uint8Array({ minLength: 5, maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString("hex")),
    needed: fc.integer({ min: 2, max: 16 }),
    more: fc.nat(14),
    which: fc.nat(15),
    point: fc.uint8Array({ minLength: 33, maxLength: 33 }),
  })
  .map(({ set, needed, more, which, point }) => {
    const made = Math.min(needed + more, 16);
    return { set, needed, made, number: (which % made) + 1, point };
  });

test("every share reads back, in one piece, in groups, in small letters and from a page", () => {
  fc.assert(
    fc.property(anyShare, (given) => {
      const [first = "", ...lines] = shareLines(given);
      const page = `Share\n\n  ${first}\n  ${lines.join("\n  ")}\n\nThis page is secret. Set: 12\n`;
      for (const form of [shareText(given), lines.join("-"), first + lines.join(" ").toLowerCase(), page]) {
        const found = form.startsWith(lines[0] ?? "") ? `${first}${form}` : form;
        assert.deepEqual(withoutBuffers(parseShare(found, "it")), withoutBuffers(given));
      }
    }),
    { numRuns: fuzzRuns },
  );
});

test("is 87 characters that a QR code holds in its compact alphabet, in lines of five groups of four", () => {
  assert.match(text, /^TAGSEALSHARE1[0-9A-Z]{74}$/u);
  assert.equal(text.length, shareTextLength);
  assert.deepEqual(
    shareLines(share).map((line) => line.length),
    [13, 24, 24, 24, 17],
  );
});

test("one wrong character is noticed wherever it is, and its group is named; the share is not shown", () => {
  const start = "TAGSEALSHARE1".length;
  for (let place = start; place < text.length; place += 5) {
    const other = text[place] === "Q" ? "P" : "Q";
    const wrong = text.slice(0, place) + other + text.slice(place + 1);
    const group = Math.floor((place - start) / 4) + 1;
    assert.throws(
      () => parseShare(wrong, "share-2.txt"),
      (error: unknown) => {
        assert.ok(error instanceof TagsealError);
        assert.equal(error.code, "SHARE_INVALID");
        assert.equal(error.message, `share-2.txt has a typing error: look at group ${group}`);
        assert.ok(!error.message.includes(text.slice(start, start + 8)));
        return true;
      },
    );
  }
});

test("two to four wrong characters, two swapped ones and missing ones are noticed", () => {
  const start = "TAGSEALSHARE1".length;
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: start, max: text.length - 1 }), { minLength: 2, maxLength: 4 }),
      fc.nat(30),
      (places, step) => {
        const letters = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
        const typed = Array.from(text);
        for (const place of places) {
          const at = letters.indexOf(text[place] ?? "");
          typed[place] = letters[(at + 1 + step) % letters.length] ?? "";
        }
        assert.throws(() => parseShare(typed.join(""), "it"), invalid);
      },
    ),
    { numRuns: 25 },
  );
  for (let place = start; place + 1 < text.length; place += 6) {
    const swapped = text.slice(0, place) + text[place + 1] + text[place] + text.slice(place + 2);
    if (swapped !== text) assert.throws(() => parseShare(swapped, "it"), invalid);
    assert.throws(() => parseShare(text.slice(0, place) + text.slice(place + 1), "it"), invalid);
  }
});

test("says what is wrong with a character that no share has, a missing end, and a text without a share", () => {
  const o = `${text.slice(0, 20)}O${text.slice(21)}`;
  assert.throws(() => parseShare(o, "a.txt"), {
    ...invalid,
    message: /^a\.txt .*group 2 has a character that no share/u,
  });
  assert.throws(() => parseShare(text.slice(0, -3), "a.txt"), {
    ...invalid,
    message: /71 characters .* instead of 74/u,
  });
  assert.throws(() => parseShare("hello", "a.txt"), {
    ...invalid,
    message: "a.txt is not a share",
    hint: /TAGSEALSHARE1/u,
  });
  assert.equal(findShare("hello"), undefined);
});

test("I1: hostile bytes are refused as no share, and nothing else happens", () => {
  fc.assert(
    fc.property(hostileBytes(Buffer.from(text), Buffer.from(shareLines(share).join("\n"))), (bytes) => {
      try {
        parseShare(bytes.toString("latin1"), "it");
      } catch (error) {
        assert.ok(error instanceof TagsealError && error.code === "SHARE_INVALID", String(error));
      }
    }),
    { numRuns: Math.ceil(fuzzRuns / 3) },
  );
});

test("refuses numbers that no share has, and versions of tomorrow, whose checksums are right", () => {
  for (const change of [{ needed: 1 }, { needed: 6 }, { made: 17 }, { number: 0 }, { number: 6 }])
    assert.throws(() => parseShare(shareText({ ...share, ...change }), "it"), {
      ...invalid,
      message: /numbers that no/u,
    });
});
