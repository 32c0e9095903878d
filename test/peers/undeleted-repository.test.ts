/** I3: a repository is deleted by mistake and brought back. Readers with warm caches and publishers continue as if nothing had happened. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { missingPeers, Scope } from "../support/peers.ts";
import { RestoreStory, tagseal } from "../server/restore-story.ts";
import { tagOf } from "../trust/trust-story.ts";
import { WarmReaders } from "./warm-readers.ts";

const isGone = {
  docker: /does not have trust data|No valid trust data|notary\.docker\.io/u,
  notary: /does not have trust data/u,
  tagseal: /REPOSITORY_NOT_SIGNED/u,
};

describe("a repository that comes back", { skip: missingPeers(["docker", "notary", "openssl"]) }, () => {
  const scope = new Scope("undeleted-repository");
  let story: RestoreStory;
  before(async () => (story = await RestoreStory.begin(scope)));
  after(async () => await scope.close());

  it("is the one that docker 28, notary and tagseal remember, and continues from there", async () => {
    const gun = "localhost:5000/deleted/app";
    const owner = await story.open(story.user("owner"), gun);
    for (const tag of ["v1", "v2"]) await signTags(owner, [tagOf(tag)]);
    const [warm, fresh] = [new WarmReaders(story, gun), new WarmReaders(story, gun, "fresh")];
    await warm.see("v1", "v2");
    await story.delete(gun);
    await fresh.refuse(isGone);
    const operator = story.user("operator");
    const place = ["--data", story.dataDir];
    const { code, stdout, stderr } = await tagseal(operator, "server", "undelete", gun, ...place);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^Brought back localhost:5000\/deleted\/app/u);
    await warm.see("v1", "v2");
    await fresh.see("v1", "v2");
    await signTags(owner, [tagOf("v3")]);
    await warm.see("v1", "v2", "v3");
    assert.equal((await tagseal(operator, "server", "check", ...place)).stdout, "");
  });

  it("never takes the place of a repository that readers trust now", async () => {
    const gun = "localhost:5000/deleted/replaced";
    const before = await story.open(story.user("former-owner"), gun);
    await signTags(before, [tagOf("old")]);
    await story.delete(gun);
    const successor = await story.open(story.user("new-owner"), gun);
    await signTags(successor, [tagOf("new")]);
    const readers = new WarmReaders(story, gun);
    await readers.see("new");
    const { code, stderr } = await tagseal(story.user("operator"), "server", "undelete", gun, "--data", story.dataDir);
    assert.equal(code, 1);
    assert.match(stderr, /there is a repository of that name/u);
    await readers.see("new");
  });
});
