/** What an operator can prove from the log about a publication. */

import assert from "node:assert/strict";
import { it } from "node:test";
import type { CollectionEditor } from "../../src/tuf/editor.ts";
import { startFields } from "../../src/server/run/start-line.ts";
import { target } from "../support/editing-story.ts";
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

it("the log's first line and a metric say what runs, and in capitals that all clients may publish", async (t) => {
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

it("the log names tags that moved or went, of delegations too, the delegations themselves, and what they may sign", async (t) => {
  const { url, lines } = await serve(t);
  const publisher = await new UploadingPublisher(url, "a/app").begin();
  const published = () => lines.findLast(({ event }) => event === "published") ?? assert.fail();
  const send = async (edit: (editor: CollectionEditor) => void): Promise<void> =>
    assert.equal((await publisher.send(await publisher.signed(edit))).status, 200);
  const digest = "sha256:[0-9a-f]{64}";

  const [alice, bob] = [publisher.held.generate(), publisher.held.generate()];
  await send((editor) => {
    editor.removeTarget("targets", "v1");
    editor.addTarget("targets", "v1", target("another v1"));
    editor.addDelegation("targets/alice", { addKeys: [alice], addPaths: ["alice/"] });
  });
  assert.match(String(published()["tagsChanged"]), new RegExp(`^v1@${digest} was ${digest}$`, "u"));
  assert.equal(published()["delegationsAdded"], "targets/alice threshold 1 for alice/");
  assert.equal(published()["keysAdded"], `targets/alice ${alice.keyId}`);

  await send((editor) => {
    editor.removeTarget("targets", "v1");
    editor.addTarget("targets/alice", "alice/v2", target("alice/v2"));
    editor.updateDelegation("targets/alice", { addKeys: [bob], removeKeys: [alice.keyId], addPaths: ["", "a b"] });
  });
  assert.match(String(published()["tagsRemoved"]), new RegExp(`^v1@${digest}$`, "u"));
  assert.match(String(published()["tagsAdded"]), new RegExp(`^alice/v2@${digest} in targets/alice$`, "u"));
  assert.equal(published()["rightsChanged"], 'targets/alice threshold 1 for alice/ * "a b" was threshold 1 for alice/');
  assert.equal(published()["keysAdded"], `targets/alice ${bob.keyId}`);
  assert.equal(published()["keysRemoved"], `targets/alice ${alice.keyId}`);
  assert.match(String(published()["files"]), /targets\/alice 1/u);

  await send((editor) => void editor.removeDelegation("targets/alice"));
  assert.match(String(published()["delegationsRemoved"]), /^targets\/alice threshold 1/u);
  assert.equal(published()["keysRemoved"], `targets/alice ${bob.keyId}`);

  const next = publisher.held.generate();
  await send((editor) => editor.rotateKey("targets", [next]));
  assert.equal(published()["keysAdded"], `targets ${next.keyId}`);
  assert.match(String(published()["keysRemoved"]), /^targets [0-9a-f]{64}$/u);
  const snapshot = await serverKey(url, "a/app", "snapshot", "POST");
  await send((editor) => editor.rotateKey("snapshot", [snapshot]));
  assert.equal(published()["keysAdded"], `snapshot ${snapshot.keyId}`);
});

it("a publication of a thousand tags with long names is one line of bounded length that says how many more there were", async (t) => {
  const { url, lines } = await serve(t);
  const publisher = await new UploadingPublisher(url, "a/app").begin();
  const files = await publisher.signed((editor) => {
    for (let tag = 0; tag < 1000; tag += 1)
      editor.addTarget("targets", `${"x".repeat(300)}${String(tag).padStart(4, "0")}`, target(`${tag}`));
  });
  assert.equal((await publisher.send(files)).status, 200);
  const line = lines.findLast(({ event }) => event === "published") ?? assert.fail();
  assert.equal(String(line["tagsAdded"]).match(/@sha256:[0-9a-f]{64}/gu)?.length, 20, "digests are not cut off");
  assert.match(String(line["tagsAdded"]), /, and 980 more$/u);
  assert.ok(JSON.stringify(line).length < 16_000);
});

it("a tag that looks like two, with a digest of its choice, differs from two tags", async (t) => {
  const { url, lines } = await serve(t);
  const publisher = await new UploadingPublisher(url, "a/app").begin();
  const forged = `v3@sha256:${"0".repeat(64)}, latest`;
  assert.equal((await publisher.addTag(forged)).status, 200);
  const line = lines.findLast(({ event }) => event === "published");
  assert.match(String(line?.["tagsAdded"]), /^"v3@sha256:0{64}, latest"@sha256:[0-9a-f]{64}$/u);
});
