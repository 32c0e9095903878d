/** Trust servers side by side, at the HTTP level: reads by many connections, and publishes. */
import { get } from "node:https";
import { fromEnvironment } from "../../src/keys/passphrase-sources.ts";
import { parseDigest } from "../../src/reference/digest.ts";
import { parseImageReference } from "../../src/reference/image-reference.ts";
import { signTags } from "../../src/trust/sign.ts";
import { openTrustContext, type TrustContext } from "../../src/trust/trust-context.ts";
import {
  client,
  passphraseEnvironment,
  readText,
  type LayoutImage,
  type Scope,
  type TrustServer,
} from "../support/peers.ts";
import { load, loadReconnecting, type LoadResult } from "./load.ts";
import { median, rowOf, type Row } from "./measure.ts";
import { seedTags } from "./seed.ts";

/** A server under its name in the report; ours comes first. */
export interface NamedServer {
  readonly name: string;
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

async function rate(work: string, servers: readonly NamedServer[], rounds: number, ask: Asking): Promise<Row> {
  const samples = new Map(servers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, server } of servers) {
      const { perSecond, failures } = await ask(server);
      if (failures > 0) process.stderr.write(`${work}, ${name}: ${failures} requests failed\n`);
      samples.get(name)?.push(perSecond);
    }
  }
  return rowOf(work, "per second", new Map([...samples].map(([name, values]) => [name, median(values)])));
}

/** Reads: the current timestamp, the targets file of a thousand tags, and the timestamp over new connections. */
export async function reads(scope: Scope, servers: readonly NamedServer[], image: LayoutImage): Promise<Row[]> {
  const paths = new Map<TrustServer, string>();
  for (const { server } of servers) {
    await seedTags(client(scope, { server, name: `seed-${server.port}` }), gun, 1000, image);
    paths.set(server, await targetsByChecksum(server));
  }
  const timestamp = `/v2/${gun}/_trust/tuf/timestamp.json`;
  return [
    await rate("GET timestamp.json, 32 connections", servers, 3, (server) => load(server, timestamp, 32, 3)),
    await rate("GET targets of 1,000 tags by checksum, 32 connections", servers, 3, (server) =>
      load(server, paths.get(server) ?? "", 32, 3),
    ),
    await rate("GET timestamp.json, a new TLS connection each, 8 at a time", servers, 3, (server) =>
      loadReconnecting(server, timestamp, 8, 3),
    ),
  ];
}

const publishers = 8;

/** Publishers of repositories of their own, in this process, each with its keys unlocked by a first publish. */
async function openPublishers(scope: Scope, server: TrustServer, round: number): Promise<TrustContext[]> {
  const contexts: TrustContext[] = [];
  for (let index = 0; index < publishers; index += 1) {
    const { dockerConfig } = client(scope, { server, name: `publisher-${server.port}` });
    const context = await openTrustContext({
      reference: parseImageReference(`registry.example.com/bench/publish-${round}-${index}`),
      dockerConfigDir: dockerConfig,
      env: { DOCKER_CONTENT_TRUST_SERVER: server.url },
      passphrases: fromEnvironment(passphraseEnvironment),
      access: "write",
    });
    contexts.push(context);
  }
  return contexts;
}

/** Publishes from eight publishers at once, each of one tag after another in a repository of its own. */
export async function publishes(scope: Scope, servers: readonly NamedServer[], image: LayoutImage): Promise<Row[]> {
  const each = 10;
  const digest = parseDigest(image.manifest.digest);
  const length = image.manifest.size;
  let round = 0;
  const row = await rate("publish one tag, 8 publishers of 8 repositories", servers, 3, async (server) => {
    round += 1;
    const contexts = await openPublishers(scope, server, round);
    for (const context of contexts) await signTags(context, [{ tag: "first", digest, length }]);
    const startedAt = performance.now();
    await Promise.all(
      contexts.map(async (context) => {
        for (let tag = 0; tag < each; tag += 1) await signTags(context, [{ tag: `t${tag}`, digest, length }]);
      }),
    );
    const perSecond = (publishers * each * 1000) / (performance.now() - startedAt);
    for (const context of contexts) context.close();
    return { perSecond, failures: 0 };
  });
  return [row];
}
