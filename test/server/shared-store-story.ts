/**
 * Replicas of a trust server on one database, publishers who race through all of them, readers who verify, and somebody who breaks
 * things meanwhile. What must hold whatever was broken: one winner for each version, nothing acknowledged lost, nothing read that does
 * not verify, and what one replica acknowledged is there at every other one, unless that one says that it cannot know.
 */

import { fileURLToPath } from "node:url";
import { MetadataError } from "../../src/errors.ts";
import type { ServerOptions } from "../../src/server/run/server-options.ts";
import type { MetadataCache } from "../../src/tuf/updater.ts";
import { updateCollection } from "../../src/tuf/updater.ts";
import { target } from "../support/editing-story.ts";
import { MemoryMetadataCache } from "../support/memory-metadata-cache.ts";
import { waitUntil, type Environment, type Running, type Scope } from "../support/processes.ts";
import { httpSource, readTags, UploadingPublisher } from "./uploading-publisher.ts";

/** One server process. */
export interface ReplicaProcess {
  readonly url: string;
  readonly process: Running;
}

/** Starts a replica on a shared database; its keys are there, too. */
export async function startReplica(
  scope: Scope,
  database: string,
  more: Partial<ServerOptions> = {},
  env: Environment = {},
): Promise<ReplicaProcess> {
  const script = fileURLToPath(import.meta.resolve("./server-process.ts"));
  const options = JSON.stringify({ database, signerPassphrase: "correct horse battery staple", ...more });
  const process = await scope.start("replica", globalThis.process.execPath, [script, scope.path("no-data"), options], {
    env,
    ready: (log) => /^http:/mu.test(log()),
  });
  return { url: /^http:\S+/mu.exec(process.log())?.[0] ?? "", process };
}

/** Verifies a collection at one replica, and says which version its targets have. */
export async function verifyAt(
  url: string,
  gun: string,
  cache: MetadataCache = new MemoryMetadataCache(),
): Promise<number> {
  const { targets } = await updateCollection({ gun, source: httpSource(url, gun), cache, now: new Date() });
  return targets.body.version;
}

/** What is to happen. */
export interface StoryOptions {
  /** where replicas answer now */
  readonly urls: () => readonly string[];
  readonly guns: readonly string[];
  readonly publishersEach: number;
  readonly readers: number;
  /** how long */
  readonly until: Promise<unknown>;
}

/** What happened. */
export interface StoryOutcome {
  readonly acknowledged: readonly { readonly gun: string; readonly tag: string; readonly version: number }[];
  /** publications that came after another publisher's */
  readonly conflicts: number;
  /** publications that were not answered, or with a server's error */
  readonly failures: readonly string[];
  readonly reads: number;
  /** what must never happen */
  readonly violations: readonly string[];
}

/** Publishes and reads, through all replicas and at the same time, for as long as `until` lasts. */
export async function raceOverReplicas(options: StoryOptions): Promise<StoryOutcome> {
  const race = new Race(options);
  return race.run();
}

class Race {
  readonly #options: StoryOptions;
  readonly #acknowledged: { gun: string; tag: string; version: number }[] = [];
  readonly #failures: string[] = [];
  readonly #violations: string[] = [];
  #conflicts = 0;
  #reads = 0;
  #isOver = false;
  #turn = 0;

  constructor(options: StoryOptions) {
    this.#options = options;
  }

