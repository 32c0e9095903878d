/** How often one client may ask, and what a request is called. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serve, type TestServer } from "./running-server.ts";
import { readTags, tufUrl, UploadingPublisher } from "./uploading-publisher.ts";

const gun = "docker.io/library/alpine";

function ask(server: TestServer, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}${path}`, init);
}

const from = (client: string): RequestInit => ({ headers: { "X-Forwarded-For": client } });

describe("a pace for each client", () => {
  it("I1: is kept for reads, uploads and key requests, each for itself; the refusal says when to come again", async (t) => {
    const limits = { readsPerMinute: 4, uploadsPerMinute: 2, keyRequestsPerMinute: 3 };
    const server = await serve(t, { limits });
    const publisher = await new UploadingPublisher(server.url, gun).begin();
    const key = `${tufUrl("", "stranger/app")}timestamp.key`;
    const statuses = [await ask(server, key), await ask(server, key), await ask(server, key, { method: "POST" })];
    assert.deepEqual(
      statuses.map(({ status }) => status),
      [200, 429, 429],
    );
    assert.deepEqual(await readTags(server.url, gun), ["v1"]);
    assert.equal((await ask(server, "/v2/")).status, 429);
    assert.equal((await publisher.addTag("v2")).status, 200);
    const refused = await publisher.addTag("v3");
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get("retry-after"), "30");
    assert.equal(
      await refused.text(),
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"too many requests","detail":"at most 2 a minute"}]}\n',
    );
    for (const free of ["/_notary_server/health", "/_tagseal/live", "/_tagseal/ready", "/openapi.json", "/metrics"]) {
      assert.equal((await ask(server, free)).status, 200, free);
    }
    const text = await (await ask(server, "/metrics")).text();
    assert.match(text, /^tagseal_server_limited_keys_total 2$/mu);
    assert.match(text, /^tagseal_server_limited_uploads_clients 1$/mu);
  });

  it("is the one that a trusted proxy names, and cannot be invented", async (t) => {
    const limits = { readsPerMinute: 1 };
    const behind = await serve(t, { limits, trustedProxies: ["127.0.0.0/8"] });
    assert.equal((await ask(behind, "/v2/", from("203.0.113.1"))).status, 200);
    assert.equal((await ask(behind, "/v2/", from("203.0.113.1"))).status, 429);
    assert.equal((await ask(behind, "/v2/", from("203.0.113.2, 203.0.113.1"))).status, 429);
    assert.equal((await ask(behind, "/v2/", from("203.0.113.2"))).status, 200);
    const open = await serve(t, { limits });
    assert.equal((await ask(open, "/v2/", from("203.0.113.1"))).status, 200);
    assert.equal((await ask(open, "/v2/", from("203.0.113.2"))).status, 429);
  });

  it("has no limit for reads and uploads unless one is set", async (t) => {
    const server = await serve(t);
    const answers = await Promise.all(Array.from({ length: 300 }, () => ask(server, "/v2/")));
    assert.ok(answers.every(({ status }) => status === 200));
  });

  it("I1: key requests for unpublished names are limited from the start", async (t) => {
    const server = await serve(t);
    const path = (number: number) => `${tufUrl("", `stranger/${number}`)}snapshot.key`;
    const answers = await Promise.all(Array.from({ length: 700 }, (_, number) => ask(server, path(number))));
    assert.ok(answers.some(({ status }) => status === 429));
  });
});

describe("a request's name", () => {
  it("is the one it came with, in the log and with an error, if that looks honest; else a new one", async (t) => {
    const server = await serve(t, { logLevel: "debug", trustedProxies: ["127.0.0.1"] });
    const lastRequest = () => server.lines.findLast(({ event }) => event === "request");
    const named = await ask(server, "/v2/no/such/_trust/tuf/root.json", {
      headers: {
        "X-Request-Id": "edge-1/abc=",
        "User-Agent": `a${"b".repeat(1000)}`,
        "X-Forwarded-For": "203.0.113.5",
      },
    });
    assert.equal(named.headers.get("x-request-id"), "edge-1/abc=");
    assert.equal(lastRequest()?.["requestId"], "edge-1/abc=");
    assert.equal(lastRequest()?.["remote"], "203.0.113.5");
    assert.equal(lastRequest()?.["userAgent"], `a${"b".repeat(159)}`);
    for (const hostile of ["a b", "x".repeat(129), '"', "{}"]) {
      const { headers } = await ask(server, "/nowhere", { headers: { "X-Request-Id": hostile } });
      assert.match(headers.get("x-request-id") ?? "", /^[\da-f-]{36}$/u);
      assert.equal(lastRequest()?.["requestId"], headers.get("x-request-id"));
    }
    await ask(server, "/v2/");
    assert.match(String(lastRequest()?.["requestId"]), /^[\da-f-]{36}$/u);
    assert.equal(lastRequest()?.["level"], "debug");
  });
});
