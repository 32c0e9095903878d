/** I7: a real server process, killed in the middle of publications, again and again. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "./running-server.ts";
import { readTags, UploadingPublisher } from "./uploading-publisher.ts";

/** TAGSEAL_CRASH_ROUNDS makes the run longer, TAGSEAL_CRASH_SEED repeats one. */
const rounds = Number(process.env["TAGSEAL_CRASH_ROUNDS"] ?? 4);
const seed = Number(process.env["TAGSEAL_CRASH_SEED"] ?? Date.now() % 1_000_000);

/** Numerical Recipes' generator: the moments of death must repeat from a seed, nothing more is asked of them. */
function randomMs(state: { seed: number }, below: number): number {
  state.seed = (Math.imul(state.seed, 1_664_525) + 1_013_904_223) >>> 0;
  return (state.seed / 2 ** 32) * below;
}

interface ServerProcess {
  readonly url: string;
  kill(): Promise<void>;
}

async function startProcess(t: TestContext, dataDir: string): Promise<ServerProcess> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve("./server-process.ts")), dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await exited;
  }
  t.after(kill);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { url: line.toString().trim(), kill };
}

/** Publishes tag after tag until the server is gone, says when the first was acknowledged, and returns all that were. */
async function publishUntilKilled(
  publisher: UploadingPublisher,
  round: number,
  onFirst: () => void,
): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let number = 0; ; number += 1) {
    const name = `r${round}-${number}`;
    try {
      const response = await publisher.addTag(name);
      assert.equal(response.status, 200, await response.text());
      acknowledged.push(name);
      onFirst();
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return acknowledged; // the connection broke
    }
  }
}

interface Round {
  readonly publishers: readonly UploadingPublisher[];
  /** as `GUN:TAG` */
  readonly acknowledged: readonly string[];
}

async function publishRound(t: TestContext, dataDir: string, round: number, lifeMs: number): Promise<Round> {
  const server = await startProcess(t, dataDir);
  const guns = ["one/app", "two/app", "three/app"].map((gun) => `${gun}-${round}`);
  const publishers = await Promise.all(guns.map((gun) => new UploadingPublisher(server.url, gun).begin()));
  // However slow the machine is, a life that acknowledged nothing would show nothing.
  const first = Promise.withResolvers<void>();
  const death = first.promise.then(() => setTimeout(lifeMs)).then(() => server.kill());
  const acknowledged = await Promise.all(
    publishers.map((publisher) => publishUntilKilled(publisher, round, first.resolve)),
  );
  await death;
  return {
    publishers,
    acknowledged: guns.flatMap((gun, index) => (acknowledged[index] ?? []).map((tag) => `${gun}:${tag}`)),
  };
}

describe("a server that is killed", () => {
  it(`I7: keeps what it acknowledged, and every reader verifies (seed ${seed})`, async (t) => {
    const dataDir = temporaryDirectory(t);
    const state = { seed };
    const lives: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      lives.push(await publishRound(t, dataDir, round, 20 + randomMs(state, 250)));
    }
    const server = await startProcess(t, dataDir);
    const found = new Set<string>();
    for (const { gun } of lives.flatMap(({ publishers }) => publishers)) {
      for (const tag of await readTags(server.url, gun)) found.add(`${gun}:${tag}`);
    }
    const acknowledged = lives.flatMap((round) => round.acknowledged);
    assert.ok(acknowledged.length > 0);
    assert.deepEqual(
      acknowledged.filter((tag) => !found.has(tag)),
      [],
    );
    for (const publisher of lives.flatMap(({ publishers }) => publishers)) {
      assert.equal((await (await publisher.resumedAt(server.url)).addTag("afterwards")).status, 200);
    }
  });
});
