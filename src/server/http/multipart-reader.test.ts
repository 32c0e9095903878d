import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseMultipart, type UploadLimits } from "./multipart-reader.ts";

const limits: UploadLimits = { maxBytes: 10_000, maxPartBytes: 1000, maxParts: 3 };
const type = "multipart/form-data; boundary=xYz";

function part(fileName: string, content: string): string {
  return (
    `--xYz\r\nContent-Disposition: form-data; name="files"; filename="${fileName}"\r\n` +
    `Content-Type: application/octet-stream\r\n\r\n${content}\r\n`
  );
}

function parse(body: string, contentType: string | undefined = type): [string | undefined, string][] {
  const parts = parseMultipart(Buffer.from(body, "latin1"), contentType, limits);
  return parts.map(({ fileName, bytes }) => [fileName, bytes.toString("latin1")]);
}

describe("a multipart upload", () => {
  it("keeps slashes in file names and bytes as they are", () => {
    const body = `${part("root", "{}\r\n--x")}${part("targets/releases", "\u0000\u00ff")}--xYz--\r\n`;
    assert.deepEqual(parse(body), [
      ["root", "{}\r\n--x"],
      ["targets/releases", "\u0000\u00ff"],
    ]);
  });

  const accepted = [
    { name: "of no parts at all, as the reference client writes it", body: "\r\n--xYz--\r\n", parts: [] },
    { name: "of no parts, without the empty line", body: "--xYz--\r\n", parts: [] },
    { name: "without a final line end", body: `${part("root", "1")}--xYz--`, parts: [["root", "1"]] },
    { name: "with something behind its end", body: `${part("root", "1")}--xYz--\r\nepilogue`, parts: [["root", "1"]] },
    { name: "with an empty part", body: `${part("root", "")}--xYz--`, parts: [["root", ""]] },
    {
      name: "with any field name, escapes and a plain file name",
      body: '--xYz\r\ncontent-disposition: form-data; filename=root.json; name="a;filename=\\"b"\r\n\r\n1\r\n--xYz--',
      parts: [["root.json", "1"]],
    },
    {
      name: "with a part that is not a file",
      body: '--xYz\r\nContent-Disposition: form-data; name="files"\r\n\r\n1\r\n--xYz--',
      parts: [[undefined, "1"]],
    },
  ];
  for (const { name, body, parts } of accepted) {
    it(`is read ${name}`, () => assert.deepEqual(parse(body), parts));
  }

  it("may quote its boundary", () => {
    assert.deepEqual(parse(`${part("root", "1")}--xYz--`, 'Multipart/Form-Data; charset=x; boundary="xYz"'), [
      ["root", "1"],
    ]);
  });

  const refused = [
    { name: "garbage", body: "garbage" },
    { name: "nothing", body: "" },
    { name: "a body cut off inside a part", body: part("root", "12345").slice(0, -4) },
    { name: "a body cut off after a part", body: part("root", "12345") },
    { name: "a body cut off inside the headers", body: part("root", "1").slice(0, 30) },
    { name: "a boundary that is not followed by a line end", body: `${part("root", "1")}--xYzzz` },
    { name: "endless headers of a part", body: `--xYz\r\nX: ${"a".repeat(5000)}\r\n\r\n1\r\n--xYz--` },
  ];
  for (const { name, body } of refused) {
    it(`I1: refuses ${name}`, () => {
      assert.throws(() => parse(body), { wireCode: "MALFORMED_UPLOAD", status: 400 });
    });
  }

  const types = [
    undefined,
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/mixed; boundary=xYz",
  ];
  for (const contentType of [
    ...types,
    `multipart/form-data; boundary=${"b".repeat(80)}`,
    "multipart/form-data; boundary=a\tb",
  ]) {
    it(`refuses the content type ${contentType?.slice(0, 50)}`, () => {
      const body = Buffer.from(`${part("root", "1")}--xYz--`);
      assert.throws(() => parseMultipart(body, contentType, limits), { wireCode: "MALFORMED_UPLOAD", status: 400 });
    });
  }

  it("I1: refuses a part above its bound", () => {
    const body = `${part("root", "a".repeat(1001))}--xYz--`;
    assert.throws(() => parse(body), { wireCode: "MALFORMED_UPLOAD", status: 413 });
  });

  it("I1: refuses more parts than allowed", () => {
    const body = `${part("targets/a", "1").repeat(4)}--xYz--`;
    assert.throws(() => parse(body), { wireCode: "MALFORMED_UPLOAD", status: 413 });
  });

  it("I1: answers any bytes with parts or a refusal, never another error", () => {
    const fragment = fc.oneof(
      fc.constantFrom(
        "--xYz",
        "--",
        "\r\n",
        "\r\n\r\n",
        'Content-Disposition: form-data; filename="',
        '"',
        "\\",
        ";",
        "=",
      ),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 20 }), (fragments) => {
        try {
          parse(fragments.join(""));
        } catch (error) {
          assert.equal((error as { wireCode?: string }).wireCode, "MALFORMED_UPLOAD");
        }
      }),
    );
  });

  it("reads back what it was given, whatever the parts contain", () => {
    const content = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
    const safe = content.filter((text) => !text.includes("\r\n--xYz"));
    fc.assert(
      fc.property(fc.array(safe, { maxLength: 3 }), (contents) => {
        const body = contents.map((text, index) => part(`targets/${index}`, text)).join("");
        assert.deepEqual(
          parse(`${body}--xYz--\r\n`).map(([, text]) => text),
          contents,
        );
      }),
    );
  });
});
