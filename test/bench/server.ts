/** Trust servers side by side, at the HTTP level: reads by many connections, and publishes. */
import { get } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { post, UploadingPublisher, type Upload } from "../server/uploading-publisher.ts";
import { target } from "../support/editing-story.ts";
import { startPostgres } from "../support/database.ts";
import { asInTheImage } from "../support/image-environment.ts";
import { client, readText, Scope, startNotary, startTagsealServer, type TrustServer } from "../support/peers.ts";
import { load, loadReconnecting, type LoadResult } from "./load.ts";
import { residentMb } from "./machine.ts";
import { rowOf, spreadOf, type Row } from "./measure.ts";
import { seedTags } from "../support/many-tags.ts";

/** A server under its name in the report. */
interface NamedServer {
  readonly name: string;
  /** ours, as opposed to those it is compared with */
  readonly isOurs: boolean;
  readonly server: TrustServer;
}

const gun = "registry.example.com/bench/read";

function getText(server: TrustServer, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  get(`${server.url}${path}`, { ca: readText(server.ca), agent: false }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve(Buffer.concat(chunks).toString()));
  }).on("error", reject);
  return promise;
}

/** The address of the current targets file by its checksum, as a client finds it. */
async function targetsByChecksum(server: TrustServer): Promise<string> {
  const base = `/v2/${gun}/_trust/tuf`;
  const snapshot = JSON.parse(await getText(server, `${base}/snapshot.json`)) as {
    signed: { meta: { targets: { hashes: { sha256: string } } } };
  };
  const hex = Buffer.from(snapshot.signed.meta.targets.hashes.sha256, "base64").toString("hex");
  return `${base}/targets.${hex}.json`;
}

type Asking = (server: TrustServer) => Promise<LoadResult>;

/** A row for each server of ours, beside all the others. */
async function rate(work: string, servers: readonly NamedServer[], rounds: number, ask: Asking): Promise<Row[]> {
  const samples = new Map(servers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, server } of servers) {
      const { perSecond, failures, bytesEach } = await ask(server);
      process.stderr.write(`${work}, ${name}: ${perSecond.toFixed(0)}/s, ${bytesEach.toFixed(0)} bytes each\n`);
      if (failures > 0) process.stderr.write(`${work}, ${name}: ${failures} requests failed\n`);
      samples.get(name)?.push(perSecond);
    }
  }
  const peers = servers.filter(({ isOurs }) => !isOurs);
  return servers
    .filter(({ isOurs }) => isOurs)
    .map((own) => {
      const compared = [own, ...peers].map(({ name }) => [name, spreadOf(samples.get(name) ?? [])] as const);
      return rowOf(`${work}: ${own.name}`, "per second", new Map(compared));
    });
}

/** How long each load lasts, and how often. */
interface ServerLoad {
  readonly seconds: number;
  readonly rounds: number;
  readonly publishRounds: number;
}

const loads = {
  whole: { seconds: 3, rounds: 3, publishRounds: 9 },
  quick: { seconds: 1, rounds: 1, publishRounds: 1 },
} as const satisfies Readonly<Record<string, ServerLoad>>;

/** Reads: the current timestamp, the targets file of a thousand tags, and the timestamp over new connections. */
async function* reads(
  scope: Scope,
  servers: readonly NamedServer[],
  { seconds, rounds }: ServerLoad,
): AsyncGenerator<Row, void> {
  const paths = new Map<TrustServer, string>();
  for (const { server } of servers) {
    await seedTags(client(scope, { server, name: `seed-${server.port}` }), gun, 1000);
    paths.set(server, await targetsByChecksum(server));
  }
  const path = `/v2/${gun}/_trust/tuf/timestamp.json`;
  const targets = (server: TrustServer): string => paths.get(server) ?? "";
  const works: readonly (readonly [string, Asking])[] = [
    ["GET timestamp.json, 32 connections", (server) => load(server, { path, connections: 32, seconds })],
    ["GET timestamp.json, 512 connections", (server) => load(server, { path, connections: 512, seconds })],
    [
      "GET targets of 1,000 tags by checksum, 32 connections",
      (server) => load(server, { path: targets(server), connections: 32, seconds }),
    ],
    [
      "GET targets of 1,000 tags by checksum, 32 connections that accept compression",
      (server) => load(server, { path: targets(server), connections: 32, seconds, headers: ["Accept-Encoding: gzip"] }),
    ],
    [
      "GET timestamp.json, a new TLS connection each, 8 at a time",
      (server) => loadReconnecting(server, { path, connections: 8, seconds }),
    ],
  ];
  for (const [work, asking] of works) yield* await rate(work, servers, rounds, asking);
}

