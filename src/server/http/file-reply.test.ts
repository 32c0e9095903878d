import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { sha256Hex } from "../../crypto/sha256.ts";
import type { StoredFile } from "../storage/stored-file.ts";
import { consistentCacheControl, currentCacheControl, fileReply } from "./file-reply.ts";

function file(size: number): StoredFile {
  const bytes = Buffer.alloc(size, "abc");
  return {
    role: "targets",
    version: 1,
    sha256: sha256Hex(bytes),
    bytes,
    createdAt: new Date("2026-11-23T03:25:41.500Z"),
  };
}

const caching = { "Cache-Control": "max-age=1" };

describe("a file as a response", () => {
  it("has a date in GMT, a strong tag and the bytes", async () => {
    const small = file(100);
    const { status, headers, body } = await fileReply(small, caching, {});
    assert.equal(status, 200);
    assert.equal(headers["Last-Modified"], "Mon, 23 Nov 2026 03:25:41 GMT");
    assert.equal(headers["ETag"], `"${small.sha256}"`);
    assert.equal(headers["Content-Type"], "text/plain; charset=utf-8");
    assert.deepEqual(body, { latin1: Buffer.from(small.bytes).toString("latin1") });
  });

  for (const header of ["gzip", "deflate, gzip", "gzip;q=1.0, *;q=0.5", "GZIP", "br;q=0.1,gzip", "x-gzip"]) {
    it(`is compressed for ${header}`, async () => {
      const large = file(2000);
      const { headers, body } = await fileReply(large, caching, { "accept-encoding": header });
      assert.equal(headers["Content-Encoding"], "gzip");
      assert.equal(headers["Vary"], "Accept-Encoding");
      assert.equal(headers["ETag"], `"${large.sha256}-gzip"`);
      assert.ok(Buffer.isBuffer(body));
      assert.deepEqual(gunzipSync(body), large.bytes);
    });
  }

  for (const header of [undefined, "identity", "gzip;q=0", "gzip;q=0.000", "notgzip"]) {
    it(`is not compressed for ${header}`, async () => {
      const { headers } = await fileReply(
        file(2000),
        caching,
        header === undefined ? {} : { "accept-encoding": header },
      );
      assert.equal(headers["Content-Encoding"], undefined);
      assert.equal(headers["Vary"], "Accept-Encoding");
    });
  }

  it("is compressed once, for any number of names and of simultaneous requests", async () => {
    const large = file(2000);
    const accepts = { "accept-encoding": "gzip, br" };
    const replies = await Promise.all([
      fileReply(large, caching, accepts),
      fileReply(large, { "Cache-Control": "other" }, accepts),
      fileReply(large, caching, accepts),
    ]);
    assert.deepEqual(
      replies.map(({ headers }) => [headers["Content-Encoding"], headers["ETag"]]),
      replies.map(() => ["br", `"${large.sha256}-br"`]),
    );
    assert.ok(replies.every(({ body }) => body === replies[0]?.body));
  });

  it("is answered under cacheable and uncacheable names at the same time", async () => {
    const same = file(100);
    await fileReply(same, caching, {});
    const { headers } = await fileReply(same, { "Cache-Control": "other" }, {});
    assert.equal(headers["Cache-Control"], "other");
  });

  it("is not compressed when it is small", async () => {
    const { headers } = await fileReply(file(500), caching, { "accept-encoding": "gzip" });
    assert.equal(headers["Content-Encoding"], undefined);
    assert.equal(headers["Vary"], undefined);
  });

  const { sha256 } = file(2000);
  for (const tag of [`"${sha256}"`, `W/"${sha256}"`, `"other", "${sha256}-gzip"`, "*"]) {
    it(`is not sent again to a client that has ${tag.slice(0, 12)}`, async () => {
      const { status, headers, body } = await fileReply(file(2000), caching, { "if-none-match": tag });
      assert.deepEqual([status, body], [304, ""]);
      assert.equal(headers["Cache-Control"], "max-age=1");
      assert.equal(headers["ETag"], `"${sha256}"`);
    });
  }

  it("is sent to a client that has another one", async () => {
    assert.equal((await fileReply(file(2000), caching, { "if-none-match": '"abc"' })).status, 200);
  });

  it("is kept for as long as the reference says", () => {
    const ages = { current: 300, consistent: 2_592_000 };
    assert.equal(currentCacheControl(ages)["Cache-Control"], "public, max-age=300, s-maxage=300, must-revalidate");
    assert.equal(consistentCacheControl(ages)["Cache-Control"], "public, max-age=2592000, s-maxage=2592000");
  });

  it("is not kept when the operator says 0", () => {
    const never = { "Cache-Control": "max-age=0, no-cache, no-store", Pragma: "no-cache" };
    assert.deepEqual(currentCacheControl({ current: 0, consistent: 0 }), never);
    assert.deepEqual(consistentCacheControl({ current: 0, consistent: 0 }), never);
  });
});
