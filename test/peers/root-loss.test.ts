/**
 * The drill of a lost root key, with docker 28 that pulls, notary and Tagseal as readers that remember the repository, on our server and on
 * notary's: with a spare none of them notices; without one each says what the page about lost root keys quotes.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { refusedInspection, refusedRoot } from "../../src/trust/accidents/reader-effects.ts";
import { tagseal } from "../server/restore-story.ts";
import { trustOn } from "../support/docker-words.ts";
import { machineDocker } from "../support/dockers.ts";
import { startFrontWorld, type FrontWorld } from "../support/front-world.ts";
import {
  client,
  type Client,
  missingPeers,
  Scope,
  startNotary,
  startTagsealServer,
  type TrustServer,
} from "../support/peers.ts";
import type { Environment } from "../support/processes.ts";
import { tagsSeenByNotary } from "../support/trust-readers.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/keys/lost-root.md"), "utf8");
const documented = "registry.example.com/team/app";

/** docker, notary and Tagseal on a machine each. */
class Readers {
  readonly docker: Client;
  readonly notary: Client;
  readonly tagseal: Client;
  readonly #world: FrontWorld;
  readonly #gun: string;

  constructor(world: FrontWorld, gun: string, name: string) {
    this.#world = world;
    this.#gun = gun;
    this.docker = world.user(`${name}-docker`);
    this.notary = world.user(`${name}-notary`);
    this.tagseal = world.user(`${name}-tagseal`);
  }

