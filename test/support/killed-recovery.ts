/** Recoveries from lost and leaked keys that are killed, and what must hold afterwards. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PrivateKey } from "../../src/crypto/private-key.ts";
import { hasCode } from "../../src/errors.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { tagOf } from "../trust/trust-story.ts";
import type { EvilTrustServer } from "./evil-trust-server.ts";
import { killedAt, type Moment } from "./killed-command.ts";
import { KilledPublisher } from "./killed-publisher.ts";
import type { Scope } from "./processes.ts";

interface Recovery {
  readonly role: string;
  /** of `trust recover` */
  readonly words: readonly string[];
  /** the private key is not here any more */
  readonly isLost: boolean;
  readonly hasSpare?: boolean;
  /** `--key` names a key that is here */
  readonly hasKey?: boolean;
  /** of all repositories with the key: there are two */
  readonly isEverywhere?: boolean;
  /** the repository is deleted and made again */
  readonly isRestart?: boolean;
  /** how many private keys more are here in the end, after those that were removed */
  readonly more: number;
}

/** The recoveries that are killed, by name. */
export const killedRecoveries = {
  "root lost, with a spare": { role: "root", words: ["--lost", "root"], isLost: true, hasSpare: true, more: 1 },
  "root lost, without a spare": {
    role: "root",
    words: ["--lost", "root", "--without-spare"],
    isLost: true,
    isRestart: true,
    more: 2,
  },
  "root leaked": { role: "root", words: ["--leaked", "root", "--remove-old"], isLost: false, more: 0 },
  "root leaked, of all repositories": {
    role: "root",
    words: ["--leaked", "root"],
    isLost: false,
    isEverywhere: true,
    more: 1,
  },
  "repository key lost": { role: "targets", words: ["--lost", "targets"], isLost: true, more: 1 },
  "repository key lost, with another key": {
    role: "targets",
    words: ["--lost", "targets"],
    isLost: true,
    hasKey: true,
    more: 0,
  },
  "repository key leaked": { role: "targets", words: ["--leaked", "targets"], isLost: false, more: 1 },
  "snapshot key lost": { role: "snapshot", words: ["--lost", "snapshot"], isLost: true, more: 0 },
  "key of a signer lost": { role: "targets/alice", words: ["--lost", "alice"], isLost: true, more: 1 },
  "key of a signer leaked": {
    role: "targets/alice",
    words: ["--leaked", "alice", "--remove-old"],
    isLost: false,
    more: 0,
  },
} as const satisfies Readonly<Record<string, Recovery>>;

/** The name of a recovery that is killed. */
export type KilledRecoveryName = keyof typeof killedRecoveries;

/** A recovery with repositories that had the accident. */
class KilledRecovery {
  readonly #recovery: Recovery;
  readonly #publishers: readonly KilledPublisher[];
  readonly #publisher: KilledPublisher;
  #argv: readonly string[] = [];
  #named: readonly (readonly string[])[] = [];
  #kept = 0;

