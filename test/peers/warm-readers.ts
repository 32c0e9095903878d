/** docker, notary and tagseal on a machine each, whose caches remember what they have read, and what each says. */
import assert from "node:assert/strict";
import { type RestoreStory, tagseal } from "../server/restore-story.ts";
import { trustOn } from "../support/docker-words.ts";
import type { Client } from "../support/peers.ts";
import { tagsSeenByDocker, tagsSeenByNotary } from "../support/trust-readers.ts";

/** Readers with warm caches. */
export class WarmReaders {
  readonly docker: Client;
  readonly notary: Client;
  readonly tagseal: Client;
  readonly gun: string;

  constructor(story: Pick<RestoreStory, "user">, gun: string, when = "then") {
    const name = `${gun.replaceAll(/\W/gu, "-")}-${when}`;
    this.docker = story.user(`docker-${name}`);
    this.notary = story.user(`notary-${name}`);
    this.tagseal = story.user(`tagseal-${name}`);
    this.gun = gun;
  }

  /** All of them see these tags. */
  async see(...tags: readonly string[]): Promise<void> {
    const wanted = tags.toSorted();
    assert.deepEqual(Object.keys(await tagsSeenByDocker(this.docker, this.gun)), wanted);
    assert.deepEqual(Object.keys(await tagsSeenByNotary(this.notary, this.gun)), wanted);
    const { code, stdout, stderr } = await tagseal(this.tagseal, "list", "--json", this.gun);
    assert.equal(code, 0, stderr);
    assert.deepEqual((JSON.parse(stdout) as { tag: string }[]).map(({ tag }) => tag).toSorted(), wanted);
  }

  /** All of them refuse; in these words. */
  async refuse(words: { readonly docker: RegExp; readonly notary: RegExp; readonly tagseal: RegExp }): Promise<void> {
    const docker = await this.docker.docker(["pull", `${this.gun}:v1`], { env: trustOn });
    const notary = await this.notary.notary(["list", this.gun]);
    const ours = await tagseal(this.tagseal, "list", this.gun);
    for (const { code, stdout, stderr } of [docker, notary, ours]) assert.notEqual(code, 0, stdout + stderr);
    assert.match(docker.stderr + docker.stdout, words.docker);
    assert.match(notary.stderr + notary.stdout, words.notary);
    assert.match(ours.stderr, words.tagseal);
  }
}
