/** What a gateway in front of a registry costs: latency of a tag, throughput of a blob, and memory after many pulls. */
import { Agent, request } from "node:https";
import { rmSync } from "node:fs";
import { readText, runOk, type Scope, type TrustServer } from "../support/peers.ts";
import { residentMb } from "./machine.ts";
import { gatewayStand, type GatewayStand, type PullSource } from "./gateway-stand.ts";
import { medianOf, rowOf, spreadOf, timeInTurns, type Row } from "./measure.ts";

/** How much is measured. */
export interface GatewayLoad {
  readonly requests: number;
  readonly blobBytes: number;
  readonly blobTurns: number;
  readonly pulls: number;
}

/** What counts, and a first look that takes seconds. */
export const gatewayLoads = {
  whole: { requests: 2_000, blobBytes: 500_000_000, blobTurns: 5, pulls: 100_000 },
  quick: { requests: 200, blobBytes: 50_000_000, blobTurns: 3, pulls: 500 },
} as const satisfies Readonly<Record<string, GatewayLoad>>;

/** Rows of the gateway beside the bare registry and distribution's own proxy mode. */
export async function gatewayCosts(scope: Scope, server: TrustServer, load: GatewayLoad): Promise<Row[]> {
  const stand = await gatewayStand(scope, server, load.blobBytes);
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ca: readText(stand.ca) });
  scope.defer(() => agent.destroy());
  return [
    ...(await tagLatency(stand, agent, "HEAD", load.requests)),
    ...(await tagLatency(stand, agent, "GET", load.requests)),
    ...(await blobThroughput(stand, load.blobTurns)),
    await imagePulls(scope, stand, load.blobTurns),
    ...(await memoryOfPulls(stand, agent, load.pulls)),
  ];
}

/** Asks, and reads the answer to its end. */
function ask(agent: Agent, method: string, url: string): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const headers = { accept: "application/vnd.oci.image.manifest.v1+json" };
  request(url, { agent, method, headers }, (response) => {
    response.resume();
    response.on("error", reject);
    response.on("end", () => {
      const digest = response.headers["docker-content-digest"];
      if (response.statusCode === 200) resolve(typeof digest === "string" ? digest : undefined);
      else reject(new Error(`${method} ${url}: ${response.statusCode}`));
    });
  })
    .on("error", reject)
    .end();
  return promise;
}

async function tagLatency(stand: GatewayStand, agent: Agent, method: string, requests: number): Promise<Row[]> {
  const contenders = [stand.gateway, stand.registry, stand.proxy].map(({ name, repository }) => ({
    name,
    work: async () => await ask(agent, method, `${repository}/manifests/v1`),
  }));
  const results = await timeInTurns(contenders, requests);
  const added = [...results].map(([name, { median }]) => [name, median - medianOf(results, "registry")] as const);
  const work = `${method} of a tag, warm`;
  const beside = new Map(added.filter(([name]) => name !== "registry"));
  return [rowOf(work, "ms", results), rowOf(`${work}: added to the registry`, "ms", beside)];
}

/** curl reads, because it costs little; the contenders take turns. */
async function blobThroughput(stand: GatewayStand, turns: number): Promise<Row[]> {
  const sources = [stand.gateway, stand.caching, stand.registry, stand.proxy];
  const speeds = new Map(sources.map(({ name }) => [name, [] as number[]]));
  for (let turn = -1; turn < turns; turn += 1) {
    for (const { name, repository } of sources) {
      const flags = [
        "-sSf",
        "--http1.1",
        "--cacert",
        stand.ca,
        "-o",
        "/dev/null",
        "-w",
        "%{speed_download} %{size_download}",
      ];
      const { stdout } = await runOk("curl", [...flags, `${repository}/blobs/${stand.largest.digest}`], {
        timeoutMs: 600_000,
      });
      const [speed = Number.NaN, size] = stdout.split(" ").map(Number);
      if (size !== stand.largest.size) throw new Error(`${name} sent ${size} bytes of ${stand.largest.size}`);
      process.stderr.write(`blob, ${name}: ${(speed / 1e6).toFixed(0)} MB/s\n`);
      if (turn >= 0) speeds.get(name)?.push(speed / 1e6);
    }
  }
  const row = (own: PullSource): Row => {
    const shown = [own, stand.registry, stand.proxy].map(
      ({ name }) => [name, spreadOf(speeds.get(name) ?? [])] as const,
    );
    const size = `${Math.round(stand.largest.size / 1e6)} MB`;
    return rowOf(`a blob of ${size} over TLS, each server on one processor: ${own.name}`, "MB/s", new Map(shown));
  };
  return [row(stand.caching), row(stand.gateway)];
}

