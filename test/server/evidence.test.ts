/** What an operator can prove from the log about a publication. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { serve } from "./running-server.ts";
import { UploadingPublisher } from "./uploading-publisher.ts";

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

  const headers = { "X-Request-Id": "audit-7" };
  assert.equal((await fetch(`${url}/v2/a/app/_trust/tuf/`, { method: "DELETE", headers })).status, 200);
  const deleted = lines.find(({ event }) => event === "deleted");
  assert.deepEqual([deleted?.["gun"], deleted?.["requestId"], deleted?.["remote"]], ["a/app", "audit-7", "127.0.0.1"]);
});