  /** docker pulls each digest, and all three list the tags, without a word of warning. */
  async see(digests: Readonly<Record<string, string>>): Promise<void> {
    for (const [tag, digest] of Object.entries(digests)) {
      const image = `${this.#gun}:${tag}`;
      await this.#world.forget(image, `${this.#gun}@${digest}`);
      const { stdout, stderr } = await this.docker.dockerOk(["pull", image], { env: trustOn });
      assert.ok(stdout.includes(`Pull (1 of 1): ${image}@${digest}`), stdout);
      assert.equal(stderr, `Tagging ${this.#gun}@${digest} as ${image}\n`, "nothing but docker's usual line");
    }
    assert.deepEqual(await tagsSeenByNotary(this.notary, this.#gun), digests);
    const { code, stdout, stderr } = await tagseal(this.tagseal, "list", "--json", this.#gun);
    assert.equal(code, 0, stderr);
    const tags = JSON.parse(stdout) as { tag: string; digest: string }[];
    assert.deepEqual(Object.fromEntries(tags.map(({ tag, digest }) => [tag, digest])), digests);
  }

  /** The sentence of each that fails. */
  async words(): Promise<Readonly<Record<string, string>>> {
    const gun = this.#gun;
    const pulled = await this.docker.docker(["pull", `${gun}:v1`], { env: trustOn });
    const inspected = await this.docker.docker(["trust", "inspect", gun]);
    const listed = await this.notary.notary(["list", gun]);
    const ours = await tagseal(this.tagseal, "list", gun);
    assert.deepEqual([pulled.code, inspected.code, listed.code, ours.code], [1, 1, 1, 3]);
    return {
      "docker 28 with cached trust data, `docker pull`": pulled.stderr.trim(),
      "docker 28 with cached trust data, `docker trust inspect`": inspected.stderr.trim(),
      "notary with cached trust data": (listed.stdout + listed.stderr).trim().replace(/^\* fatal: /u, ""),
      "Tagseal with cached trust data, exit status 3": ours.stderr.split("\n")[0] ?? "",
    };
  }
}

/** The rows of the page's table: what each reader says, and what it needs. */
function quoted(gun: string): ReadonlyMap<string, { readonly says: string; readonly needs: string }> {
  const rows = page.replaceAll(documented, gun).matchAll(/^\| (.+?) \| `([^`]+)` \| `?([^|`]*)`? \|$/gmu);
  return new Map([...rows].map(([, reader = "", says = "", needs = ""]) => [reader, { says, needs }]));
}

/** docker publishes; the key that it makes first is the root key. */
class Publisher {
  readonly user: Client;
  readonly gun: string;
  readonly digests: Record<string, string> = {};
  readonly #world: FrontWorld;

  constructor(world: FrontWorld, name: string) {
    this.#world = world;
    this.user = world.user(`${name}-publisher`, { TAGSEAL_SPARE_PASSPHRASE: "spare passphrase" });
    this.gun = `${world.registry.host}/${name}/app-of-${new URL(world.server.url).port}`;
  }

  async publish(label: string, tag: string): Promise<void> {
    this.digests[tag] = await this.#world.publish(this.user, label, `${this.gun}:${tag}`);
  }

  async run(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await tagseal(this.user, ...argv);
    assert.equal(code, 0, `${stdout}${stderr}`);
    return stdout;
  }

  async loseRootKey(): Promise<void> {
    const directory = join(this.user.trustDirectory, "private");
    const isRoot = (name: string): boolean => /^role: root$/mu.test(readFileSync(join(directory, name), "utf8"));
    const [root = "", ...more] = readdirSync(directory).filter(isRoot);
    assert.deepEqual(more, []);
    rmSync(join(directory, root));
  }
}

/** One engine and one registry for both servers. */
const scope = new Scope("root-loss");
let machine: FrontWorld | undefined;

async function worldWith(server: TrustServer, name: string): Promise<FrontWorld> {
  machine ??= await startFrontWorld(scope, { server });
  const { engine } = machine;
  const user = (who: string, env: Environment = {}): Client =>
    client(scope, { engine, server, name: `${name}-${who}`, env: { ...machineDocker.env, ...env } });
  return { ...machine, server, user };
}

function drill(name: string, startServer: () => Promise<TrustServer>): void {
  let world: FrontWorld;
  before(async () => void (world = await worldWith(await startServer(), name)));

  it("with a spare: readers with warm caches go on untouched, those who slept through it too, and docker publishes on", async () => {
    const owner = new Publisher(world, "spared");
    await owner.publish("one", "v1");
    const [warm, asleep] = [
      new Readers(world, owner.gun, "spared-warm"),
      new Readers(world, owner.gun, "spared-asleep"),
    ];
    await warm.see(owner.digests);
    await asleep.see(owner.digests);
    const spare = scope.path(`${name}-spare.pem`);
    await owner.run("trust", "root", "add-spare", "--out", spare, owner.gun);
    await warm.see(owner.digests);
    await owner.loseRootKey();
    await owner.run("trust", "recover", "--yes", "--lost", "root", "--spare", spare, owner.gun);
    for (const readers of [warm, asleep, new Readers(world, owner.gun, "spared-cold")])
      await readers.see(owner.digests);
    await owner.publish("two", "v2");
    for (const readers of [warm, asleep]) await readers.see(owner.digests);
  });

  it("without a spare: each reader says what the page quotes, and continues after what the page says it needs", async () => {
    const owner = new Publisher(world, "spareless");
    await owner.publish("one", "v1");
    const warm = new Readers(world, owner.gun, "spareless-warm");
    await warm.see(owner.digests);
    await owner.loseRootKey();
    await owner.run("trust", "recover", "--yes", "--lost", "root", owner.gun);
    const rows = quoted(owner.gun);
    const words = await warm.words();
    assert.deepEqual(words, Object.fromEntries(Object.keys(words).map((reader) => [reader, rows.get(reader)?.says])));
    assert.deepEqual([...new Set(Object.values(words))].toSorted(), [refusedRoot, `${refusedInspection} ${owner.gun}`]);

    const needs = (reader: string): readonly string[] => rows.get(reader)?.needs.split(" ") ?? [];
    const [remove, recursively, path = ""] = needs("docker 28 with cached trust data, `docker pull`");
    assert.deepEqual([remove, recursively], ["rm", "-r"]);
    rmSync(path.replace("~/.docker/trust", warm.docker.trustDirectory), { recursive: true });
    const [notary, , , ...deletion] = needs("notary with cached trust data");
    assert.equal(notary, "notary");
    await warm.notary.notaryOk([...deletion]);
    const [program, ...forgetting] = needs("Tagseal with cached trust data, exit status 3");
    assert.equal(program, "tagseal");
    assert.equal((await tagseal(warm.tagseal, ...forgetting, "--force")).code, 0);
    for (const readers of [warm, new Readers(world, owner.gun, "spareless-cold")]) await readers.see(owner.digests);
    await owner.publish("two", "v2");
    await warm.see(owner.digests);
  });

  it("without a spare, interrupted after the deletion: readers use what they remember, with the warning that the page quotes", async () => {
    const owner = new Publisher(world, "interrupted");
    await owner.publish("one", "v1");
    const warm = new Readers(world, owner.gun, "interrupted-warm");
    await warm.see(owner.digests);
    await owner.run("list", owner.gun);
    await owner.loseRootKey();
    const administrator = world.user("interrupted-administrator");
    assert.equal((await tagseal(administrator, "trust", "delete", "--remote", "--force", owner.gun)).code, 0);
    const [, warning = ""] = /with the warning `([^`]+)`/u.exec(page) ?? [];
    const pulled = await warm.docker.dockerOk(["pull", `${owner.gun}:v1`], { env: trustOn });
    assert.ok(pulled.stderr.includes(`msg="${warning}"`), pulled.stderr);
    assert.ok((await warm.notary.notaryOk(["list", owner.gun])).stderr.includes(warning));
    assert.ok((await tagseal(warm.tagseal, "list", owner.gun)).stderr.includes(warning));
    await owner.run("trust", "recover", "--yes", "--lost", "root", owner.gun);
    await new Readers(world, owner.gun, "interrupted-cold").see(owner.digests);
  });
}

const skip = missingPeers(["docker", "dockerd", "registry", "notary", "openssl", "busybox"]);

describe("the loss of a root key", { skip }, () => {
  after(async () => await scope.close());
  describe("on our server", () => drill("ours", async () => await startTagsealServer(scope)));
  describe("on notary-server", () => drill("notary", async () => await startNotary(scope, { store: "memory" })));
});
