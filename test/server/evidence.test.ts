/** What an operator can prove from the log about a publication. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { startFields } from "../../src/server/start-line.ts";
import { serve } from "./running-server.ts";
import { serverKey, UploadingPublisher } from "./uploading-publisher.ts";

it("the log says who published and deleted what, signed by which keys", async (t) => {
  const { url, lines } = await serve(t);
  const publisher = await new UploadingPublisher(url, "a/app").begin();
  assert.equal((await publisher.addTag("v2")).status, 200);
  const found = lines.filter(({ event }) => event === "published");
  const [first = assert.fail(), second = assert.fail()] = [found[0], found.at(-1)];
  assert.match(String(first["keysAdded"]), /root [0-9a-f]{64}.*timestamp [0-9a-f]{64}/u);
  assert.equal(second["remote"], "127.0.0.1");
  assert.match(String(second["requestId"]), /\S/u);
  assert.match(String(second["signedBy"]), /targets [0-9a-f]{64}.*snapshot [0-9a-f]{64}/u);
  assert.match(String(second["tagsAdded"]), /^v2@sha256:[0-9a-f]{64}$/u);
  for (const absent of ["tagsChanged", "tagsRemoved", "keysAdded", "keysRemoved"])
    assert.equal(second[absent], undefined);

  const key = await serverKey(url, "a/app", "timestamp", "POST");
  const asked = lines.find(({ event }) => event === "a new server key was asked for");
  assert.deepEqual([asked?.["role"], asked?.["keyId"], asked?.["remote"]], ["timestamp", key.keyId, "127.0.0.1"]);

  const headers = { "X-Request-Id": "audit-7" };
  assert.equal((await fetch(`${url}/v2/a/app/_trust/tuf/`, { method: "DELETE", headers })).status, 200);
  const deleted = lines.find(({ event }) => event === "deleted");
  assert.deepEqual([deleted?.["gun"], deleted?.["requestId"], deleted?.["remote"]], ["a/app", "audit-7", "127.0.0.1"]);
});

it("the log's first line and a metric say what runs, and in capitals that everybody may publish", async (t) => {
  const { url, lines } = await serve(t, { version: "1.2.3" });
  const line = lines.find(({ event }) => event === "listening");
  assert.deepEqual(
    [line?.["version"], line?.["storage"], line?.["tls"], line?.["signer"], line?.["mayPublish"]],
    ["1.2.3", "sqlite", false, "local", "EVERYBODY"],
  );
  const text = await (await fetch(`${url}/metrics`)).text();
  assert.match(text, /^tagseal_server_build_info\{version="1\.2\.3",node="24\.[^"]+",storage="sqlite"\} 1$/mu);
});

it("I6: the log's first line names databases without their passwords", () => {
  const database = "postgres://server:s3cret@db.example.com/trust";
  const fields = startFields({ host: "127.0.0.1", port: 0, database, signerDatabase: database });
  assert.equal(fields["database"], "postgres://server@db.example.com/trust");
  assert.ok(!JSON.stringify(fields).includes("s3cret"));
});
