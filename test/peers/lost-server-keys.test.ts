/** I3, I4: a trust server lost its keys, and the timestamp they signed last has expired before the owner hands the repository over. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { handOver } from "../../src/trust/recovery/hand-over.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { RestoreStory, tagseal } from "../server/restore-story.ts";
import { missingPeers, Scope, waitUntil } from "../support/peers.ts";
import { tagOf } from "../trust/trust-story.ts";
import { WarmReaders } from "./warm-readers.ts";

const lifetimes = { timestampMs: 4_000, snapshotMs: 86_400_000 };

describe("a server that lost its keys", { skip: missingPeers(["docker", "notary", "openssl"]) }, () => {
  const scope = new Scope("lost-server-keys");
  let story: RestoreStory;
  before(async () => {
    story = await RestoreStory.begin(scope, { lifetimes, acceptLostKeys: true });
  });
  after(async () => await scope.close());

  it("is named again after every timestamp expired; docker, notary and tagseal read on with warm caches", async () => {
    const [app, own] = ["localhost:5000/lost/keys", "localhost:5000/lost/own-snapshot"];
    const owner = await story.open(story.user("owner"), app);
    await signTags(owner, [tagOf("v1")]);
    // As notary begins a repository: its owner signs the snapshot.
    const other = story.user("other");
    await other.notaryOk(["init", "-p", own]);
    const { digest, length } = tagOf("v1");
    const addHash = ["addhash", "-p", own, "v1", `${length}`, "--sha256", digest.slice("sha256:".length)];
    await other.notaryOk(addHash);
    const [readers, others] = [new WarmReaders(story, app), new WarmReaders(story, own)];
    for (const warm of [readers, others]) await warm.see("v1");
    await story.stop();
    for (const ending of ["", "-wal", "-shm"]) rmSync(join(story.dataDir, `signer.db${ending}`), { force: true });
    await story.start();
    for (const gun of [app, own]) {
      const someone = story.user("someone");
      await waitUntil("the timestamp expires", async () =>
        /METADATA_EXPIRED/u.test((await tagseal(someone, "list", gun)).stderr),
      );
    }
    await assert.rejects(signTags(owner, [tagOf("v2")]), { code: "METADATA_EXPIRED" });
    await readers.refuse({ docker: /expired/u, notary: /expired/u, tagseal: /METADATA_EXPIRED/u });
    const rotation = await other.notary(["key", "rotate", own, "timestamp", "-r"]);
    assert.notEqual(rotation.code, 0, rotation.stderr + rotation.stdout);
    assert.match(rotation.stderr + rotation.stdout, /expired/u);
    assert.deepEqual(await handOver(owner), { roles: ["timestamp", "snapshot"] });
    const { code, stdout, stderr } = await tagseal(other, "import", "hand-over", own);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `Handed ${own} over: timestamp\n` }, stderr);
    assert.match(stderr, /^warning: timestamp expired at .*: it counts only for replacing the server's keys\n$/u);
    for (const warm of [readers, others]) await warm.see("v1");
    await signTags(owner, [tagOf("v2")]);
    await other.notaryOk(addHash.with(3, "v2"));
    for (const warm of [readers, others]) await warm.see("v1", "v2");
  });
});
