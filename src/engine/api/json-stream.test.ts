import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readJsonStream, type StreamItem } from "./json-stream.ts";

async function* pieces(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === "string" ? Buffer.from(text) : text;
}

async function itemsIn(body: AsyncIterable<Uint8Array>): Promise<StreamItem[]> {
  const items: StreamItem[] = [];
  for await (const item of readJsonStream(body)) items.push(item);
  return items;
}

const read = (...texts: readonly (string | Uint8Array)[]): Promise<StreamItem[]> => itemsIn(pieces(...texts));

const refused = { code: "ENGINE_RESPONSE_MALFORMED" };

describe("an engine's stream of JSON", () => {
  it("is read line by line, however it was cut", async () => {
    const text = '{"status":"Preparing","progressDetail":{},"id":"a"}\r\n{"status":"é"}\r\n';
    const whole = await read(text);
    assert.deepEqual(whole, await read(...Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte))));
    assert.deepEqual(whole[1], {
      kind: "message",
      message: { id: undefined, status: "é", progress: undefined, stream: undefined },
    });
  });

  it("may end without a line end, and may have empty lines", async () => {
    assert.equal((await read('\n\r\n{"status":"a"}\n\n{"status":"b"}')).length, 2);
  });

  it("reports progress with and without numbers", async () => {
    const [first, second] = await read(
      '{"id":"a","progressDetail":{}}\n{"id":"a","progressDetail":{"current":5,"total":9}}',
    );
    assert.deepEqual(first?.kind === "message" && first.message.progress, {
      current: 0,
      total: 0,
      units: undefined,
      hideCounts: false,
    });
    assert.deepEqual(second?.kind === "message" && second.message.progress?.current, 5);
  });

  it("ends in docker's words when the engine fails, in either form", async () => {
    assert.deepEqual(await read('{"errorDetail":{"message":"denied"},"error":"denied"}'), [
      { kind: "error", message: "denied" },
    ]);
    assert.deepEqual(await read('{"errorDetail":{"code":1,"message":"denied"}}'), [
      { kind: "error", message: "denied" },
    ]);
  });

  it("carries facts for programs", async () => {
    const [item] = await read('{"progressDetail":{},"aux":{"Tag":"v1","Size":6.5536e+07}}');
    assert.ok(item?.kind === "aux");
    assert.deepEqual({ ...item.aux }, { Tag: "v1", Size: 65_536_000 });
  });

  it("takes members of wrong types for absent", async () => {
    assert.deepEqual(await read('{"id":7,"status":["x"],"progressDetail":{"current":"9","total":-1},"aux":3}'), [
      {
        kind: "message",
        message: {
          id: undefined,
          status: "",
          progress: { current: 0, total: 0, units: undefined, hideCounts: false },
          stream: undefined,
        },
      },
    ]);
  });

  it("is refused when a line is not a JSON object", async () => {
    for (const text of ["<html>\n", "[]\n", "null\n", '"x"\n', '{"status":', Uint8Array.of(0xff, 0x0a)]) {
      await assert.rejects(read(text), refused);
    }
  });

  it("I1: is refused as soon as a line is longer than any engine's, before it is parsed", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; sent < 1000; sent++) yield new Uint8Array(64 * 1024).fill(0x20);
    }
    await assert.rejects(itemsIn(endless()), refused);
    assert.ok(sent < 20, `${sent} chunks were read`);
  });
});
