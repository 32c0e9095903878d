import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzRuns, hostileBytes, parsedOrRefused } from "../../test/support/fuzz.ts";
import { parsePem, serialisePem } from "./pem.ts";
import type { PemBlock } from "./pem.ts";

const malformed = { code: "PEM_MALFORMED" };
const block = (headers: Record<string, string>, bytes = Buffer.alloc(70, 7)): PemBlock => ({
  label: "ENCRYPTED PRIVATE KEY",
  headers: new Map(Object.entries(headers)),
  bytes,
});

test("writes a key file as Notary v1 does", () => {
  const expected = `-----BEGIN ENCRYPTED PRIVATE KEY-----
gun: docker.io/library/alpine
role: targets

${"BwcH".repeat(16)}
${"BwcH".repeat(7)}Bw==
-----END ENCRYPTED PRIVATE KEY-----
`;
  assert.equal(serialisePem(block({ role: "targets", gun: "docker.io/library/alpine" })), expected);
});

test("writes no empty line where there are no headers", () => {
  assert.equal(
    serialisePem({ label: "X", headers: new Map(), bytes: Buffer.from("a") }),
    "-----BEGIN X-----\nYQ==\n-----END X-----\n",
  );
});

test("reads several blocks, text around them, and Windows line ends", () => {
  const text = `Bag Attributes\r\n${serialisePem(block({ role: "root" })).replaceAll("\n", "\r\n")}junk\n${serialisePem(block({}))}`;
  const [first, second, ...rest] = parsePem(text);
  assert.deepEqual(rest, []);
  assert.deepEqual([...(first?.headers ?? [])], [["role", "root"]]);
  assert.deepEqual(Buffer.from(first?.bytes ?? []), Buffer.alloc(70, 7));
  assert.equal(second?.headers.size, 0);
});

test("finds nothing in text without blocks", () => {
  assert.deepEqual(parsePem(""), []);
  assert.deepEqual(parsePem("-----BEGIN-----\n----- BEGIN X-----\n"), []);
});

const begin = "-----BEGIN X-----\n";
const end = "-----END X-----\n";
const broken: readonly [what: string, text: string][] = [
  ["a block without an end", `${begin}YQ==\n`],
  ["a block ended by another's end", `${begin}YQ==\n-----END Y-----\n`],
  ["a block inside a block", `${begin}${begin}YQ==\n${end}`],
  ["bad base64", `${begin}YQ\n${end}`],
  ["a header without a name", `${begin}: x\n\nYQ==\n${end}`],
  ["a header given twice", `${begin}role: root\nrole: targets\n\nYQ==\n${end}`],
  ["a header after the text", `${begin}YQ==\nrole: x\n${end}`],
  ["more than 32 headers", `${begin}${Array.from({ length: 33 }, (_, n) => `h${n}: x\n`).join("")}\nYQ==\n${end}`],
  ["more than 10,000 blocks", `${begin}YQ==\n${end}`.repeat(10_001)],
];
for (const [what, text] of broken) {
  test(`I1: refuses ${what}`, () => {
    assert.throws(() => parsePem(text), malformed);
  });
}

test("refuses to write a header that would read back as something else", () => {
  for (const value of ["a\nrole: root", "a\rb", " padded", "padded "]) {
    assert.throws(() => serialisePem(block({ role: value })), malformed);
  }
  for (const name of ["", "a:b", "a\nb", " a"]) assert.throws(() => serialisePem(block({ [name]: "x" })), malformed);
});

test("refuses to write a label that would not read back", () => {
  for (const label of ["", "a", "X-----\n", "X ", " X"]) {
    assert.throws(() => serialisePem({ label, headers: new Map(), bytes: Buffer.of(1) }), malformed);
  }
});

const word = fc.stringMatching(/^[!-9;-~]([ -9;-~]{0,20}[!-9;-~])?$/);
test("round trip: blocks survive", () => {
  const blocks = fc.array(
    fc.record({
      label: fc.stringMatching(/^[A-Z]{1,5}( [A-Z]{1,5}){0,3}$/),
      headers: fc.dictionary(word, fc.oneof(word, fc.constant("")), { maxKeys: 5, noNullPrototype: true }),
      bytes: fc.uint8Array({ maxLength: 200 }),
    }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(blocks, (given) => {
      const written = given.map(({ label, headers, bytes }) => ({
        label,
        headers: new Map(Object.entries(headers)),
        bytes,
      }));
      const read = parsePem(written.map(serialisePem).join(""));
      assert.deepEqual(
        read.map(({ label, headers, bytes }) => [
          label,
          Object.fromEntries(headers),
          Buffer.from(bytes).toString("hex"),
        ]),
        written.map(({ label, headers, bytes }) => [
          label,
          Object.fromEntries(headers),
          Buffer.from(bytes).toString("hex"),
        ]),
      );
    }),
    { numRuns: fuzzRuns },
  );
});

test("fuzz: refuses or reads hostile text, and writes again what it read", () => {
  const seed = Buffer.from(serialisePem(block({ role: "targets", gun: "localhost:5000/a" })));
  fc.assert(
    fc.property(hostileBytes(seed, Buffer.concat([seed, seed])), (hostile) => {
      for (const read of parsedOrRefused(() => parsePem(hostile.toString("utf8"))) ?? []) {
        const text = parsedOrRefused(() => serialisePem(read));
        if (text !== undefined) assert.deepEqual(parsePem(text)[0]?.headers, read.headers);
      }
    }),
    { numRuns: fuzzRuns },
  );
});