  constructor(recovery: Recovery, scope: Scope, server: EvilTrustServer) {
    this.#recovery = recovery;
    this.#publisher = new KilledPublisher(scope, server);
    const others = recovery.isEverywhere === true ? [new KilledPublisher(scope, server, this.#publisher)] : [];
    this.#publishers = [this.#publisher, ...others];
  }

  async haveAccident(): Promise<void> {
    const { role, isLost } = this.#recovery;
    const { user, keys } = this.#publisher;
    for (const publisher of this.#publishers) await publisher.publish();
    const [used = ""] = await this.#publisher.keysOf(role);
    this.#argv = ["trust", "recover", "--yes", ...this.#recovery.words, ...(await this.#prepare(used))];
    this.#named = await Promise.all(this.#publishers.map(async (publisher) => await publisher.keysOf(role)));
    if (isLost) rmSync(join(user.trustDirectory, "private", `${used}.key`));
    this.#kept = (await keys.list()).length;
  }

  /** @returns words for the command */
  async #prepare(used: string): Promise<readonly string[]> {
    const { hasSpare, hasKey, isEverywhere } = this.#recovery;
    const { user, gun, keys } = this.#publisher;
    if (isEverywhere === true) return ["--all-with-key", used];
    if (hasKey === true) {
      const key = PrivateKey.generate("ecdsa");
      await keys.add(key, { role: "targets", gun });
      return ["--key", key.publicKey.keyId, gun];
    }
    if (hasSpare !== true) return [gun];
    const spare = join(user.dockerConfig, "spare.pem");
    await this.#publisher.runOk(["trust", "root", "add-spare", "--out", spare, gun]);
    return ["--spare", spare, gun];
  }

  async killed(moment: Moment, server: EvilTrustServer): Promise<boolean> {
    const { user } = this.#publisher;
    const directories = [...new Set(this.#publishers.flatMap((publisher) => publisher.directories))];
    const env = { ...user.env, TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" };
    return await killedAt(moment, this.#argv, { server, env, directories });
  }

  /** The keys of the role now, in each repository; undefined where the server does not have it. */
  async keysNow(): Promise<readonly (readonly string[] | undefined)[]> {
    return await Promise.all(this.#publishers.map(async (publisher) => await this.#keysIn(publisher)));
  }

  async #keysIn(publisher: KilledPublisher): Promise<readonly string[] | undefined> {
    // A reader that remembers the old root refuses the new one.
    if (this.#recovery.isRestart === true) publisher.changeReader();
    try {
      await publisher.reads("v1");
      return await publisher.keysOf(this.#recovery.role);
    } catch (error) {
      if (this.#recovery.isRestart === true && hasCode(error, "REPOSITORY_NOT_SIGNED")) return undefined;
      throw error;
    }
  }

  /** Where the keys are those after the recovery, in each repository. Anything other than before and after fails. */
  async areAfter(now: readonly (readonly string[] | undefined)[], where: string): Promise<readonly boolean[]> {
    return await Promise.all(now.map(async (keys, index) => await this.#isAfter(keys, index, where)));
  }

  async #isAfter(now: readonly string[] | undefined, index: number, where: string): Promise<boolean> {
    if (now === undefined) return false;
    const named = this.#named[index] ?? [];
    const added = now.filter((keyId) => !named.includes(keyId));
    if (added.length === 0) {
      assert.deepEqual(now, named, where);
      return false;
    }
    assert.equal(now.length, named.length, `${where}: one key in the place of the old one`);
    assert.equal(added.length, 1, `${where}: one new key`);
    const isHere = (await this.#publisher.keys.find(added[0] ?? "")) !== undefined;
    assert.equal(isHere, this.#recovery.role !== "snapshot", `${where}: its private key is where it belongs`);
    return true;
  }

  /** True when the command, run again, has something to finish. */
  get isToBeFinished(): boolean {
    const { memory } = this.#publisher;
    const remembersOld = this.#recovery.isRestart === true && existsSync(join(memory, "metadata", "root.json"));
    return remembersOld || this.#publishers.some(({ remembersRotation }) => remembersRotation);
  }

  async runAgain(): Promise<void> {
    await this.#publisher.runOk(this.#argv);
  }

  /** All was done, and only not said. A second leak is another accident. */
  async runAfterEnd(where: string): Promise<void> {
    const { isLost, isEverywhere = false } = this.#recovery;
    if (!isLost && !isEverywhere) return;
    const { code, stdout, stderr } = await this.#publisher.run(this.#argv);
    assert.equal(code, 0, `${where}: ${stderr}`);
    assert.match(stdout, /(?:^|: )nothing to do: /u, where);
  }

  async isUsable(where: string): Promise<void> {
    const kept = (await this.#publisher.keys.list()).length;
    assert.equal(kept, this.#kept + this.#recovery.more, `${where}: no key is left over`);
    for (const publisher of this.#publishers) {
      assert.ok(!publisher.remembersRotation, `${where}: nothing is left to finish`);
      await publisher.as("owner", (context) => signTags(context, [tagOf("v2")]));
      await publisher.reads("v2");
    }
  }
}

/**
 * Kills a recovery at a moment, and shows that each repository is before or after it, or deleted and remembered here, and that the
 * command, run again, finishes.
 *
 * @returns false when the command ended before the moment came
 */
export async function surviveKilledRecovery(
  name: KilledRecoveryName,
  moment: Moment,
  { scope, server }: { readonly scope: Scope; readonly server: EvilTrustServer },
): Promise<boolean> {
  const where = `${name}, killed at ${moment.kind} ${moment.number}`;
  const recovery = new KilledRecovery(killedRecoveries[name], scope, server);
  await recovery.haveAccident();
  const wasKilled = await recovery.killed(moment, server);
  const between = await recovery.keysNow();
  const done = await recovery.areAfter(between, where);
  if (wasKilled && done.every(Boolean) && !recovery.isToBeFinished) await recovery.runAfterEnd(where);
  else if (wasKilled) await recovery.runAgain();
  const after = await recovery.keysNow();
  assert.ok((await recovery.areAfter(after, where)).every(Boolean), `${where}: everything is recovered`);
  for (const [index, isDone] of done.entries())
    if (isDone) assert.deepEqual(after[index], between[index], `${where}: what was published is not repeated`);
  for (const keys of after) assert.deepEqual(keys, after[0], `${where}: one key for all`);
  await recovery.isUsable(where);
  return wasKilled;
}
