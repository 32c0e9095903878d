/** What probes are told while parts of a server fail, and how long before any reader would notice. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { TagsealError } from "../../src/errors.ts";
import { openServerParts } from "../../src/server/run/server-parts.ts";
import { ServerLog } from "../../src/service/log.ts";
import { SqliteMetadataStore } from "../../src/server/storage/sqlite-metadata-store.ts";
import { waitUntil } from "../support/processes.ts";
import { breakable } from "./replica.ts";
import { serve, temporaryDirectory, type TestServer } from "./running-server.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

interface Answer {
  readonly status: number;
  readonly body: { readonly status: string; readonly reasons: Readonly<Record<string, string>> };
}

async function ask({ url }: TestServer, path: string): Promise<Answer> {
  const response = await fetch(url + path);
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

/** A server whose timestamps live for a few seconds of real time, and a way to break its signer. */
async function shortLivedServer(t: TestContext, timestampMs: number) {
  const dataDir = temporaryDirectory(t);
  const log = new ServerLog({ sink: () => {}, level: "error", now: () => new Date() });
  const parts = await openServerParts({ dataDir }, () => new Date(), log);
  const { signer, breakSigner } = breakable(parts.signer);
  const lifetimes = { timestampMs, snapshotMs: 86_400_000 };
  const server = await serve(t, { dataDir, store: parts.store, signer, lifetimes });
  return { server, breakSigner };
}

describe("probes", () => {
  it("find a server that is well live and ready", async (t) => {
    const server = await serve(t);
    assert.deepEqual(await ask(server, "/_tagseal/live"), { status: 200, body: { status: "live" } });
    assert.deepEqual(await ask(server, "/_tagseal/ready"), { status: 200, body: { status: "ready", reasons: {} } });
  });

  it("I4: show that the signer fails while every reader is still served, and the recovery", async (t) => {
    const { server, breakSigner } = await shortLivedServer(t, 20_000);
    await new UploadingPublisher(server.url, "a/app").begin();
    breakSigner(new TagsealError("STORAGE_FAILED", "the signer is gone"));
    await waitUntil("the probe notices", async () => (await ask(server, "/_tagseal/ready")).body.status === "degraded");
    const { status, body } = await ask(server, "/_tagseal/ready");
    assert.equal(status, 200);
    assert.equal(body.reasons["signer"], "STORAGE_FAILED");
    const health = await fetch(`${server.url}/_notary_server/health`);
    assert.equal(health.status, 503);
    assert.equal(await health.text(), '{"Trust operational":"STORAGE_FAILED"}');
    assert.deepEqual(await readTags(server.url, "a/app"), ["v1"]);
    await waitUntil(
      "timestamps are missed",
      async () => (await ask(server, "/_tagseal/ready")).body.reasons["freshness"] !== undefined,
    );
    const { reasons } = (await ask(server, "/_tagseal/ready")).body;
    assert.match(
      reasons["freshness"] ?? "",
      /cannot be signed again; the first expires in \d+ s|should have been signed again/u,
    );
    assert.deepEqual(await readTags(server.url, "a/app"), ["v1"]);
    assert.ok(
      server.lines.some(({ event, level }) => event === "cannot renew a timestamp in time" && level === "error"),
    );
    const text = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(text, /^tagseal_server_renewals_failed_total [1-9]/mu);
    breakSigner(undefined);
    await waitUntil("all is well", async () => (await ask(server, "/_tagseal/ready")).body.status === "ready");
    assert.ok(server.lines.some(({ event }) => event === "renewed timestamps"));
  });

  it("send no client where the store cannot be read", async (t) => {
    const store = new SqliteMetadataStore({ path: join(temporaryDirectory(t), "metadata.db") });
    const server = await serve(t, { store });
    await store.close();
    const { status, body } = await ask(server, "/_tagseal/ready");
    assert.equal(status, 503);
    assert.equal(body.status, "unready");
    assert.notEqual(body.reasons["store"], undefined);
    assert.equal((await ask(server, "/_tagseal/live")).status, 200);
  });

  it("show where only writing fails, and still send readers", async (t) => {
    const store = new SqliteMetadataStore({ path: join(temporaryDirectory(t), "metadata.db"), maxPages: 30 });
    const server = await serve(t, { store });
    const publisher = await new UploadingPublisher(server.url, "a/app").begin();
    for (let number = 0; (await publisher.addTag(`t${number}`)).status === 200; number += 1);
    const { status, body } = await ask(server, "/_tagseal/ready");
    assert.equal(status, 200);
    assert.equal(body.status, "degraded");
    assert.equal(body.reasons["store"], "STORAGE_FAILED", "and no path");
  });
});
