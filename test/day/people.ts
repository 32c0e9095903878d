/**
 * Those who use the platform all day: publishers who note what was acknowledged, and readers with warm caches, each with the client they
 * have. A reader who is refused, or told of an attack, is what must never happen.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { client, type Client } from "../support/clients.ts";
import { writeLayout, type LayoutImage } from "../support/images.ts";
import { waitUntil, type Finished } from "../support/processes.ts";
import type { DayServer, World } from "./world.ts";

const readEveryMs = 400;
const publishEveryMs = 500;
const newRepositoryEveryMs = 15_000;

/** What happened to all people. */
export interface DayBook {
  readonly acknowledged: Map<string, Set<string>>;
  reads: Record<"docker" | "notary" | "tagseal", number>;
  /** publications that were not acknowledged */
  failedPublications: number;
  readonly refusedReaders: string[];
}

/** A program that reads, and how to tell that it served its user. */
interface Reader {
  readonly name: keyof DayBook["reads"];
  readonly read: (user: Client, repository: string) => Promise<Finished>;
}

const readers: readonly Reader[] = [
  { name: "docker", read: (user, repository) => user.docker(["trust", "inspect", `${repository}:first`]) },
  { name: "notary", read: (user, repository) => user.notary(["lookup", repository, "first"]) },
  { name: "tagseal", read: (user, repository) => user.tagseal(["verify", `${repository}:first`]) },
];

/** All people, with images published and caches warm. */
export class People {
  readonly book: DayBook = {
    acknowledged: new Map(),
    reads: { docker: 0, notary: 0, tagseal: 0 },
    failedPublications: 0,
    refusedReaders: [],
  };
  readonly publisher: Client;
  readonly #world: World;
  readonly #rest: number;
  readonly #image: LayoutImage;
  readonly #users: ReadonlyMap<Reader, Client>;
  #work: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #served = 0;
  /** until then no one begins a new action */
  #held: Promise<unknown> = Promise.resolve();

  private constructor(world: World, image: LayoutImage, rest: number) {
    this.#world = world;
    this.#rest = rest;
    this.#image = image;
    this.publisher = this.#user("publisher");
    this.#users = new Map(readers.map((reader) => [reader, this.#user(`reader-${reader.name}`)]));
  }

  /**
   * Publishes the repositories that are read all day, and has every reader read them once.
   *
   * @param rest how many times longer than the busiest people they pause
   */
  static async arrive(world: World, rest: number): Promise<People> {
    const people = new People(world, await writeLayout(world.scope.path("image"), "a day"), rest);
    for (const name of ["app", "base"]) await people.#newRepository(name);
    for (const [reader, user] of people.#users) await people.#read(reader, user);
    return people;
  }

  /** Sends what all machines remember to a server that was restored, publishers first. */
  async bringBack(server: Pick<DayServer, "url" | "port"> | undefined): Promise<void> {
    if (server === undefined) return;
    for (const user of [this.publisher, ...this.#users.values()]) {
      const { env, dockerConfig } = user;
      const authority = join(dockerConfig, "tls", `localhost:${server.port}`);
      cpSync(join(dockerConfig, "tls", `localhost:${this.#world.door.port}`), authority, { recursive: true });
      const more = { ...env, DOCKER_CONTENT_TRUST_SERVER: server.url };
      await user.tagsealOk(["trust", "recover-server", "--all"], { env: more });
    }
  }

  begin(): void {
    this.#work = Promise.all([
      ...[...this.#users].map(([reader, user]) => this.#again(readEveryMs, () => this.#read(reader, user))),
      ...["app", "base"].map((name) => this.#again(publishEveryMs, (turn) => this.#publish(name, `t${turn}`))),
      this.#again(newRepositoryEveryMs, (turn) => this.#newRepository(`new-${turn}`)),
    ]);
  }

  /** Resolves when the last of them is done. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  /** Lets all people finish, runs `work`, and lets them continue: as a load balancer drains before it is closed. */
  async whileNobodyIsServed(work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    await waitUntil("everybody has been served", () => this.#served === 0, 120_000);
    await work().finally(resolve);
  }

  /** Acknowledged tags that a newcomer does not find. */
  async lost(): Promise<string[]> {
    const newcomer = this.#user(`newcomer-${Date.now()}`);
    const lost: string[] = [];
    for (const [name, tags] of this.book.acknowledged) {
      const { code, stdout } = await newcomer.tagseal(["list", "--json", this.repository(name)]);
      const listed = code === 0 ? (JSON.parse(stdout) as readonly { readonly tag: string }[]) : [];
      const found = new Set(listed.map(({ tag }) => tag));
      lost.push(...[...tags].filter((tag) => !found.has(tag)).map((tag) => `${name}:${tag}`));
    }
    return lost;
  }

  repository(name: string): string {
    return `${this.#world.registry}/day/${name}`;
  }

  #user(name: string): Client {
    const { scope, door, ca } = this.#world;
    return client(scope, { name, server: { url: `https://localhost:${door.port}`, port: door.port, ca } });
  }

  async #again(everyMs: number, work: (turn: number) => Promise<void>): Promise<void> {
    for (let turn = 1; !this.#isOver; turn += 1) {
      await this.#held;
      this.#served += 1;
      await work(turn).finally(() => (this.#served -= 1));
      await after(everyMs * this.#rest * (0.5 + Math.random()));
    }
  }

  async #read({ name, read }: Reader, user: Client): Promise<void> {
    const { code, stdout, stderr } = await read(user, this.repository("app"));
    this.book.reads[name] += 1;
    const attack = /malicious|rollback|lower than|attack|tamper|expired/iu.test(stdout + stderr);
    if (code !== 0 || attack)
      this.book.refusedReaders.push(`${new Date().toISOString()} ${name}, exit code ${code}: ${stdout}${stderr}`);
  }

  async #publish(name: string, tag: string): Promise<void> {
    const image = `${this.repository(name)}:${tag}@${this.#image.manifest.digest}`;
    this.#note(name, tag, await this.publisher.tagseal(["sign", image]));
  }

  async #newRepository(name: string): Promise<void> {
    const image = `${this.repository(name)}:first`;
    this.#note(name, "first", await this.publisher.tagseal(["push", "--from", `oci:${this.#image.directory}`, image]));
  }

  #note(name: string, tag: string, { code }: Finished): void {
    if (code !== 0) {
      this.book.failedPublications += 1;
      return;
    }
    const tags = this.book.acknowledged.get(name) ?? new Set();
    this.book.acknowledged.set(name, tags.add(tag));
  }
}
