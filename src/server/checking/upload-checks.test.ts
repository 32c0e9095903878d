import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { now, target } from "../../../test/support/editing-story.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { nextFiles, serverStory } from "../../../test/support/validating-server.ts";
import { TagsealError } from "../../errors.ts";
import type { CollectionEditor } from "../../tuf/editor.ts";
import { UpdateRefused } from "../../tuf/update-refused.ts";
import { checkUpload, type UploadCheck } from "./checked-upload.ts";
import { type CheckBounds, UploadChecks } from "./upload-checks.ts";

function addMany(editor: CollectionEditor): void {
  for (let at = 0; at < 3000; at += 1) editor.addTarget("targets", `t${at}`, target(`t${at}`));
}

/** A collection, and an upload to it that is large enough for the thread. */
async function largeUpload(edit: (editor: CollectionEditor) => void = addMany) {
  const story = await serverStory();
  const uploads = await nextFiles(story, edit);
  const { server } = story;
  const upload: UploadCheck = {
    gun: "docker.io/library/alpine",
    uploads,
    stored: server,
    keys: server.keys,
    now,
    wantsEvidence: true,
  };
  return { story, upload };
}

function startChecks(t: TestContext, bounds?: CheckBounds): UploadChecks {
  const checks = new UploadChecks(bounds);
  t.after(() => checks.close());
  return checks;
}

it("I7: a large upload is checked in a thread, with the result of the check here, byte for byte", async (t) => {
  const checks = startChecks(t);
  const { upload } = await largeUpload();
  const [there, here] = [await checks.check(upload), await checkUpload(upload)];
  assert.equal(checks.counts.done, 1);
  const described = ({ files }: typeof here) => files.map(({ role, version }) => [role, version]);
  assert.deepEqual(described(there), described(here));
  const [targets, again] = [there, here].map(({ files }) => files.find(({ role }) => role === "targets"));
  assert.ok(Buffer.from(targets?.bytes ?? []).equals(upload.uploads.get("targets") ?? Buffer.alloc(1)));
  assert.equal(targets?.sha256, again?.sha256);
  assert.deepEqual(there.evidence["tagsAdded"], here.evidence["tagsAdded"]);
  assert.match(String(there.evidence["tagsAdded"]), /^t0@sha256:.*and 2980 more$/u);
});

it("I9: what is wrong with a large upload is found in the thread, and said in the same words", async (t) => {
  const checks = startChecks(t);
  const { upload } = await largeUpload();
  const text = Buffer.from(upload.uploads.get("targets") ?? []).toString();
  const targets = Buffer.from(text.replace(/"version":\d+/u, '"version":9'));
  const wrong = { ...upload, uploads: new Map([["targets", targets]]) };
  const refusal = (check: Promise<unknown>): Promise<unknown> =>
    check.then(
      () => assert.fail("it was accepted"),
      (error: unknown) => error,
    );
  const [there, here] = [await refusal(checks.check(wrong)), await refusal(checkUpload(wrong))];
  assert.ok(there instanceof UpdateRefused && here instanceof UpdateRefused);
  assert.deepEqual([there.kind, there.message, there.code], [here.kind, here.message, here.code]);
  assert.equal(checks.counts.done, 1);
});

it("a small upload is checked here, unless what it is compared with is large", async (t) => {
  const checks = startChecks(t);
  const { upload, story } = await largeUpload((editor) => editor.addTarget("targets", "one", target("one")));
  await checks.check(upload);
  assert.equal(checks.counts.done, 0);
  await story.server.upload(await nextFiles(story, addMany));
  const removal = await nextFiles(story, (editor) => {
    for (let at = 0; at < 3000; at += 1) editor.removeTarget("targets", `t${at}`);
  });
  assert.ok((removal.get("targets")?.length ?? 0) < 2000);
  const { evidence } = await checks.check({ ...upload, uploads: removal });
  assert.equal(checks.counts.done, 1);
  assert.match(String(evidence["tagsRemoved"]), /^t0@.*and 2980 more$/u);
});

it("the error of the store is the one that the check ends with", async (t) => {
  const lost = new TagsealError("STORAGE_FAILED", "the store is away");
  const { upload } = await largeUpload();
  const stored = { current: () => Promise.reject(lost) };
  await assert.rejects(startChecks(t).check({ ...upload, stored }), (error) => error === lost);
});

it("I9: an upload whose check is cut off is refused, and not checked elsewhere", async (t) => {
  const { upload } = await largeUpload();
  const costly = startChecks(t, { maxHeapMebibytes: 4 });
  await assert.rejects(costly.check(upload), { code: "UPLOAD_TOO_COSTLY" });
  const broken = join(temporaryDirectory(t), "broken.js");
  writeFileSync(broken, "throw new Error('broken');");
  const unchecked = startChecks(t, { file: pathToFileURL(broken) });
  await assert.rejects(unchecked.check(upload), { code: "UPLOAD_UNCHECKED" });
  assert.deepEqual([costly.counts.ended, unchecked.counts.ended], [1, 1]);
});
