import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { clientOf, contentOf, embeddedRegistry, gathered, refusal } from "../../test/support/registry-story.ts";
import { reply, startStory } from "../../test/support/story-server.ts";
import type { RunningRegistry } from "../sandbox/registry/embedded-registry.ts";
import type { BlobContent } from "./blob-upload.ts";

const mebibyte = 1024 * 1024;
const large = contentOf(Buffer.alloc(9 * mebibyte + 5, "large"));
const middle = contentOf(Buffer.alloc(6 * mebibyte, "middle"));
const small = contentOf("small");

/** Answers a request; undefined lets the registry answer. */
type Peculiarity = (request: IncomingMessage) => { status: number; headers?: Record<string, string> } | undefined;

const lengthOf = (request: IncomingMessage): number => Number(request.headers["content-length"] ?? 0);
const isRanged = (request: IncomingMessage): boolean => request.headers["content-range"] !== undefined;
const isUpload = (request: IncomingMessage): boolean => request.url?.includes("/blobs/uploads/") === true;

/** A registry with a peculiarity; `requests` lists the requests of uploads. */
async function peculiar(
  t: TestContext,
  peculiarity: Peculiarity,
): Promise<{ registry: RunningRegistry; requests: string[] }> {
  const registry = await embeddedRegistry(t);
  const requests: string[] = [];
  registry.hooks.intercept = (request: IncomingMessage, response: ServerResponse) => {
    if (isUpload(request)) {
      const words = [request.method, request.headers["content-range"] ?? "", lengthOf(request)];
      requests.push(words.filter((word) => word !== "").join(" "));
    }
    const answer = peculiarity(request);
    if (answer === undefined) return false;
    request.resume();
    response.writeHead(answer.status, answer.headers).end();
    return true;
  };
  return { registry, requests };
}

async function arrives(t: TestContext, registry: { readonly host: string }, blob: BlobContent): Promise<void> {
  const app = clientOf(t, registry);
  assert.equal(await app.pushBlob(blob, { chunkBytes: 8 * mebibyte }), "uploaded");
  assert.equal((await gathered(app.blob(blob.descriptor))).length, blob.descriptor.size);
}

const refusesWays: readonly [what: string, peculiarity: Peculiarity][] = [
  [
    "takes chunks up to 4 MiB only",
    (request) => (isRanged(request) && lengthOf(request) > 4 * mebibyte ? { status: 416 } : undefined),
  ],
  [
    "takes requests up to 4 MiB only",
    (request) => (isUpload(request) && lengthOf(request) > 4 * mebibyte ? { status: 413 } : undefined),
  ],
  [
    "takes requests up to 1 MiB only, as nginx does",
    (request) => (isUpload(request) && lengthOf(request) > mebibyte ? { status: 413 } : undefined),
  ],
  ...[400, 404, 405, 411, 413, 415, 416, 422, 500, 501].map((status): [string, Peculiarity] => [
    `takes no chunks and says ${status}`,
    (request) => (isRanged(request) ? { status } : undefined),
  ]),
  ...[400, 404, 405, 501].map((status): [string, Peculiarity] => [
    `knows no PATCH and says ${status}`,
    (request) => (request.method === "PATCH" ? { status } : undefined),
  ]),
  ...[400, 404, 405, 413].map((status): [string, Peculiarity] => [
    `takes no bytes with a commit and says ${status}`,
    (request) => (request.method === "PUT" && isUpload(request) && lengthOf(request) > 0 ? { status } : undefined),
  ]),
];

for (const [what, peculiarity] of refusesWays) {
  test(`a blob arrives at a registry that ${what}`, async (t) => {
    const { registry } = await peculiar(t, peculiarity);
    for (const blob of [small, large]) await arrives(t, registry, blob);
  });
}

test("a blob that fits into a default chunk, and not into the registry's, arrives", async (t) => {
  for (const [, peculiarity] of refusesWays.slice(0, 3)) {
    const { registry } = await peculiar(t, peculiarity);
    await arrives(t, registry, middle);
  }
});

test("a blob that fits into one request is sent whole, without a range", async (t) => {
  const { registry, requests } = await peculiar(t, () => undefined);
  await arrives(t, registry, middle);
  assert.deepEqual(requests, ["POST 0", `PUT ${6 * mebibyte}`]);
  await arrives(t, registry, contentOf(""));
});

