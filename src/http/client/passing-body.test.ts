import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { reply, startStory } from "../../../test/support/story-server.ts";
import { HttpClient } from "./http-client.ts";
import type { PassingBody } from "./http-request.ts";

const patienceMs = 300;

function clientFor(t: TestContext): HttpClient {
  const http = new HttpClient({ timeouts: { patienceMs } });
  t.after(() => http.close());
  return http;
}

/** A body that counts how often it is read, and what was read of it. */
function passing(pieces: () => AsyncIterable<Uint8Array>, bytes?: number) {
  const read = { times: 0, bytes: 0 };
  const body: PassingBody = {
    once: true,
    bytes,
    async *open() {
      read.times += 1;
      for await (const piece of pieces()) {
        read.bytes += piece.length;
        yield piece;
      }
    },
  };
  return { body, read };
}

async function* slowly(): AsyncGenerator<Uint8Array> {
  for (const text of ["one ", "two ", "three"]) {
    await pause(patienceMs * 1.5);
    yield Buffer.from(text);
  }
}

async function* without(end: { at: number }): AsyncGenerator<Uint8Array> {
  const piece = Buffer.alloc(64 * 1024);
  for (; end.at > 0; end.at -= piece.length) yield piece;
}

describe("a body that passes by", () => {
  it("is sent as it comes, however slow its source, in chunks where its length is not known", async (t) => {
    const server = await startStory(t, (request, response) => {
      const got: Buffer[] = [];
      request.on("data", (piece: Buffer) => got.push(piece));
      request.on("end", () => reply(response, 200, Buffer.concat(got)));
    });
    const http = clientFor(t);
    for (const bytes of [undefined, 13]) {
      const { body } = passing(slowly, bytes);
      const answer = await http.request({ method: "PATCH", url: server.url("/"), body });
      assert.equal(Buffer.from(await answer.bytes(100)).toString(), "one two three");
      const { "transfer-encoding": coding, "content-length": length } = server.headers.at(-1) ?? {};
      assert.deepEqual([coding, length], bytes === undefined ? ["chunked", undefined] : [undefined, "13"]);
    }
  });

  it("waits for a server that takes nothing: little of it is read, and the server's patience is bounded", async (t) => {
    const server = await startStory(t, (request) => void request.pause());
    const { body, read } = passing(() => without({ at: 256 * 1024 * 1024 }));
    const asked = clientFor(t).request({ method: "PATCH", url: server.url("/"), body });
    await assert.rejects(asked, { code: "NETWORK_TIMEOUT" });
    assert.ok(read.bytes < 16 * 1024 * 1024, `${read.bytes} bytes were read`);
  });

  it("is sent once: not after a redirect, nor again after a closed connection", async (t) => {
    const server = await startStory(t, (request, response) => {
      if (request.url === "/redirect") return reply(response, 307, "", { location: "/" });
      if (request.url === "/close") return void request.socket.destroy();
      return reply(response, 200);
    });
    const http = clientFor(t);
    (await http.request({ method: "GET", url: server.url("/") })).discard();
    for (const [path, code] of [
      ["/redirect", "REDIRECT_REFUSED"],
      ["/close", "NETWORK_UNREACHABLE"],
    ] as const) {
      const { body, read } = passing(() => without({ at: 1024 }));
      const asked = http.request({ method: "PUT", url: server.url(path), body, resend: true });
      await assert.rejects(asked, { code });
      assert.equal(read.times, 1);
      assert.equal(server.seen.filter((line) => line === `PUT ${path}`).length, 1);
    }
  });

  it("that ends too early is not taken for a whole one", async (t) => {
    const ends: boolean[] = [];
    const server = await startStory(t, (request) => {
      request.on("error", () => undefined);
      request.on("close", () => ends.push(request.complete)).resume();
    });
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a part");
      await pause(50);
      throw new Error("the client is gone");
    };
    const asked = clientFor(t).request({ method: "PATCH", url: server.url("/"), body: passing(broken).body });
    await assert.rejects(asked);
    for (let waited = 0; ends.length === 0 && waited < 100; waited += 1) await pause(20);
    assert.deepEqual(ends, [false]);
  });
});