const publishers = 8;
const publishesEach = 15;

interface Prepared {
  readonly publisher: UploadingPublisher;
  readonly uploads: readonly Upload[];
}

/** A publisher of a new repository, with uploads signed beforehand: what is timed is the server's part. */
async function prepare(server: TrustServer, name: string): Promise<Prepared> {
  const publisher = await new UploadingPublisher(server.url, `registry.example.com/bench/${name}`).begin();
  const uploads: Upload[] = [];
  for (let index = 0; index < publishesEach; index += 1) {
    const upload = await publisher.signed((editor) => editor.addTarget("targets", `t${index}`, target(`t${index}`)));
    publisher.published.publish(upload);
    uploads.push(upload);
  }
  return { publisher, uploads };
}

/** False as well when the server closes the connection instead of answering. */
async function isPublished({ url }: TrustServer, repository: string, upload: Upload): Promise<boolean> {
  try {
    const response = await post(url, repository, upload);
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** Eight publishers at once, each sending one update after another to a separate repository. */
async function publishes(servers: readonly NamedServer[], rounds: number): Promise<Row[]> {
  setDefaultCACertificates([...getCACertificates("default"), ...servers.map(({ server }) => readText(server.ca))]);
  let round = 0;
  // A round takes half a second, where those of reads take three.
  return await rate("publish, 8 publishers of 8 repositories", servers, rounds, async (server) => {
    round += 1;
    const names = Array.from({ length: publishers }, (_, index) => `publish-${round}-${index}`);
    // A server may have closed connections of the last round: these requests find out, and not a publication.
    await Promise.allSettled(names.map(async () => await (await fetch(`${server.url}/v2/`)).arrayBuffer()));
    const prepared = await Promise.all(names.map((name) => prepare(server, name)));
    let failures = 0;
    const startedAt = performance.now();
    await Promise.all(
      prepared.map(async ({ publisher, uploads }) => {
        for (const upload of uploads) {
          if (!(await isPublished(server, publisher.gun, upload))) failures += 1;
        }
      }),
    );
    const perSecond = (publishers * publishesEach * 1000) / (performance.now() - startedAt);
    return { perSecond, failures, bytesEach: 0 };
  });
}

/** What the servers have in memory after all of that. */
function memory(servers: readonly NamedServer[]): Row[] {
  const resident = ({ name, server }: NamedServer) => [name, residentMb(server.process)] as const;
  const peers = servers.filter(({ isOurs }) => !isOurs).map(resident);
  return servers
    .filter(({ isOurs }) => isOurs)
    .map((own) => rowOf(`memory afterwards: ${own.name}`, "MB", new Map([resident(own), ...peers])));
}

/** Ours beside notary-server, on stores of both kinds. */
export async function* compareServers(scope: Scope, effort: keyof typeof loads): AsyncGenerator<Row, void> {
  // A separate database, set up as that of notary-server: durable, on the same disk.
  await using databases = new Scope("bench-database");
  const postgres = await startPostgres(databases);
  await postgres.create("tagseal", "select 1");
  const args = ["--database", postgres.url("tagseal")];
  const env = asInTheImage({ TAGSEAL_SIGNER_PASSPHRASE: "bench passphrase" });
  const onPostgres = await startTagsealServer(scope, { args, env });
  const servers = [
    { name: "tagseal on SQLite", isOurs: true, server: await startTagsealServer(scope, { env: asInTheImage() }) },
    { name: "tagseal on PostgreSQL", isOurs: true, server: onPostgres },
    { name: "notary-server on PostgreSQL", isOurs: false, server: await startNotary(scope, { store: "postgres" }) },
    { name: "notary-server in memory", isOurs: false, server: await startNotary(scope) },
  ];
  yield* reads(scope, servers, loads[effort]);
  yield* await publishes(servers, loads[effort].publishRounds);
  yield* memory(servers);
}
