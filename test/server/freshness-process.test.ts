/** I4: real servers on one store and the real time: no client asks for a timestamp, and none ever expires. */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../support/database.ts";
import { missingPeers } from "../support/peers.ts";
import { Scope, waitUntil } from "../support/processes.ts";
import { startReplica } from "./shared-store-story.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

const scope = new Scope("freshness");
const gun = "docker.io/library/alpine";
const lifetimes = { timestampMs: 6000, snapshotMs: 86_400_000 };

/** A server on a directory that others use, too. */
async function startOnDirectory(name: string): Promise<string> {
  const script = fileURLToPath(import.meta.resolve("./server-process.ts"));
  const settings = JSON.stringify({ lifetimes });
  const isUp = (log: () => string): boolean => /^http:/mu.test(log());
  const started = await scope.start(name, process.execPath, [script, scope.path("data"), settings], { ready: isUp });
  return /^http:\S+/mu.exec(started.log())?.[0] ?? "";
}

interface Change {
  readonly Version: number;
  readonly CreatedAt: string;
}

async function changes(url: string): Promise<readonly Change[]> {
  const response = await fetch(`${url}/v2/_trust/changefeed?records=1000`);
  return ((await response.json()) as { records: readonly Change[] }).records;
}

/** Publishes once, looks on for a while, and checks every timestamp that was made meanwhile. */
async function stayFresh(one: string, two: string): Promise<void> {
  await new UploadingPublisher(one, gun).begin();
  await waitUntil("four timestamps", async () => (await changes(two)).length >= 4, 60_000);
  const made = await changes(two);
  assert.deepEqual(
    made.map(({ Version }) => Version),
    made.map((_, index) => index + 1),
  );
  for (const [index, { CreatedAt }] of made.slice(1).entries()) {
    const ageMs = Date.parse(CreatedAt) - Date.parse(made[index]?.CreatedAt ?? "");
    assert.ok(ageMs < lifetimes.timestampMs, `version ${index + 2} came after ${ageMs} ms`);
    assert.ok(ageMs > lifetimes.timestampMs / 4, `version ${index + 2} came after ${ageMs} ms`);
  }
  for (const url of [one, two]) {
    assert.deepEqual(await readTags(url, gun), ["v1"]);
    const text = await (await fetch(`${url}/metrics`)).text();
    assert.match(text, /^tagseal_server_renewals_failed_total 0$/mu);
    assert.match(text, /^tagseal_server_renewed_total 0$/mu);
    assert.match(text, /^tagseal_server_next_expiry_seconds [\d.]+$/mu);
  }
}

describe("two servers on one store", () => {
  after(async () => await scope.close());

  it("sign a timestamp again and again, each time once and before it expires: SQLite", async () => {
    await stayFresh(await startOnDirectory("one"), await startOnDirectory("two"));
  });

  it("…PostgreSQL", { skip: missingPeers(["postgres"]) }, async () => {
    const database = await startPostgres(scope);
    await database.create("freshness", "select 1");
    const start = async (): Promise<string> =>
      (await startReplica(scope, database.url("freshness"), { lifetimes })).url;
    await stayFresh(await start(), await start());
  });
});
