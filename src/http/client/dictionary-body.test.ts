import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { reply, startStory, type StoryServer } from "../../../test/support/story-server.ts";
import { encodeDcz } from "../../encoding/dcz.ts";
import { HttpClient } from "./http-client.ts";
import type { DictionaryOffer } from "./http-request.ts";

const old = Buffer.from(
  Array.from({ length: 500 }, (_, at) => createHash("sha256").update(`${at}`).digest("hex")).join(),
);
const changed = Buffer.concat([old, Buffer.from("one more")]);
const hash = createHash("sha256").update(old).digest();
const offer: DictionaryOffer = { bytes: old, sha256: hash.toString("hex"), maxBytes: changed.length };
const coded = await encodeDcz(changed, old, hash);
const asDifference = { "content-encoding": "dcz" };

function client(t: TestContext): HttpClient {
  const http = new HttpClient();
  t.after(() => http.close());
  return http;
}

async function asked(t: TestContext, url: URL, dictionary: DictionaryOffer | undefined = offer): Promise<Uint8Array> {
  const response = await client(t).request({ method: "GET", url, acceptGzip: true, dictionary });
  return await response.bytes(changed.length);
}

async function answering(
  t: TestContext,
  body: Uint8Array,
  headers: Record<string, string> = asDifference,
): Promise<StoryServer> {
  return await startStory(t, (_, response) => reply(response, 200, body, headers));
}

describe("a body that may come as a difference", () => {
  it("is asked for by the hash of what is here, and decoded", async (t) => {
    const server = await answering(t, coded);
    assert.deepEqual(Buffer.from(await asked(t, server.url("/"))), changed);
    assert.equal(server.headers[0]?.["accept-encoding"], "dcz, gzip");
    assert.equal(server.headers[0]?.["available-dictionary"], `:${hash.toString("base64")}:`);
  });

  it("may come whole nevertheless", async (t) => {
    assert.deepEqual(Buffer.from(await asked(t, (await answering(t, changed, {})).url("/"))), changed);
  });

  it("is offered to nothing but the origin that is asked", async (t) => {
    const other = await answering(t, coded);
    const first = await startStory(t, (_, response) => reply(response, 302, "", { location: other.url("/").href }));
    await assert.rejects(asked(t, first.url("/")), { code: "RESPONSE_MALFORMED" });
    assert.equal(other.headers[0]?.["accept-encoding"], "gzip");
    assert.equal(other.headers[0]?.["available-dictionary"], undefined);
  });

  it("I9: is refused when nothing was offered", async (t) => {
    const response = await client(t).request({ method: "GET", url: (await answering(t, coded)).url("/") });
    await assert.rejects(response.bytes(changed.length), { code: "RESPONSE_MALFORMED" });
  });

  for (const [what, body] of [
    ["from another file", Buffer.concat([coded.subarray(0, 8), Buffer.alloc(32), coded.subarray(40)])],
    ["that is cut off", coded.subarray(0, -12)],
    ["with something behind it", Buffer.concat([coded, Buffer.from("x")])],
    ["that is none", Buffer.from("{}")],
  ] as const) {
    it(`I9: refuses a difference ${what}`, async (t) => {
      await assert.rejects(asked(t, (await answering(t, body)).url("/")), { code: "RESPONSE_MALFORMED" });
    });
  }

  it("I1: refuses a bomb, by its declared length or at the bound", async (t) => {
    const bomb = Buffer.concat([coded.subarray(0, 40), zstdCompressSync(Buffer.alloc(100_000_000))]);
    await assert.rejects(asked(t, (await answering(t, bomb)).url("/")), { code: "RESPONSE_TOO_LARGE" });
  });
});
