/** Recoveries from lost and leaked keys that are killed, and what must hold afterwards. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../../src/errors.ts";
import { signTags } from "../../src/trust/publishing/sign.ts";
import { tagOf } from "../trust/trust-story.ts";
import type { EvilTrustServer } from "./evil-trust-server.ts";
import { killedAt, type Moment } from "./killed-command.ts";
import { KilledPublisher } from "./killed-publisher.ts";
import type { Environment, Scope } from "./processes.ts";

interface Recovery {
  readonly role: string;
  /** of `trust recover` */
  readonly words: readonly string[];
  readonly isLost: boolean;
  readonly hasSpare?: boolean;
  /** the repository is deleted and made again */
  readonly isRestart?: boolean;
}

/** The recoveries that are killed, by name. */
export const killedRecoveries = {
  "root lost, with a spare": { role: "root", words: ["--lost", "root"], isLost: true, hasSpare: true },
  "root lost, without a spare": {
    role: "root",
    words: ["--lost", "root", "--without-spare"],
    isLost: true,
    isRestart: true,
  },
  "repository key lost": { role: "targets", words: ["--lost", "targets"], isLost: true },
  "key of a signer lost": { role: "targets/alice", words: ["--lost", "alice"], isLost: true },
  "key of a signer leaked": { role: "targets/alice", words: ["--leaked", "alice", "--remove-old"], isLost: false },
} as const satisfies Readonly<Record<string, Recovery>>;

/** The name of a recovery that is killed. */
export type KilledRecoveryName = keyof typeof killedRecoveries;

/** A recovery with a repository that had the accident. */
class KilledRecovery {
  readonly #publisher: KilledPublisher;
  readonly #recovery: Recovery;
  readonly #spare: string;
  readonly #env: Environment;
  #named: readonly string[] = [];
  #kept = 0;

  constructor(recovery: Recovery, scope: Scope, server: EvilTrustServer) {
    this.#recovery = recovery;
    this.#publisher = new KilledPublisher(scope, server);
    this.#spare = join(this.#publisher.user.dockerConfig, "spare.pem");
    this.#env = { TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" };
  }

  get #argv(): readonly string[] {
    const { words, hasSpare = false } = this.#recovery;
    const spare = hasSpare ? ["--spare", this.#spare] : [];
    return ["trust", "recover", "--yes", ...words, ...spare, this.#publisher.gun];
  }

  async haveAccident(): Promise<void> {
    const { role, isLost, hasSpare = false } = this.#recovery;
    const publisher = this.#publisher;
    await publisher.publish();
    const [used = ""] = await publisher.keysOf(role);
    if (hasSpare) {
      const argv = ["trust", "root", "add-spare", "--out", this.#spare, publisher.gun];
      await publisher.user.tagsealOk(argv, { env: this.#env });
    }
    this.#named = await publisher.keysOf(role);
    if (isLost) rmSync(join(publisher.user.trustDirectory, "private", `${used}.key`));
    this.#kept = (await publisher.keys.list()).length;
  }

  async killed(moment: Moment, server: EvilTrustServer): Promise<boolean> {
    const { user, directories } = this.#publisher;
    return await killedAt(moment, this.#argv, { server, env: { ...user.env, ...this.#env }, directories });
  }

  /** The keys of the role now; undefined when the server does not have the repository. */
  async keysNow(): Promise<readonly string[] | undefined> {
    const publisher = this.#publisher;
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

  /** True for keys before the recovery, false for those after it; anything else fails. */
  async isBefore(now: readonly string[], where: string): Promise<boolean> {
    const added = now.filter((keyId) => !this.#named.includes(keyId));
    if (added.length === 0) {
      assert.deepEqual(now, this.#named, where);
      return true;
    }
    assert.equal(now.length, this.#named.length, `${where}: one key in the place of the old one`);
    assert.equal(added.length, 1, `${where}: one new key`);
    assert.ok(await this.#publisher.keys.find(added[0] ?? ""), `${where}: whose private key is here`);
    return false;
  }

  /** True when the command, run again, has something to finish. */
  get isToBeFinished(): boolean {
    const { memory, remembersRotation } = this.#publisher;
    const remembersOld = this.#recovery.isRestart === true && existsSync(join(memory, "metadata", "root.json"));
    return remembersRotation || remembersOld;
  }

  async runAgain(where: string): Promise<void> {
    const { code, stderr } = await this.#publisher.user.tagseal(this.#argv, { env: this.#env });
    assert.equal(code, 0, `${where}: ${stderr}`);
  }

  /** All was done, and only not said. */
  async runAfterEnd(where: string): Promise<void> {
    if (!this.#recovery.isLost) return;
    const { code, stderr } = await this.#publisher.user.tagseal(this.#argv, { env: this.#env });
    assert.notEqual(code, 0, where);
    assert.match(stderr, /^(?:no \S+ key of .* is lost: \w{64} is on this machine|the spare \w{64} is not)/u, where);
  }

  async isUsable(where: string): Promise<void> {
    const { isLost, isRestart = false } = this.#recovery;
    // The root key and the repository key are made; a leaked key is removed.
    const made = isRestart ? 2 : isLost ? 1 : 0;
    const publisher = this.#publisher;
    assert.equal((await publisher.keys.list()).length, this.#kept + made, `${where}: no key is left over`);
    assert.ok(!publisher.remembersRotation, `${where}: nothing is left to finish`);
    await publisher.as("owner", (context) => signTags(context, [tagOf("v2")]));
    await publisher.reads("v2");
  }
}

/**
 * Kills a recovery at a moment, and shows that the repository is before or after it, or deleted and remembered here, and that the
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
  const isAfter = between !== undefined && !(await recovery.isBefore(between, where));
  if (wasKilled && isAfter && !recovery.isToBeFinished) await recovery.runAfterEnd(where);
  else if (wasKilled) await recovery.runAgain(where);
  const after = (await recovery.keysNow()) ?? assert.fail(`${where}: the repository is not there`);
  assert.ok(!(await recovery.isBefore(after, where)), `${where}: it is recovered`);
  if (isAfter) assert.deepEqual(after, between, `${where}: what was published is finished, not repeated`);
  await recovery.isUsable(where);
  return wasKilled;
}
