/** I4: real servers on one directory and the real time: nobody asks for a timestamp, and none ever expires. */

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Scope, waitUntil } from "../support/processes.ts";
import { httpSource, readTags, UploadingPublisher } from "./uploading-publisher.ts";

const scope = new Scope("freshness");
const gun = "docker.io/library/alpine";
const lifetimes = { timestampMs: 6000, snapshotMs: 86_400_000 };

async function startReplica(name: string): Promise<string> {
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

describe("two servers on one directory", () => {
  after(async () => await scope.close());

  it("sign a timestamp again and again, each time once and before it expires, also when one of them is gone", async () => {
    const [one, two] = [await startReplica("one"), await startReplica("two")];
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
    assert.deepEqual(await readTags(one, gun), ["v1"]);
    assert.deepEqual(await readTags(two, gun), ["v1"]);
    const text = await (await fetch(`${one}/metrics`)).text();
    assert.match(text, /^tagseal_server_renewals_failed_total 0$/mu);
    assert.match(text, /^tagseal_server_next_expiry_seconds [\d.]+$/mu);
    assert.ok((await httpSource(one, gun).fetch("1.timestamp", 1000)).length > 0);
  });
});
