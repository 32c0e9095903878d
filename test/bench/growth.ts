/** Cost against the number of repositories of a server, and against the publications that a reader has not seen. */
import { cpSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { post, UploadingPublisher, type Upload } from "../server/uploading-publisher.ts";
import { target } from "../support/editing-story.ts";
import { asInTheImage } from "../support/image-environment.ts";
import {
  missingPeers,
  readText,
  startNotary,
  startTagsealServer,
  type Scope,
  type TrustServer,
} from "../support/peers.ts";
import { ours } from "./clients.ts";
import { load } from "./load.ts";
import { rowOf, spreadOf, timeInTurns, type Measured, type Row } from "./measure.ts";
import { MeteredUser } from "./meter.ts";

/** How far it goes. */
export interface GrowthLoad {
  readonly repositories: readonly number[];
  /** of the repository whose versions are counted */
  readonly tags: number;
  readonly versions: readonly number[];
  readonly turns: number;
  readonly seconds: number;
}

/** What counts, and a first look that takes seconds. */
export const growthLoads = {
  whole: { repositories: [10, 100, 1000, 10_000], tags: 10_000, versions: [1, 10, 100, 500], turns: 7, seconds: 2 },
  quick: { repositories: [20], tags: 200, versions: [3], turns: 1, seconds: 1 },
} as const satisfies Readonly<Record<string, GrowthLoad>>;

/** So many publish to ours at a time while it is filled; notary-signer ends when two keys are made in memory at once. */
const fillers = 4;
/** Publications that are timed at each size, each to another repository. */
const publications = 15;

interface Filled {
  readonly isOurs: boolean;
  readonly server: TrustServer;
  readonly publishers: UploadingPublisher[];
}

function gunOf(at: number): string {
  return `registry.example.com/growth/app${at}`;
}

/** Adds repositories of one tag until there are so many. */
async function fill({ server, isOurs, publishers }: Filled, count: number): Promise<void> {
  let next = publishers.length;
  const filler = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      publishers[at] = await new UploadingPublisher(server.url, gunOf(at)).begin().catch((error: unknown) => {
        throw new Error(`repository ${at} of ${server.url}; its log ends: ${server.process.log().slice(-1500)}`, {
          cause: error,
        });
      });
    }
  };
  await Promise.all(Array.from({ length: isOurs ? fillers : 1 }, filler));
}

/** Reading and publishing on servers with more and more repositories, of one tag each. */
export async function* againstRepositories(
  scope: Scope,
  { repositories, turns, seconds }: GrowthLoad,
): AsyncGenerator<Row, void> {
  // One client makes all repositories, in minutes.
  const env = asInTheImage({ TAGSEAL_SERVER_LIMITS_KEY_REQUESTS_PER_MINUTE: "1000000" });
  const servers = new Map<string, TrustServer>([["tagseal on SQLite", await startTagsealServer(scope, { env })]]);
  if (missingPeers(["notary"]) === false) servers.set("notary-server in memory", await startNotary(scope));
  trustAuthorities(servers.values());
  const filled = new Map<string, Filled>(
    [...servers].map(([name, server]) => [name, { server, isOurs: name.startsWith("tagseal"), publishers: [] }]),
  );
  for (const count of repositories) {
    for (const one of filled.values()) await fill(one, count);
    const script = scope.path(`read-${count}.lua`);
    writeFileSync(script, readerOf(count));
    const rates = new Map([...filled.keys()].map((name) => [name, [] as number[]]));
    for (let turn = 0; turn < Math.min(3, turns); turn += 1)
      for (const [name, { server }] of filled) {
        const { perSecond, failures } = await load(server, { path: "/", connections: 32, seconds, script });
        if (failures > 0) throw new Error(`${name}: ${failures} of the requests failed`);
        rates.get(name)?.push(perSecond);
      }
    const shown = `${count.toLocaleString("en")} repositories`;
    yield rowOf(
      `GET timestamp.json of all repositories in turn, 32 connections, ${shown}`,
      "per second",
      new Map([...rates].map(([name, samples]) => [name, spreadOf(samples)])),
      { plot: "repositories-read", x: count },
    );
    yield rowOf(`publish one more tag over HTTP, ${shown}`, "ms", await publishTimes(filled, count), {
      plot: "repositories-publish",
      x: count,
    });
  }
}