test("chunks are never smaller than the registry's minimum, and a blob below it is no chunk", async (t) => {
  const sent: (string | undefined)[] = [];
  const server = await startStory(t, (request, response) => {
    if (request.method === "HEAD") return reply(response, 404);
    if (request.method === "POST")
      return reply(response, 202, "", { location: "/up/1", "oci-chunk-min-length": "6000" });
    if (request.method !== "GET") sent.push([request.method, request.headers["content-range"]].join(" "));
    request.resume();
    return request.on("end", () => reply(response, request.method === "PUT" ? 201 : 202));
  });
  await clientOf(t, server).pushBlob(contentOf("x".repeat(9_000)), { chunkBytes: 3_000 });
  await clientOf(t, server).pushBlob(contentOf("x".repeat(5_000)), { chunkBytes: 3_000 });
  assert.deepEqual(sent, ["PATCH 0-5999", "PUT 6000-8999", "PUT "]);
});

test("a chunk is read while it is sent: a registry that has only seen its request gets it from a source that has hardly begun", async (t) => {
  const chunkBytes = 64 * mebibyte;
  const piece = Buffer.alloc(256 * 1024);
  const { descriptor } = contentOf("described by the registry alone");
  let read = 0;
  const content: BlobContent = {
    descriptor: { ...descriptor, size: chunkBytes + 1 },
    async *open(offset) {
      for (let at = offset; at <= chunkBytes; at += piece.length) {
        read += piece.length;
        yield piece.subarray(0, chunkBytes + 1 - at);
      }
    },
  };
  const readAtRequest: number[] = [];
  const server = await startStory(t, (request, response) => {
    if (request.method === "HEAD") return reply(response, 404);
    if (request.method === "POST") return reply(response, 202, "", { location: "/up/1" });
    if (request.method !== "GET") readAtRequest.push(read);
    request.resume();
    return request.on("end", () => reply(response, request.method === "PUT" ? 201 : 202));
  });
  assert.equal(await clientOf(t, server).pushBlob(content, { chunkBytes }), "uploaded");
  assert.equal(readAtRequest.length, 2);
  assert.ok((readAtRequest[0] ?? 0) < chunkBytes / 8, `${readAtRequest[0]} bytes`);
});

test("a source with fewer or more bytes than its descriptor says is refused, in whatever chunk", async (t) => {
  for (const actual of [2_000, 5_000, 8_999, 9_001]) {
    const registry = await embeddedRegistry(t);
    const { descriptor } = contentOf("x".repeat(9_000));
    const content = { ...contentOf("x".repeat(actual)), descriptor };
    await refusal(clientOf(t, registry).pushBlob(content, { chunkBytes: 3_000 }), "IMAGE_MALFORMED");
  }
});

test("after a 416 that names another range the upload continues there, whether or not the upload's state can be requested", async (t) => {
  for (const canAsk of [true, false]) {
    let refusals = 0;
    const { registry, requests } = await peculiar(t, (request) => {
      if (!canAsk && request.method === "GET" && isUpload(request)) return { status: 405 };
      if (request.headers["content-range"]?.startsWith("6000-") !== true || refusals++ > 0) return undefined;
      return { status: 416, headers: { range: "0-2999" } };
    });
    // as if the registry had lost its second chunk
    const app = clientOf(t, registry);
    if (canAsk)
      assert.equal(await app.pushBlob(contentOf("0123456789".repeat(1_000)), { chunkBytes: 3_000 }), "uploaded");
    else await app.pushBlob(contentOf("9876543210".repeat(1_000)), { chunkBytes: 3_000 });
    assert.ok(requests.some((line) => line.startsWith(canAsk ? "PATCH 6000-" : "PATCH 3000-")));
  }
});

test("a registry that loses chunks is sent the blob in one piece", async (t) => {
  const received = new Map<string, Buffer>();
  const server = await startStory(t, (request, response) => {
    if (request.method === "HEAD") return reply(response, 404);
    if (request.method === "POST") return reply(response, 202, "", { location: "/up/1" });
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    return request.on("end", () => {
      // each PATCH replaces the one before
      if (request.method === "PATCH") received.set("upload", Buffer.concat(parts));
      const is = (received.get("upload")?.length ?? 0) + (request.method === "PUT" ? lengthOf(request) : 0) === 9_000;
      if (request.method !== "PUT" || is) return reply(response, request.method === "PUT" ? 201 : 202);
      return reply(response, 400, '{"errors":[{"code":"DIGEST_INVALID"}]}');
    });
  });
  assert.equal(await clientOf(t, server).pushBlob(contentOf("x".repeat(9_000)), { chunkBytes: 3_000 }), "uploaded");
});