/** What a user waits for: skopeo checks what it gets, and writes it to a directory. */
async function imagePulls(scope: Scope, stand: GatewayStand, turns: number): Promise<Row> {
  const into = scope.path("pulled");
  const contenders = [stand.caching, stand.registry, stand.proxy].map(({ name, repository }) => ({
    name,
    prepare: () => rmSync(into, { recursive: true, force: true }),
    work: async () => {
      const source = `docker://${repository.replace("https://", "").replace("/v2/", "/")}:v1`;
      await runOk(
        "skopeo",
        ["copy", "-q", "--insecure-policy", "--src-cert-dir", stand.authorities, source, `dir:${into}`],
        {
          timeoutMs: 600_000,
        },
      );
    },
  }));
  const size = `${Math.round(stand.largest.size / 1e6)} MB`;
  return rowOf(`an image of ${size} copied to a directory by skopeo`, "ms", await timeInTurns(contenders, turns));
}

/** Resident memory after a tenth, half and all of the pulls: of a tag, its manifest and three small blobs. */
async function memoryOfPulls(stand: GatewayStand, agent: Agent, pulls: number): Promise<Row[]> {
  const { name, repository, process: running } = stand.caching;
  let done = 0;
  const pull = async (): Promise<void> => {
    const digest = await ask(agent, "HEAD", `${repository}/manifests/v1`);
    await ask(agent, "GET", `${repository}/manifests/${digest}`);
    await Promise.all(stand.blobs.map(async (blob) => await ask(agent, "GET", `${repository}/blobs/${blob.digest}`)));
  };
  const worker = async (until: number): Promise<void> => {
    for (; done < until; done += 1) await pull();
  };
  const after = async (share: number): Promise<{ resident: number; objects: number }> => {
    await Promise.all(Array.from({ length: 4 }, async () => await worker(share * pulls)));
    const seen: number[] = [];
    // The least of many looks is one just after the collector has run.
    for (let look = 0; look < 60; look += 1) {
      for (let more = 0; more < 25; more += 1) await pull();
      seen.push(await objectsMb(stand.ca, new URL(repository).origin));
    }
    return { resident: residentMb(running), objects: Math.min(...seen) };
  };
  const [tenth, half, all] = [await after(0.1), await after(0.5), await after(1)];
  return (["resident", "objects"] as const).map((kind) => ({
    work: `${kind === "resident" ? "memory" : "of it, objects"} after ${pulls.toLocaleString("en")} pulls: ${name}`,
    unit: "MB",
    ours: { median: all[kind] },
    peers: [
      { name: "itself after a tenth of them", median: tenth[kind] },
      { name: "itself after half of them", median: half[kind] },
    ],
  }));
}

/** What the objects of a gateway take, as its metrics say. */
async function objectsMb(ca: string, url: string): Promise<number> {
  const { stdout } = await runOk("curl", ["-sS", "--cacert", ca, `${url}/metrics`]);
  return Number(/^tagseal_gateway_heap_bytes (\S+)$/mu.exec(stdout)?.[1]) / 1e6;
}