/** Asks for one repository after the other, in steps that visit all of them. */
function readerOf(count: number): string {
  return [
    "local at = 0",
    "request = function()",
    `  at = (at + 7919) % ${count}`,
    `  return wrk.format("GET", "/v2/${gunOf(0).slice(0, -1)}" .. at .. "/_trust/tuf/timestamp.json")`,
    "end",
    "",
  ].join("\n");
}

/** Signed beforehand: what is timed is the server's part. */
async function publishTimes(
  filled: ReadonlyMap<string, Filled>,
  count: number,
): Promise<ReadonlyMap<string, Measured>> {
  const samples = new Map([...filled.keys()].map((name) => [name, [] as number[]]));
  for (let turn = 0; turn < publications; turn += 1) {
    for (const [name, { publishers }] of filled) {
      const publisher = publishers[Math.floor((turn * count) / publications)];
      if (publisher === undefined) throw new Error(`${name} has fewer than ${count} repositories`);
      const upload = await withTag(publisher, `at-${count}-${turn}`);
      const startedAt = performance.now();
      await sent(publisher, upload);
      samples.get(name)?.push(performance.now() - startedAt);
    }
  }
  return new Map([...samples].map(([name, values]) => [name, spreadOf(values)]));
}

async function withTag(publisher: UploadingPublisher, name: string): Promise<Upload> {
  return await publisher.signed((editor) => editor.addTarget("targets", name, target(name)));
}

async function sent(publisher: UploadingPublisher, upload: Upload): Promise<void> {
  const response = await post(publisher.url, publisher.gun, upload);
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  publisher.published.publish(upload);
}

/** For publications from this process. */
function trustAuthorities(servers: Iterable<TrustServer>): void {
  setDefaultCACertificates([...getCACertificates("default"), ...[...servers].map(({ ca }) => readText(ca))]);
}

/** A reader that remembers the repository as it was so many publications ago, and verifies a tag. */
export async function* againstVersions(scope: Scope, { tags, versions, turns }: GrowthLoad): AsyncGenerator<Row, void> {
  const server = await startTagsealServer(scope);
  trustAuthorities([server]);
  const gun = "registry.example.com/growth/versions";
  const publisher = await new UploadingPublisher(server.url, gun).begin();
  await sent(
    publisher,
    await publisher.signed((editor) => {
      for (let at = 0; at < tags; at += 1) editor.addTarget("targets", `t${at}`, target(`t${at}`));
    }),
  );
  const metered = await MeteredUser.start(scope, "versions", server);
  const { trustDirectory } = metered.user;
  const [memory, kept] = [`${trustDirectory}/tuf/${gun}`, scope.path("kept")];
  await metered.user.tagsealOk(["verify", `${gun}:t0`]);
  cpSync(memory, kept, { recursive: true });
  const remember = (): void => {
    if (existsSync(memory)) rmSync(memory, { recursive: true });
    cpSync(kept, memory, { recursive: true });
  };
  let published = 0;
  for (const behind of versions) {
    for (; published < behind; published += 1) await sent(publisher, await withTag(publisher, `later-${published}`));
    const contenders = [
      ...ours(metered, "tagseal verify", () => ["verify", `${gun}:t0`], remember),
      ...(missingPeers(["notary"]) === false
        ? [
            metered.contender(
              "notary lookup",
              async (user, more) => await user.notaryOk(["lookup", gun, "t0"], more),
              remember,
            ),
          ]
        : []),
    ];
    const shown = behind === 1 ? "1 publication" : `${behind.toLocaleString("en")} publications`;
    const work = `verify after ${shown}, ${tags.toLocaleString("en")} tags`;
    yield rowOf(work, "ms", await timeInTurns(contenders, turns), { plot: "versions", x: behind });
  }
}