for (const method of ["POST", "PATCH", "PUT"]) {
  for (const status of [307, 308]) {
    test(`an upload is followed where a ${method} is redirected with ${status}`, async (t) => {
      const { registry } = await peculiar(t, (request) => {
        if (request.method !== method || !isUpload(request) || request.url?.includes("moved=1") === true)
          return undefined;
        const location = `${request.url}${request.url?.includes("?") === true ? "&" : "?"}moved=1`;
        return { status, headers: { location } };
      });
      for (const blob of [small, large]) await arrives(t, registry, blob);
    });
  }
}

test("I9: an upload redirected to another registry continues there, relative to it and without credentials", async (t) => {
  const seen: (string | undefined)[] = [];
  const other = await startStory(t, (request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    request.resume();
    if (request.method === "POST") return reply(response, 202, "", { location: "up/1?state=a%2Bb" });
    return reply(response, request.method === "PUT" ? 201 : 202);
  });
  const server = await startStory(t, (request, response) => {
    if (request.headers.authorization === undefined)
      return reply(response, 401, "", { "www-authenticate": "Basic realm=x" });
    if (request.method === "POST") return reply(response, 307, "", { location: `${other.origin}/v2/x/blobs/uploads/` });
    return reply(response, 404);
  });
  const credentials = () => Promise.resolve({ kind: "basic", username: "me", password: "secret" } as const);
  const app = clientOf(t, server, { credentials });
  assert.equal(await app.pushBlob(small), "uploaded");
  const digest = encodeURIComponent(small.descriptor.digest);
  assert.deepEqual(seen, [
    "POST /v2/x/blobs/uploads/ undefined",
    `PUT /v2/x/blobs/uploads/up/1?state=a%2Bb&digest=${digest} undefined`,
  ]);
});

test("endless redirects of an upload are refused", async (t) => {
  const { registry } = await peculiar(t, (request) =>
    request.method === "POST" ? { status: 307, headers: { location: request.url ?? "" } } : undefined,
  );
  await refusal(clientOf(t, registry).pushBlob(small), "REDIRECT_REFUSED", /more than 5/);
});

test("a blob whose commit answer was lost is found and not sent again", async (t) => {
  const registry = await embeddedRegistry(t);
  const requests: string[] = [];
  registry.hooks.intercept = (request, response) => {
    if (isUpload(request)) requests.push(request.method ?? "");
    if (request.method === "PUT" && isUpload(request)) response.writeHead = () => response.destroy();
    return false;
  };
  assert.equal(await clientOf(t, registry).pushBlob(small), "present");
  assert.equal(requests.filter((method) => method === "POST").length, 1);
});

test("a refusal that is about the repository ends an upload at once", async (t) => {
  const { registry, requests } = await peculiar(t, (request) =>
    request.method === "PUT" || request.method === "PATCH" ? { status: 403 } : undefined,
  );
  await refusal(clientOf(t, registry).pushBlob(small), "AUTHENTICATION_REFUSED");
  assert.deepEqual(requests, ["POST 0", "PUT 5"]);
});

test("a registry that accepts a blob in no way ends the push with its error", async (t) => {
  const { registry } = await peculiar(t, (request) =>
    request.method === "PUT" || request.method === "PATCH" ? { status: 405 } : undefined,
  );
  await refusal(clientOf(t, registry).pushBlob(large), "REGISTRY_ERROR", /status 405/);
});

test("a blob that is longer or shorter than its descriptor is never completed", async (t) => {
  const { registry } = await peculiar(t, (request) => (isRanged(request) ? { status: 400 } : undefined));
  for (const bytes of ["shor", "longer"]) {
    const wrong: BlobContent = { descriptor: small.descriptor, open: () => contentOf(bytes).open(0) };
    await refusal(clientOf(t, registry).pushBlob(wrong), "IMAGE_MALFORMED");
  }
  assert.equal(await clientOf(t, registry).hasBlob(small.descriptor), false);
});

test("a refused mount is no refused blob", async (t) => {
  for (const status of [400, 403, 404, 405]) {
    const { registry } = await peculiar(t, (request) =>
      request.url?.includes("mount=") === true ? { status } : undefined,
    );
    assert.equal(await clientOf(t, registry).pushBlob(small, { mountFrom: "team/base" }), "uploaded");
  }
});

test("a registry that does not say whether it has a blob gets it", async (t) => {
  for (const status of [403, 405]) {
    const { registry } = await peculiar(t, (request) => (request.method === "HEAD" ? { status } : undefined));
    await arrives(t, registry, small);
  }
});
