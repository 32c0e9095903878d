/** Kills a gateway again and again while clients pull through it, the publisher signs, and the registry's tag points to something else. */
import { hash } from "node:crypto";
import { mediaTypes } from "../../src/registry/manifest.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { tagsealCommand } from "./clients.ts";
import { type Environment, freePort, portAnswers, run, type Running, runOk, type Scope } from "./processes.ts";
import { contentOf, manifestBytes } from "./registry-story.ts";
import { startSandbox } from "./sandbox.ts";

const repository = "killed/app";

/** What happened while the gateway was killed again and again. */
export interface KilledLoad {
  readonly kills: number;
  readonly signed: number;
  readonly pulled: number;
  /** requests without an answer, because the gateway was down */
  readonly unanswered: number;
  /** what must not be */
  readonly wrong: readonly string[];
}

interface Stand {
  readonly env: Environment;
  readonly registry: string;
  /** in the order in which they are signed */
  readonly digests: readonly string[];
  readonly client: RegistryClient;
  readonly url: string;
  start(): Promise<Running>;
}

interface Load extends Stand {
  readonly until: number;
  readonly counts: { kills: number; signed: number; pulled: number; unanswered: number };
  readonly wrong: Set<string>;
}

/** Runs everything for so many seconds. The trust data that the gateway remembers stays. */
export async function pullFromKilledGateway(scope: Scope, seconds: number, clients: number): Promise<KilledLoad> {
  const stand = await makeStand(scope, 12 + Math.ceil(seconds));
  await sign(stand, 0);
  const counts = { kills: 0, signed: 1, pulled: 0, unanswered: 0 };
  const load: Load = { ...stand, until: Date.now() + seconds * 1_000, counts, wrong: new Set() };
  const newest = { answered: 0 };
  const pulling = Array.from({ length: clients }, async () => {
    while (goesOn(load)) await pull(load, newest);
  });
  await Promise.all([killing(load), publishing(load), ...pulling]);
  return { ...counts, wrong: [...load.wrong] };
}

/** On a busy machine a gateway may be killed before it has answered: then longer than asked for. */
function goesOn({ until, counts }: Load): boolean {
  const isEnough = counts.kills >= 2 && counts.pulled >= 3;
  return Date.now() < (isEnough ? until : until + 45_000);
}

async function makeStand(scope: Scope, images: number): Promise<Stand> {
  const { env } = await startSandbox(scope);
  const registry = env["REGISTRY"] ?? "";
  const client = RegistryClient.forReference({ registry, repository }, { access: "push" });
  scope.defer(() => client.close());
  const digests: string[] = [];
  for (let index = 0; index < images; index += 1)
    digests.push(await pushImage(client, `image${index}`, `image ${index}`));
  const port = await freePort();
  const args = ["gateway", "--listen", `127.0.0.1:${port}`, "--upstream", registry, "--refresh", "1s"];
  const start = async (): Promise<Running> =>
    await scope.start("gateway", tagsealCommand, [...args, "--data", scope.path("gateway")], {
      env: { ...env, HOME: scope.directory },
      ready: () => portAnswers(port),
    });
  const url = `http://127.0.0.1:${port}/v2/${registry.replace(":", "_")}/${repository}`;
  return { env: { ...env, HOME: scope.directory }, registry, digests, client, url, start };
}

/** An image whose configuration names its layer, as signing asks for. */
async function pushImage(to: RegistryClient, tag: string, label: string): Promise<string> {
  const layer = contentOf(`layer of ${label}`);
  const rootfs = { type: "layers", diff_ids: [layer.descriptor.digest] };
  const config = contentOf(JSON.stringify({ os: "linux", architecture: "amd64", rootfs }));
  for (const part of [config, layer]) await to.pushBlob(part);
  const bytes = manifestBytes(config.descriptor, [layer.descriptor]);
  return (await to.pushManifest(tag, bytes, mediaTypes.ociManifest)).digest;
}

async function sign({ env, registry, digests }: Stand, index: number): Promise<void> {
  await runOk(tagsealCommand, ["sign", `${registry}/${repository}:v1@${digests[index]}`], { env });
}

async function killing(load: Load): Promise<void> {
  while (goesOn(load)) {
    const gateway = await load.start();
    await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1_500));
    await gateway.stop("SIGKILL");
    load.counts.kills += 1;
  }
}

/** Signs one image after another; between, the registry's own tag is moved to what is not signed. */
async function publishing(load: Load): Promise<void> {
  for (let index = 1; index < load.digests.length && goesOn(load); index += 1) {
    const { env } = load;
    await pushImage(load.client, "v1", `stolen ${index}`);
    const { code } = await run(tagsealCommand, ["sign", `${load.registry}/${repository}:v1@${load.digests[index]}`], {
      env,
    });
    if (code === 0) load.counts.signed += 1;
  }
}

/** One pull. No answer may be older than one that was given before the pull began. */
async function pull({ url, digests, counts, wrong }: Load, newest: { answered: number }): Promise<void> {
  const atLeast = newest.answered;
  try {
    const answer = await fetch(`${url}/manifests/v1`, { headers: { accept: mediaTypes.ociManifest } });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 200)
      return void (answer.status === 503
        ? (counts.unanswered += 1)
        : wrong.add(`${answer.status} ${bytes.toString()}`));
    const digest = `sha256:${hash("sha256", bytes)}`;
    const index = digests.indexOf(digest);
    if (index < atLeast) wrong.add(`${digest}: number ${index} after number ${atLeast}`);
    newest.answered = Math.max(newest.answered, index);
    const { layers } = JSON.parse(bytes.toString()) as { layers: { digest: string }[] };
    for (const layer of layers) {
      const blob = await fetch(`${url}/blobs/${layer.digest}`);
      const content = Buffer.from(await blob.arrayBuffer());
      if (blob.status !== 200 || `sha256:${hash("sha256", content)}` !== layer.digest)
        wrong.add(`${layer.digest}: ${blob.status} ${content.toString().slice(0, 200)}`);
    }
    counts.pulled += 1;
  } catch {
    // the gateway is down, or was killed while it answered
    counts.unanswered += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
