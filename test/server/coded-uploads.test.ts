/** Uploads in the coding `dcz`, as a publisher sends them without our client, and hostile ones. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { sha256, sha256Hex } from "../../src/crypto/sha256.ts";
import { encodeDcz } from "../../src/encoding/dcz.ts";
import { multipartOf } from "../../src/trust/trust-server/multipart-writer.ts";
import { target } from "../support/editing-story.ts";
import { serve, type TestServer } from "./running-server.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "registry.example.com/team/app";

interface Story {
  readonly server: TestServer;
  /** what is published now */
  readonly current: Buffer;
  /** the next publication, which adds the tag `next`, and its `targets` */
  readonly next: ReturnType<typeof multipartOf>;
  readonly targets: Uint8Array;
  readonly send: (body: Uint8Array, headers?: Readonly<Record<string, string>>) => Promise<Response>;
}

async function story(t: TestContext): Promise<Story> {
  const server = await serve(t);
  const publisher = await new UploadingPublisher(server.url, gun).begin();
  const many = await publisher.signed((editor) => {
    for (let at = 0; at < 200; at += 1) editor.addTarget("targets", `t${at}`, target(`t${at}`));
  });
  assert.equal((await publisher.send(many)).status, 200);
  const files = await publisher.signed((editor) => editor.addTarget("targets", "next", target("next")));
  const [next, targets] = [multipartOf(files), files.get("targets") ?? assert.fail("no targets")];
  const send: Story["send"] = async (body, headers = { "content-encoding": "dcz" }) =>
    await fetch(tufUrl(server.url, gun), {
      method: "POST",
      body: Uint8Array.from(body),
      headers: { "content-type": next.contentType, ...headers },
    });
  return { server, current: Buffer.from(many.get("targets") ?? []), next, targets, send };
}

const framed = (dictionary: Uint8Array, frame: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from("5e2a4d1820000000", "hex"), sha256(dictionary), frame]);

describe("an upload as the difference from a current file", () => {
  it("is announced with the timestamp, published like a whole one, and counted", async (t) => {
    const { server, current, next, targets, send } = await story(t);
    const timestamp = await fetch(`${tufUrl(server.url, gun)}timestamp.json`);
    assert.equal(timestamp.headers.get("accept-encoding"), "dcz");
    const body = await encodeDcz(next.body, current, sha256(current));
    assert.ok(body.length < 1500, `${body.length} bytes`);
    assert.equal((await send(body)).status, 200);
    assert.ok((await readTags(server.url, gun)).includes("next"));
    const stored = await fetch(`${tufUrl(server.url, gun)}targets.${sha256Hex(targets)}.json`);
    assert.deepEqual(Buffer.from(await stored.arrayBuffer()), Buffer.from(targets));
    assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^tagseal_server_dcz_received_total 1$/mu);
  });

  it("is answered with 415 when the dictionary is not current, or the coding another one: the whole body then counts", async (t) => {
    const { server, current, next, send } = await story(t);
    const other = Buffer.concat([current, Buffer.from(" ")]);
    const unknown = await send(await encodeDcz(next.body, other, sha256(other)));
    const gzip = await send(next.body, { "content-encoding": "gzip" });
    for (const refused of [unknown, gzip]) {
      assert.equal(refused.status, 415);
      assert.equal(refused.headers.get("accept-encoding"), "identity");
      assert.match(await refused.text(), /MALFORMED_UPLOAD/u);
    }
    assert.equal((await send(next.body, {})).status, 200);
    assert.ok((await readTags(server.url, gun)).includes("next"));
  });

  it("I1: is refused when it is longer than an upload may be, before it is decoded", async (t) => {
    const { current, send } = await story(t);
    const size = 49 * 1024 * 1024;
    const bomb = zstdCompressSync(Buffer.alloc(size), { pledgedSrcSize: size });
    assert.equal((await send(framed(current, bomb))).status, 413);
    // The length alone decides: what follows is not even a frame.
    assert.equal((await send(framed(current, bomb.subarray(0, 20)))).status, 413);
  });

  it("I9: changes nothing when it is cut off, followed by something, undeclared or made for another file", async (t) => {
    const { server, current, next, send } = await story(t);
    const body = await encodeDcz(next.body, current, sha256(current));
    // Made with the same bytes in another order: references lead elsewhere.
    const other = await encodeDcz(
      next.body,
      Buffer.concat([current.subarray(2000), current.subarray(0, 2000)]),
      sha256(current),
    );
    const hostile = [
      Buffer.alloc(0),
      body.subarray(0, 40),
      body.subarray(0, -9),
      Buffer.concat([body, Buffer.from("x")]),
      Buffer.concat([body, body.subarray(40)]),
      framed(current, Buffer.from("28b52ffd0058090000", "hex")),
      other,
      Buffer.from(next.body),
    ];
    for (const [at, bytes] of hostile.entries()) assert.equal((await send(bytes)).status, 400, `number ${at}`);
    assert.equal((await send(body, {})).status, 400);
    assert.ok(!(await readTags(server.url, gun)).includes("next"));
  });
});