  async run(): Promise<StoryOutcome> {
    const { guns, publishersEach, readers, until } = this.#options;
    const owners = await Promise.all(guns.map((gun) => new UploadingPublisher(this.#anyUrl(), gun).begin()));
    const work = [
      ...owners.flatMap((owner) => Array.from({ length: publishersEach }, (_, n) => this.#publish(owner, `p${n}`))),
      ...Array.from({ length: readers }, () => this.#read()),
    ];
    await until.then(() => this.#enough()).finally(() => (this.#isOver = true));
    await Promise.all(work);
    this.#refuseTwoWinners();
    return {
      acknowledged: this.#acknowledged,
      conflicts: this.#conflicts,
      failures: this.#failures,
      reads: this.#reads,
      violations: this.#violations,
    };
  }

  /** On a busy machine less happens in the same time; what is still too little after a minute is for the suite to say. */
  async #enough(): Promise<void> {
    const isEnough = (): boolean => Math.min(this.#acknowledged.length, this.#reads) > 10 && this.#conflicts > 0;
    await waitUntil("enough has happened", isEnough, 60_000).catch(() => undefined);
  }

  async #publish(owner: UploadingPublisher, name: string): Promise<void> {
    for (let number = 0; !this.#isOver; number += 1) {
      const tag = `${name}-${number}`;
      try {
        const version = await this.#publishTag(owner, tag);
        if (version === undefined) continue;
        this.#acknowledged.push({ gun: owner.gun, tag, version });
        await this.#expectEverywhere(owner.gun, version);
      } catch (error) {
        this.#fail(error);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Undefined when another publisher's publication came first. */
  async #publishTag(owner: UploadingPublisher, tag: string): Promise<number | undefined> {
    const publisher = await owner.resumedAt(this.#anyUrl());
    const files = await publisher.signed((editor) => editor.addTarget("targets", tag, target(tag)));
    const response = await publisher.send(files);
    const body = await response.text();
    if (response.status === 200) return versionOf(files.get("targets"));
    if (response.status !== 400) throw new Error(`${response.status} ${body}`);
    if (!/"code":"VERSION"/u.test(body)) this.#violations.push(`publishing ${tag}: ${body}`);
    this.#conflicts += 1;
    return undefined;
  }

  async #expectEverywhere(gun: string, version: number): Promise<void> {
    const url = this.#anyUrl();
    const found = await verifyAt(url, gun);
    if (found < version)
      this.#violations.push(`${gun}: ${url} answers with ${found} after ${version} was acknowledged`);
  }

  async #read(): Promise<void> {
    // What this reader has seen it never wants to unsee, whichever replica it asks next.
    const caches = new Map(this.#options.guns.map((gun) => [gun, new MemoryMetadataCache()]));
    for (let number = 0; !this.#isOver; number += 1) {
      const gun = this.#options.guns[number % this.#options.guns.length] ?? "";
      try {
        await verifyAt(this.#anyUrl(), gun, caches.get(gun));
        this.#reads += 1;
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** Servers may be away and say so; they may not say what is not so. */
  #fail(error: unknown): void {
    const text =
      error instanceof Error ? `${error.message} ${(error.cause as Error | undefined)?.message ?? ""}` : String(error);
    if (error instanceof MetadataError) this.#violations.push(`${error.code}: ${text}`);
    else this.#failures.push(text);
  }

  #refuseTwoWinners(): void {
    const versions = this.#acknowledged.map(({ gun, version }) => `${gun} ${version}`);
    const twice = versions.filter((version, index) => versions.indexOf(version) !== index);
    this.#violations.push(...twice.map((version) => `two winners of ${version}`));
  }

  #anyUrl(): string {
    const urls = this.#options.urls();
    return urls[(this.#turn += 1) % urls.length] ?? "";
  }
}

function versionOf(targets: Uint8Array | undefined): number {
  const { signed } = JSON.parse(Buffer.from(targets ?? []).toString()) as { signed: { version: number } };
  return signed.version;
}

/** Acknowledged tags that a replica does not have. */
export async function lostTags(url: string, { acknowledged }: StoryOutcome): Promise<string[]> {
  const lost: string[] = [];
  for (const gun of new Set(acknowledged.map((one) => one.gun))) {
    const found = new Set(await readTags(url, gun));
    for (const one of acknowledged) if (one.gun === gun && !found.has(one.tag)) lost.push(`${gun}:${one.tag}`);
  }
  return lost;
}
