/** Large uploads over HTTP: checked and committed beside the thread that answers readers, with the same answers as all others. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { sha256 } from "../../src/crypto/sha256.ts";
import { encodeDcz } from "../../src/encoding/dcz.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import { multipartOf } from "../../src/trust/trust-server/multipart-writer.ts";
import { target } from "../support/editing-story.ts";
import { serve } from "./running-server.ts";
import { readCollection, tufUrl, UploadingPublisher, type Upload } from "./uploading-publisher.ts";

const gun = "registry.example.com/team/large";
const count = 3500;

async function story(t: TestContext, options: Partial<ServerOptions> = {}) {
  const server = await serve(t, options);
  const publisher = await new UploadingPublisher(server.url, gun).begin();
  const many = await publisher.signed((editor) => {
    for (let at = 0; at < count; at += 1) editor.addTarget("targets", `t${at}`, target(`t${at}`));
  });
  const metrics = async (): Promise<string> => await (await fetch(`${server.url}/metrics`)).text();
  const sizeRead = async (): Promise<number> => (await readCollection(server.url, gun)).targets.body.targets.size;
  return { server, publisher, many, metrics, sizeRead };
}

/** As the difference from the current targets file. */
async function asDifference(files: Upload, current: Uint8Array): Promise<RequestInit> {
  const { body, contentType } = multipartOf(files);
  const coded = await encodeDcz(body, current, sha256(current));
  const headers = { "content-type": contentType, "content-encoding": "dcz" };
  return { method: "POST", body: Uint8Array.from(coded), headers };
}

describe("a large upload", () => {
  it("I7: is seen by every reader who asks after it was acknowledged, and counted; so is the next one, sent as a difference", async (t) => {
    const { server, publisher, many, metrics, sizeRead } = await story(t);
    assert.equal(await sizeRead(), 1);
    assert.equal((await publisher.send(many)).status, 200);
    assert.equal(await sizeRead(), count + 1);
    const next = await publisher.signed((editor) => editor.addTarget("targets", "next", target("next")));
    const difference = await asDifference(next, many.get("targets") ?? Buffer.alloc(0));
    assert.equal((await fetch(tufUrl(server.url, gun), difference)).status, 200);
    assert.equal(await sizeRead(), count + 2);
    assert.match(await metrics(), /^tagseal_server_large_uploads_total 2$/mu);
    const [, second, third] = server.lines.filter(({ event }) => event === "published");
    assert.match(String(second?.["tagsAdded"]), /and 3480 more$/u);
    assert.match(String(third?.["tagsAdded"]), /^next@sha256:[0-9a-f]{64}$/u);
  });

  it("I7: that comes second is refused as late, and the first one stays", async (t) => {
    const { publisher, many, sizeRead } = await story(t);
    const other = await publisher.signed((editor) => {
      for (let at = 0; at < count; at += 1) editor.addTarget("targets", `u${at}`, target(`u${at}`));
      editor.addTarget("targets", "one more", target("one more"));
    });
    const answers = await Promise.all([publisher.send(many), publisher.send(other)]);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200, 400]));
    const late = answers.find(({ status }) => status === 400);
    assert.match((await late?.text()) ?? "", /"VERSION"/u);
    assert.equal(await sizeRead(), answers[0]?.status === 200 ? count + 1 : count + 2);
  });

  it("I9: whose check needs too much is answered with 413; nothing of it is published, and the next publication is", async (t) => {
    const { server, publisher, many, metrics, sizeRead } = await story(t, { checkBounds: { maxHeapMebibytes: 4 } });
    const refused = await publisher.send(many);
    assert.equal(refused.status, 413);
    assert.match(await refused.text(), /"MALFORMED_UPLOAD".*more memory than the server allows/u);
    assert.match(await metrics(), /^tagseal_server_checks_cut_off_total 1$/mu);
    const line = server.lines.find(({ event }) => event === "publication refused");
    assert.equal(line?.["code"], "UPLOAD_TOO_COSTLY");
    assert.equal((await publisher.addTag("v2")).status, 200);
    assert.equal(await sizeRead(), 2);
  });
});
