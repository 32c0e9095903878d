/** What other readers notice of large uploads: how long their requests take meanwhile. */
import { writeFileSync } from "node:fs";
import { Agent, get } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { sha256 } from "../../src/crypto/sha256.ts";
import { encodeDcz } from "../../src/encoding/dcz.ts";
import { multipartOf } from "../../src/trust/trust-server/multipart-writer.ts";
import { tufUrl, UploadingPublisher } from "../server/uploading-publisher.ts";
import { target } from "../support/editing-story.ts";
import { asInTheImage } from "../support/image-environment.ts";
import { metricOf } from "../support/metric.ts";
import { readText, runOk, type Scope, startNotary, startTagsealServer, type TrustServer } from "../support/peers.ts";
import { residentMb } from "./machine.ts";
import { quantile, rowOf, type Row } from "./measure.ts";

const loads = { whole: { tags: 50_000, uploads: 12 }, quick: { tags: 4000, uploads: 2 } } as const;
type UploadLoad = (typeof loads)[keyof typeof loads];

const readers = 4;
/** Threads without a task have ended after this time. */
const threadsEndMs = 5000;
const read = "registry.example.com/bench/read";

/** One upload, ready to be sent by curl: the sender must take no time of the process that measures the readers. */
interface PreparedUpload {
  readonly file: string;
  readonly headers: readonly string[];
}

/** Successive publications of one repository, each with one tag more. */
async function prepared(scope: Scope, server: TrustServer, name: string, { tags, uploads }: UploadLoad) {
  const publisher = await new UploadingPublisher(server.url, `registry.example.com/bench/${name}`).begin();
  const whole: PreparedUpload[] = [];
  const differences: PreparedUpload[] = [];
  let current: Uint8Array | undefined;
  for (let at = 0; at <= uploads; at += 1) {
    const files = await publisher.signed((editor) => {
      const first = at === 0 ? Array.from({ length: tags }, (_, tag) => `t${tag}`) : [];
      for (const tag of first) editor.addTarget("targets", tag, target(tag));
      editor.addTarget("targets", `next${at}`, target(`next${at}`));
    });
    publisher.published.publish(files);
    const { body, contentType } = multipartOf(files);
    const file = scope.path(`${name}-${server.port}-${at}`);
    const type = `Content-Type: ${contentType}`;
    writeFileSync(file, body);
    whole.push({ file, headers: [type] });
    if (current !== undefined) {
      writeFileSync(`${file}.dcz`, await encodeDcz(body, current, sha256(current)));
      differences.push({ file: `${file}.dcz`, headers: [type, "Content-Encoding: dcz"] });
    }
    current = files.get("targets");
  }
  const [first, ...later] = whole;
  if (first !== undefined) await send(server, publisher.gun, [first]);
  return { gun: publisher.gun, whole: later, differences };
}

async function send(server: TrustServer, gun: string, uploads: readonly PreparedUpload[]): Promise<void> {
  for (const { file, headers } of uploads) {
    const flags = ["--fail", "-sS", "--cacert", server.ca, ...headers.flatMap((text) => ["-H", text])];
    await runOk("curl", [...flags, "--data-binary", `@${file}`, tufUrl(server.url, gun)]);
  }
}

/** Milliseconds of one request on an open connection. */
function askOnce(agent: Agent, url: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const startedAt = performance.now();
  get(url, { agent }, (response) => {
    response.resume().on("end", () => resolve(performance.now() - startedAt));
  }).on("error", reject);
  return promise;
}

/** How long the requests of a few readers take while `work` is done. */
async function latencies(server: TrustServer, work: () => Promise<void>): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: readers, ca: readText(server.ca) });
  const url = `${tufUrl(server.url, read)}timestamp.json`;
  await Promise.all(Array.from({ length: readers }, () => askOnce(agent, url)));
  const found: number[] = [];
  const over = new AbortController();
  const reading = Array.from({ length: readers }, async () => {
    while (!over.signal.aborted) {
      found.push(await askOnce(agent, url));
      await pause(1);
    }
  });
  await work().finally(() => over.abort());
  await Promise.all(reading);
  agent.destroy();
  return found;
}

interface Noticed {
  readonly whole: readonly number[];
  readonly differences: readonly number[] | undefined;
  readonly idle: readonly number[];
}

/** The first one is ours: only that takes differences. */
async function measured(scope: Scope, server: TrustServer, isOurs: boolean, load: UploadLoad): Promise<Noticed> {
  await new UploadingPublisher(server.url, read).begin();
  const { gun, whole } = await prepared(scope, server, "whole", load);
  const idle = await latencies(server, () => pause(1500));
  const found = await latencies(server, () => send(server, gun, whole));
  if (!isOurs) return { idle, whole: found, differences: undefined };
  const other = await prepared(scope, server, "differences", load);
  return { idle, whole: found, differences: await latencies(server, () => send(server, other.gun, other.differences)) };
}

/** Ours beside notary-server with its store in memory, which has nothing to write to a disk. */
export async function* uploadsBesideReaders(scope: Scope, effort: keyof typeof loads): AsyncGenerator<Row, void> {
  const ours = await startTagsealServer(scope, { env: asInTheImage() });
  const theirs = await startNotary(scope);
  setDefaultCACertificates([...getCACertificates("default"), readText(ours.ca), readText(theirs.ca)]);
  const load = loads[effort];
  const peer = await measured(scope, theirs, false, load);
  await metricOf(ours, "tagseal_server_event_loop_delay_seconds");
  const own = await measured(scope, ours, true, load);
  const heldMs = (await metricOf(ours, "tagseal_server_event_loop_delay_seconds")) * 1000;
  const kinds = [
    ["99th percentile", (values: readonly number[]) => quantile(values, 0.99)],
    ["longest", (values: readonly number[]) => Math.max(...values)],
  ] as const;
  for (const [kind, of] of kinds) {
    const what = `a reader's request while lists of ${load.tags.toLocaleString("en")} tags are published, ${kind}`;
    const compared = new Map([
      ["tagseal on SQLite", of(own.whole)],
      ["notary-server in memory", of(peer.whole)],
      ["without uploads, itself", of(own.idle)],
    ]);
    yield rowOf(what, "ms", compared);
    const differences = new Map([
      ["tagseal on SQLite", of(own.differences ?? [])],
      ["without uploads, itself", of(own.idle)],
    ]);
    yield rowOf(`the same, published as differences, ${kind}`, "ms", differences);
  }
  yield rowOf("the longest that the event loop was held meanwhile", "ms", new Map([["tagseal on SQLite", heldMs]]));
  await pause(threadsEndMs);
  const memory = new Map([
    ["tagseal on SQLite", residentMb(ours.process)],
    ["notary-server in memory", residentMb(theirs.process)],
  ]);
  yield rowOf("memory five seconds after these uploads", "MB", memory);
}
