/**
 * I3, I7: a trust server is restored from a backup that is older than what people have published and read since. docker, notary and tagseal,
 * each with a warm cache, then take the server for an attacker, and continue once one of their machines has sent back what was lost.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rotateKey } from "../../src/trust/rotation/rotate.ts";
import { addSigner } from "../../src/trust/signers/signer.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import type { TrustContext } from "../../src/trust/trust-context.ts";
import { type Client, missingPeers, Scope } from "../support/peers.ts";
import { RestoreStory, tagseal } from "../server/restore-story.ts";
import { WarmReaders } from "./warm-readers.ts";
import { tagOf } from "../trust/trust-story.ts";

const goingBack = {
  docker: /potential malicious behavior|trust data is out of date|lower than current version/u,
  notary: /potential malicious behavior|lower than current version/u,
  tagseal: /METADATA_VERSION_ROLLBACK/u,
};

const otherKeys = {
  docker: /valid signatures did not meet threshold|potential malicious behavior|could not rotate trust|certificate/u,
  notary: /valid signatures did not meet threshold|potential malicious behavior|could not rotate trust|lower than/u,
  tagseal: /METADATA_(?:THRESHOLD_NOT_MET|VERSION_ROLLBACK)|ROOT_ROTATION_REFUSED/u,
};

describe("after a backup was restored", { skip: missingPeers(["docker", "notary", "openssl"]) }, () => {
  const scope = new Scope("restored-backup");
  let story: RestoreStory;
  before(async () => {
    story = await RestoreStory.begin(scope);
  });
  after(async () => await scope.close());

  /** A repository with the tag `v1`, and who owns it. */
  async function owned(gun: string): Promise<TrustContext> {
    const owner = await story.open(story.user("owner"), gun);
    await signTags(owner, [tagOf("v1")]);
    return owner;
  }

  /** Runs `tagseal trust recover-server` and expects this report. */
  async function recovered(user: Client, argv: readonly string[], report: RegExp): Promise<void> {
    const { code, stdout, stderr } = await tagseal(user, "trust", "recover-server", ...argv);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, report);
  }

  /** `v2` and `v3`, which readers have seen, are lost to a restored backup. */
  async function lostPushes(gun: string) {
    const owner = await owned(gun);
    const backup = await story.backUp();
    for (const tag of ["v2", "v3"]) await signTags(owner, [tagOf(tag)]);
    const readers = new WarmReaders(story, gun);
    await readers.see("v1", "v2", "v3");
    await story.restore(backup);
    return { owner, readers };
  }

  /** What the server does by itself, half a timestamp's life later, is lost to a restored backup; readers have seen it. */
  async function lostRenewals(gun: string) {
    const owner = await owned(gun);
    const backup = await story.backUp();
    await story.raise("--by", "2", gun);
    const readers = new WarmReaders(story, gun);
    await readers.see("v1");
    await story.restore(backup);
    await readers.refuse(goingBack);
    return { owner, readers };
  }

  it("lost pushes come back from a docker reader's cache, without a key", async () => {
    const gun = "localhost:5000/lost/pushes";
    const { owner, readers } = await lostPushes(gun);
    await readers.refuse(goingBack);
    await recovered(
      readers.docker,
      ["--dry-run", gun],
      /^\S+: would send targets 3, snapshot 3; would raise the versions above timestamp 3$/mu,
    );
    await readers.refuse(goingBack);
    await recovered(
      readers.docker,
      ["--all"],
      /^\S+: sent targets 3, snapshot 3; raised the versions above timestamp 3$/mu,
    );
    await readers.see("v1", "v2", "v3");
    await recovered(readers.notary, [gun], /: already up to date$/mu);
    await signTags(owner, [tagOf("v4")]);
    await readers.see("v1", "v2", "v3", "v4");
  });

  it("a lost signer and the tags that only the signer has signed come back from a notary reader's cache", async () => {
    const gun = "localhost:5000/lost/signers";
    const owner = await owned(gun);
    const backup = await story.backUp();
    const key = (await owner.keys.make({ role: "alice" }, "ecdsa")) ?? assert.fail("the store makes keys");
    await addSigner(owner, "alice", [key.publicKey]);
    await signTags(owner, [tagOf("v2")]);
    const readers = new WarmReaders(story, gun);
    await readers.see("v1", "v2");
    await story.restore(backup);
    await readers.refuse(goingBack);
    await recovered(readers.notary, [gun], /: sent targets \d, targets\/alice \d, targets\/releases \d, snapshot \d/mu);
    await readers.see("v1", "v2");
  });

  it("lost rotations come back root by root from the publisher's cache", async () => {
    const gun = "localhost:5000/lost/rotations";
    const owner = await owned(gun);
    const early = new WarmReaders(story, gun);
    await early.see("v1");
    const backup = await story.backUp();
    for (const role of ["targets", "root", "snapshot"] as const) await rotateKey(owner, role);
    await signTags(owner, [tagOf("v2")]);
    const late = new WarmReaders(story, gun, "late");
    await late.see("v1", "v2");
    await story.restore(backup);
    await late.refuse(otherKeys);
    await early.see("v1");
    const { code, stderr } = await tagseal(late.docker, "trust", "recover-server", gun);
    assert.equal(code, 1);
    assert.match(stderr, /root 2, 3 is not remembered on this machine\nhint: .*publisher's.*\[RECOVERY_REFUSED\]/u);
    await recovered(story.user("owner"), [gun], /: sent root 2, root 3, root 4, targets \d, snapshot \d; raised/mu);
    for (const readers of [early, late]) await readers.see("v1", "v2");
    await signTags(owner, [tagOf("v3")]);
    for (const readers of [early, late]) await readers.see("v1", "v2", "v3");
  });

  for (const databases of [["metadata.db", "signer.db"], ["metadata.db"]] as const) {
    it(`lost rotations of the timestamp key come back when ${databases.join(" and ")} were restored`, async () => {
      const gun = `localhost:5000/lost/timestamps-${databases.length}`;
      const owner = await owned(gun);
      const backup = await story.backUp();
      for (let count = 0; count < 2; count += 1) await rotateKey(owner, "timestamp");
      const readers = new WarmReaders(story, gun);
      await readers.see("v1");
      await story.restore(backup, databases);
      await readers.refuse(otherKeys);
      await recovered(story.user("owner"), [gun], /: sent root 2, root 3, snapshot \d; raised .* timestamp 3$/mu);
      await readers.see("v1");
      await rotateKey(owner, "timestamp");
      await readers.see("v1");
    });
  }

  it("a lost repository comes back, and so does what was published to it", async () => {
    const gun = "localhost:5000/lost/repository";
    const backup = await story.backUp();
    const owner = await owned(gun);
    await signTags(owner, [tagOf("v2")]);
    const readers = new WarmReaders(story, gun);
    await readers.see("v1", "v2");
    await story.restore(backup);
    const refused = await tagseal(readers.tagseal, "list", gun);
    assert.notEqual(refused.code + refused.stderr.length, 0);
    await recovered(readers.docker, [gun], /: sent root 1, targets 2, snapshot 2; raised .* timestamp 2$/mu);
    await readers.see("v1", "v2");
    await signTags(owner, [tagOf("v3")]);
    await readers.see("v1", "v2", "v3");
  });

  it("a repository whose deletion was lost is deleted again, and is not brought back by a machine that remembers it", async () => {
    const gun = "localhost:5000/lost/deletion";
    await owned(gun);
    const readers = new WarmReaders(story, gun);
    await readers.see("v1");
    const backup = await story.backUp();
    await story.delete(gun);
    await story.restore(backup);
    await readers.see("v1");
    await story.delete(gun);
    const { code, stderr } = await tagseal(readers.docker, "trust", "recover-server", gun);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /was deleted on localhost:\d+: it is not brought back\nhint: .*--undelete.*\[RECOVERY_REFUSED\]/u,
    );
    await recovered(readers.docker, ["--undelete", gun], /: sent root 1, targets 1, snapshot 1/mu);
    await readers.see("v1");
  });

  it("lost renewals are raised above, by the age of the backup, and a second time nothing happens", async () => {
    const gun = "localhost:5000/lost/renewals";
    const { owner, readers } = await lostRenewals(gun);
    assert.match(
      await story.raise("--backup-age", "1h", "--dry-run", gun),
      /: would raise timestamp 1 to 3603, snapshot 1 to 3603$/mu,
    );
    await readers.refuse(goingBack);
    assert.match(
      await story.raise("--backup-age", "1h", "--all"),
      /renewals: raised timestamp 1 to 3603, snapshot 1 to 3603$/mu,
    );
    await readers.see("v1");
    assert.match(await story.raise("--backup-age", "1h", gun), /: raised already$/mu);
    await signTags(owner, [tagOf("v2")]);
    await readers.see("v1", "v2");
  });

  it("lost renewals also come back from a reader's cache", async () => {
    const gun = "localhost:5000/lost/timestamps";
    const { readers } = await lostRenewals(gun);
    await recovered(readers.tagseal, [gun], /: sent snapshot 3; raised the versions above timestamp 3$/mu);
    await readers.see("v1");
  });

  it("pushes come back as well after the server was raised first", async () => {
    const gun = "localhost:5000/lost/raised-first";
    const { readers } = await lostPushes(gun);
    await story.raise("--by", "1000", gun);
    // docker and notary would forget what they saw; ours does not
    assert.match((await tagseal(readers.tagseal, "list", gun)).stderr, /METADATA_VERSION_ROLLBACK/u);
    await recovered(readers.docker, [gun], /: sent targets 3$/mu);
    await readers.see("v1", "v2", "v3");
  });

  it("where the owner signs the snapshot, its lost versions come back, and raising says that it cannot", async () => {
    const gun = "localhost:5000/lost/owners-snapshot";
    const owner = story.user("notary-owner");
    const content = join(owner.dockerConfig, "content");
    writeFileSync(content, "hello\n");
    await owner.notaryOk(["init", gun, "-p"]);
    await owner.notaryOk(["add", "-p", gun, "v1", content]);
    const backup = await story.backUp();
    await owner.notaryOk(["add", "-p", gun, "v2", content]);
    const readers = new WarmReaders(story, gun);
    await readers.see("v1", "v2");
    await story.restore(backup);
    await readers.refuse(goingBack);
    assert.match(await story.raise("--by", "100", gun), /timestamp \d to \d+; its owner signs the snapshot/u);
    // notary takes the old snapshot now and then once the timestamp is newer, and forgets what it saw; ours never does
    assert.match((await tagseal(readers.tagseal, "list", gun)).stderr, goingBack.tagseal);
    await recovered(readers.tagseal, [gun], /: sent targets \d, snapshot \d$/mu);
    await readers.see("v1", "v2");
    await owner.notaryOk(["add", "-p", gun, "v3", content]);
    await readers.see("v1", "v2", "v3");
  });

  it("what was published since the restore stays, and the lost tags are named to be signed again", async () => {
    const gun = "localhost:5000/lost/replaced";
    const owner = await owned(gun);
    const backup = await story.backUp();
    await signTags(owner, [tagOf("lost")]);
    const readers = new WarmReaders(story, gun);
    await readers.see("v1", "lost");
    await story.restore(backup);
    // the same keys, on a machine that has seen nothing of what was lost
    await signTags(await story.open(story.user("elsewhere"), gun, story.user("owner")), [tagOf("new")]);
    const { code, stdout, stderr } = await tagseal(readers.docker, "trust", "recover-server", gun);
    assert.equal(code, 0);
    assert.match(stdout, /not sent: targets 2$/mu);
    assert.match(
      stderr,
      /something else was published as targets 2 since the restore: sign the tags that are missing again/u,
    );
    await readers.see("v1", "new");
  });
});
